/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading and saving the state file, with log lines that say what to do when that fails. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_STATE_FILE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_STATE_FILE_H

#include "helper/manager/cpufreq/baseline.h"

/**
 * state_file_load() - load what a predecessor left
 * @path:	the state file
 * @baseline:	from baseline_init(); replaced by what is found
 *
 * No file is no error. A file of an earlier boot is removed: booting has reset every frequency. A
 * file that can't be read or trusted is renamed (".bad" appended), logged and not used.
 *
 * Return: 0; -errno, logged: it can be neither used nor renamed.
 */
int state_file_load(const char *path, struct baseline *baseline);

/** state_file_save() - as baseline_save(). Return: 0; -errno, logged with the remedy */
int state_file_save(const char *path, const struct baseline *baseline);

#endif
