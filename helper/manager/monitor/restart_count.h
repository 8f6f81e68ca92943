/* SPDX-License-Identifier: BSD-3-Clause */
/* How often monitors were replaced: a number in a file, so that the next manager counts on. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_RESTART_COUNT_H
#define VMPOWER_HELPER_MANAGER_MONITOR_RESTART_COUNT_H

#include <stdint.h>

/** restart_count_load() - Return: the number; 0: nothing usable is saved */
uint32_t restart_count_load(const char *runtime_dir);

/** restart_count_save() - a failure is logged */
void restart_count_save(const char *runtime_dir, uint32_t n);

/** restart_backoff_ns() - how long to wait after so many quick deaths in a row */
uint64_t restart_backoff_ns(uint32_t quick_deaths);

#endif
