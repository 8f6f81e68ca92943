/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "common/value.h"
#include "helper/manager/config/keys.h"

static void usage(FILE *to)
{
	(void)fprintf(
		to,
		"usage: vmpowerd [--config FILE] [--runtime-dir DIR] [--lease SECONDS] [--debug]\n"
		"       vmpowerd --check-config [FILE]\n"
		"       vmpowerd --default-config\n"
		"       vmpowerd --restore [--config FILE] [--runtime-dir DIR]\n"
		"\n"
		"  --config FILE        default " VMPOWER_CONFIG_FILE "\n"
		"  --runtime-dir DIR    sockets and state file; default " VMPOWER_RUNTIME_DIR "\n"
		"  --check-config       check the configuration and exit\n"
		"  --default-config     print the default configuration, with comments\n"
		"  --restore            restore all baselines, unless a vmpowerd runs, and exit\n"
		"  --lease SECONDS      how long the monitor goes on alone; default 60. Not\n"
		"                       where a service starts the monitor\n"
		"  --debug              log debug messages\n"
		"  --version, --help\n");
}

int options_parse(int argc, char **argv, struct options *options)
{
	enum {
		CONFIG = 256,
		RUNTIME_DIR,
		CHECK_CONFIG,
		DEFAULT_CONFIG,
		DEBUG,
		RESTORE,
		LEASE,
		VERSION,
		HELP
	};
	static const struct option long_options[] = {
		{"config", required_argument, NULL, CONFIG},
		{"runtime-dir", required_argument, NULL, RUNTIME_DIR},
		{"check-config", no_argument, NULL, CHECK_CONFIG},
		{"default-config", no_argument, NULL, DEFAULT_CONFIG},
		{"restore", no_argument, NULL, RESTORE},
		{"lease", required_argument, NULL, LEASE},
		{"debug", no_argument, NULL, DEBUG},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	int c;

	*options = (struct options){
		.config = VMPOWER_CONFIG_FILE,
		.runtime_dir = VMPOWER_RUNTIME_DIR,
		.lease_s = 60,
		.log_level = LOG_INFO,
	};
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		switch (c) {
		case CONFIG:
			options->config = optarg;
			options->config_given = true;
			break;
		case RUNTIME_DIR:
			options->runtime_dir = optarg;
			break;
		case CHECK_CONFIG:
			options->check_config = true;
			break;
		case DEFAULT_CONFIG:
			config_print_defaults(stdout);
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		case RESTORE:
			options->restore = true;
			break;
		case LEASE:
			if (parse_u32(optarg, 86400, &options->lease_s) == 0)
				break;
			(void)fprintf(stderr, "vmpowerd: --lease %s: not a number of seconds\n",
				      optarg);
			return 2;
		case DEBUG:
			options->log_level = LOG_DEBUG;
			break;
		case VERSION:
			(void)puts("vmpowerd " VMPOWER_VERSION);
			return EXIT_SUCCESS;
		case HELP:
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (options->check_config && argc - optind == 1) {
		options->config = argv[optind++];
		options->config_given = true;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "vmpowerd: unexpected argument \"%s\"\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return -1;
}
