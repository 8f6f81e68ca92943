/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfs attributes: one short line of text each. Tests use plain files, in which a short value
 * leaves the tail of a longer one. So a read stops at the first newline, and a write ends with one.
 * Writes do not truncate: if we were killed after truncating, no value would be left.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_SYSFS_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSFS_TEXT 4096	      /* an attribute is at most a page */
#define USERSPACE "userspace" /* the governor under which scaling_setspeed works */

/**
 * sysfs_read() - the first line of an attribute, without its newline
 * @dir:	directory fd
 * @name:	path below it
 * @text:	buffer; "" if the read fails
 * @size:	its size in bytes
 *
 * Return: length; -EMSGSIZE (does not fit); -EBADMSG (not printable ASCII); -errno.
 */
int sysfs_read(int dir, const char *name, char *text, size_t size);

/**
 * sysfs_read_u32() - an attribute that holds a decimal number
 * @max:	largest value allowed
 * @value:	written only on success
 *
 * Return: 0; -EINVAL (no number); -ERANGE (over @max); as sysfs_read().
 */
int sysfs_read_u32(int dir, const char *name, uint32_t max, uint32_t *value);

/**
 * sysfs_write() - write text and a newline, in one write
 * @text:	at most 255 bytes
 *
 * Return: 0; -EMSGSIZE; -EIO (written in part); -errno.
 */
int sysfs_write(int dir, const char *name, const char *text);

/** sysfs_exists() - does the attribute exist? */
bool sysfs_exists(int dir, const char *name);

/** sysfs_remedy() - what the operator can do about a cpufreq attribute's error (-errno) */
const char *sysfs_remedy(int error);

/*
 * Firmware (ACPI _PPC) may forbid the faster frequencies for a while. The kernel then clamps
 * scaling_max_freq and shows the clamped value; the written value takes effect again when the
 * limit is lifted. bios_limit (acpi-cpufreq and other ACPI drivers) shows the limit. The kernel's
 * other limits (a cooling device's, for instance) have no file and look like an administrator's.
 */

/**
 * platform_holds() - does a file show the platform's limit instead of the written value?
 * @dir:	fd of the policy directory
 * @shown:	content of scaling_min_freq, scaling_max_freq or scaling_setspeed
 * @written:	what it would show without the limit, kHz
 */
bool platform_holds(int dir, const char *shown, uint32_t written);

#endif
