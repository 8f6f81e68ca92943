/* SPDX-License-Identifier: BSD-3-Clause */
/* The state file as a manager meets it: another's, damaged, of an earlier boot, unwritable. */
#ifndef VMPOWER_HELPER_MANAGER_STATE_FILE_H
#define VMPOWER_HELPER_MANAGER_STATE_FILE_H

#include "baseline.h"

/**
 * state_file_load() - what a predecessor left
 * @path:	the state file
 * @baseline:	from baseline_init(); replaced by what is found
 *
 * Nothing where there is none, and where it is of an earlier boot: that has reset every
 * frequency, so it is removed. One that can't be trusted or read is kept aside (".bad"
 * appended), logged, and nothing is taken from it.
 *
 * Return: 0; -errno, logged: it is in the way and can't be moved.
 */
int state_file_load(const char *path, struct baseline *baseline);

/** state_file_save() - as baseline_save(). Return: 0; -errno, logged with the remedy */
int state_file_save(const char *path, const struct baseline *baseline);

#endif
