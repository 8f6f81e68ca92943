/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the platform allows: firmware (ACPI's _PPC) may forbid the faster frequencies for a while.
 * The kernel then clamps scaling_max_freq and shows the clamped value; what was written counts
 * again when the limit is lifted. The file bios_limit (of acpi-cpufreq and other drivers that use
 * ACPI) shows the limit. Other limits inside the kernel (of a cooling device, for instance) have
 * no file, and can't be told from an administrator's.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_PLATFORM_LIMIT_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_PLATFORM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * platform_limit() - the limit that is in force
 * @dir:	fd of the policy directory
 *
 * Return: kHz, below cpuinfo_max_freq; 0: none, or the files do not show it.
 */
uint32_t platform_limit(int dir);

/**
 * platform_holds() - does a file show the platform's limit instead of what was written?
 * @shown:	what scaling_min_freq, scaling_max_freq or scaling_setspeed says, as read
 * @written:	what would be there without the limit, kHz
 */
bool platform_holds(int dir, const char *shown, uint32_t written);

#endif
