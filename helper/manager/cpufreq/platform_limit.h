/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware (ACPI _PPC) may forbid the faster frequencies for a while. The kernel then clamps
 * scaling_max_freq and shows the clamped value; the written value takes effect again when the
 * limit is lifted. bios_limit (acpi-cpufreq and other ACPI drivers) shows the limit. The kernel's
 * other limits (a cooling device's, for instance) have no file and look like an administrator's.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_PLATFORM_LIMIT_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_PLATFORM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * platform_limit() - the limit in force
 * @dir:	fd of the policy directory
 *
 * Return: kHz, below cpuinfo_max_freq; 0: none, or no file shows it.
 */
uint32_t platform_limit(int dir);

/**
 * platform_holds() - does a file show the platform's limit instead of the written value?
 * @shown:	content of scaling_min_freq, scaling_max_freq or scaling_setspeed
 * @written:	what it would show without the limit, kHz
 */
bool platform_holds(int dir, const char *shown, uint32_t written);

#endif
