/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerd's command line. */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_OPTIONS_H
#define VMPOWER_HELPER_MANAGER_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *config;
	bool config_given;
	bool check_config; /* check it, and serve nothing */
	bool restore;	   /* restore the baselines, unless a manager runs; serve nothing */
	const char *runtime_dir;
	uint32_t lease_s; /* of a monitor that we start */
	int log_level;	  /* LOG_* */
};

/**
 * options_parse() - parse the command line; carry out options such as --version
 * @options:	set; points into @argv
 *
 * Return: -1: serve, or check the configuration; else: exit with this status.
 */
int options_parse(int argc, char **argv, struct options *options);

#endif
