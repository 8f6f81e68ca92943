/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads vmpower.conf, an INI file, with inih, but is stricter: unknown sections and keys, keys
 * given twice and bad values are errors with file and line.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_LOAD_H
#define VMPOWER_HELPER_MANAGER_CONFIG_LOAD_H

#include "helper/manager/config/config.h"

/**
 * config_load() - defaults, then a file, then its drop-ins: PATH.d/NAME.conf in order of name
 * @required:	is a missing file an error?
 * @config:	set on success, without freeing what it held; release it with config_clear()
 * @error:	set on failure
 *
 * Return: 0; -EINVAL; -errno.
 */
int config_load(const char *path, bool required, struct config *config, struct config_error *error);

#endif
