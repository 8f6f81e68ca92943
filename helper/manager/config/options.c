/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "helper/manager/config/keys.h"
#include "helper/manager/config/load.h"

static void usage(FILE *to)
{
	(void)fprintf(to,
		      "usage: vmpowerd [--config FILE] [--runtime-dir DIR] [--debug]\n"
		      "       vmpowerd --check-config [FILE]\n"
		      "       vmpowerd --default-config\n"
		      "\n"
		      "  --config FILE        default " VMPOWER_CONFIG_FILE "\n"
		      "  --runtime-dir DIR    sockets and state file; default " VMPOWER_RUNTIME_DIR
		      "\n"
		      "  --check-config       check the configuration and exit\n"
		      "  --default-config     print the default configuration, with comments\n"
		      "  --debug              log debug messages\n"
		      "  --version, --help\n");
}

static int check_config(const char *path, bool required)
{
	struct config_error error;
	struct config config;

	if (config_load(path, required, &config, &error) < 0) {
		(void)fprintf(stderr, "%s\n", error.text);
		return EXIT_FAILURE;
	}
	config_clear(&config);
	return EXIT_SUCCESS;
}

int options_parse(int argc, char **argv, struct options *options)
{
	enum { CONFIG = 256, RUNTIME_DIR, CHECK_CONFIG, DEFAULT_CONFIG, DEBUG, VERSION, HELP };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, CONFIG},
		{"runtime-dir", required_argument, NULL, RUNTIME_DIR},
		{"check-config", no_argument, NULL, CHECK_CONFIG},
		{"default-config", no_argument, NULL, DEFAULT_CONFIG},
		{"debug", no_argument, NULL, DEBUG},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	bool check = false;
	int c;

	*options = (struct options){
		.config = VMPOWER_CONFIG_FILE,
		.runtime_dir = VMPOWER_RUNTIME_DIR,
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
			check = true;
			break;
		case DEFAULT_CONFIG:
			config_print_defaults(stdout);
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
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
	if (check && argc - optind == 1) {
		options->config = argv[optind++];
		options->config_given = true;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "vmpowerd: unexpected argument \"%s\"\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return check ? check_config(options->config, options->config_given) : -1;
}
