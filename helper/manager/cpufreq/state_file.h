/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads and saves the state file; log lines say what to do when that fails. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_STATE_FILE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_STATE_FILE_H

#include "helper/manager/cpufreq/baseline.h"

/**
 * state_file_load() - load the baselines that a predecessor left
 * @baseline:	from baseline_init(); replaced if there are any
 *
 * A missing file is no error. A file of an earlier boot is removed: booting has reset every
 * frequency. A file that can't be read or trusted is logged and renamed (".bad" appended).
 *
 * Return: 0; -errno, logged: it can neither be used nor renamed.
 */
int state_file_load(const char *path, struct baseline *baseline);

/** state_file_save() - as baseline_save(). Return: 0; -errno, logged with a remedy */
int state_file_save(const char *path, const struct baseline *baseline);

#endif
