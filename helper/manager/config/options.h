/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerd's command line. */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_OPTIONS_H
#define VMPOWER_HELPER_MANAGER_CONFIG_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *config;
	bool config_given;
	const char *runtime_dir;
	int log_level; /* LOG_* */
};

/**
 * options_parse() - parse the command line; carry out options such as --version
 * @options:	set; points into @argv
 *
 * Return: -1: serve; else: exit with this status.
 */
int options_parse(int argc, char **argv, struct options *options);

#endif
