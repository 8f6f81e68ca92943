/* SPDX-License-Identifier: BSD-3-Clause */
/* One file of the configuration, read into what those before it have left. */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_PARSE_H
#define VMPOWER_HELPER_MANAGER_CONFIG_PARSE_H

#include "helper/manager/config/config.h"

/* The configuration as far as it is read. */
struct config_draft {
	struct config config;
	char limits_origin[CONFIG_TEXT]; /* "FILE:LINE" where a limit of [limits] was set last */
	uint32_t capacity;		 /* of config.domains */
};

/**
 * config_parse_file()
 * @draft:	in an undefined state on failure, but for what config_clear() frees
 *
 * Return: 0; -ENOENT; -EINVAL; -errno; with @error set.
 */
int config_parse_file(const char *path, struct config_draft *draft, struct config_error *error);

/** config_fail() - set @error, cut with "..." where it is too long; printf(3) */
void config_fail(struct config_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** config_unreadable() - set @error for a file or directory. Return: @result, -errno */
int config_unreadable(const char *path, int result, struct config_error *error);

#endif
