/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses one configuration file on top of those before it. */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_PARSE_H
#define VMPOWER_HELPER_MANAGER_CONFIG_PARSE_H

#include "helper/manager/config/config.h"

/* The configuration so far. */
struct config_draft {
	struct config config;
	uint32_t capacity; /* of config.domains */
};

/**
 * config_parse_file() - parse a file into @draft
 * @draft:	undefined on failure; call config_clear() even then
 *
 * Return: 0; -ENOENT; -EINVAL; -errno; @error is set on failure.
 */
int config_parse_file(const char *path, struct config_draft *draft, struct config_error *error);

/** config_fail() - set @error as printf(3) does, truncated with "..." */
void config_fail(struct config_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** config_unreadable() - set @error: a file or directory can't be read. Return: @result, -errno */
int config_unreadable(const char *path, int result, struct config_error *error);

#endif
