/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpower.conf: INI, read with inih, strict on top of it. An unknown section or key, a key
 * given twice or a bad value is an error with file and line.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_LOAD_H
#define VMPOWER_HELPER_MANAGER_CONFIG_LOAD_H

#include "helper/manager/config/config.h"

/**
 * config_load() - defaults, then a file, then its drop-ins (FILE with ".d" appended, *.conf in
 * the order of their names)
 * @path:	the file; @required: else a missing one is an empty one
 * @config:	written only on success, what it held is not looked at; config_clear() it
 *
 * Return: 0; -EINVAL with @error set; -errno with @error set.
 */
int config_load(const char *path, bool required, struct config *config, struct config_error *error);

#endif
