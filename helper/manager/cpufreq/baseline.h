/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file: the baseline of every acquired frequency domain, saved before the first
 * write to it, so that the next manager can restore it after a crash.
 *
 * Lines of text, each ended by a newline, without any white space that is not shown here:
 *
 *	vmpower-baseline 1 <boot id>
 *	frequency-domain policy=0 method=setspeed driver=acpi-cpufreq governor=ondemand \
 *		min=800000 max=2301000 setspeed=<unsupported>	(one line; broken here)
 *	end <number of frequency-domain lines>
 *
 * The last line shows that the file is complete. Values are the first lines of scaling_driver,
 * scaling_governor, scaling_min_freq, scaling_max_freq and scaling_setspeed; blanks, '%' and
 * anything but printable ASCII are escaped as %XX. A file that does not exist has no key. Keys come
 * in any order, each at most once. The boot id is the kernel's random/boot_id or "unknown".
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_BASELINE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/frequency_method.h"

#define BASELINE_TEXT 32
#define BASELINE_BOOT_ID 37
#define BASELINE_UNKNOWN_BOOT "unknown"

struct baseline_entry {
	uint32_t policy; /* N of policyN, < MAX_CPUS */
	enum frequency_method method;
	char driver[BASELINE_TEXT];
	char governor[BASELINE_TEXT]; /* "" here and below: no such file */
	char min_freq[BASELINE_TEXT];
	char max_freq[BASELINE_TEXT];
	char setspeed[BASELINE_TEXT];
};

struct baseline {
	char boot_id[BASELINE_BOOT_ID];
	uint32_t n_entries, capacity;
	struct baseline_entry *entries; /* owned; one per policy, in no order */
	uint16_t places[MAX_CPUS];	/* by policy: 1 + index of its entry; 0: none */
};

/** baseline_init() - an empty baseline of this boot; release it with baseline_free() */
void baseline_init(struct baseline *baseline);
void baseline_free(struct baseline *baseline);

/** baseline_find() - a policy's entry, valid until the baseline changes; NULL: none */
struct baseline_entry *baseline_find(const struct baseline *baseline, uint32_t policy);

/** baseline_add() - add a copy of an entry. Return: 0; -EEXIST; -ENOMEM; -ENOSPC */
int baseline_add(struct baseline *baseline, const struct baseline_entry *entry);

/** baseline_remove() - drop a policy's entry, if there is one */
void baseline_remove(struct baseline *baseline, uint32_t policy);

/**
 * baseline_parse() - parse the text of a state file. Pure.
 * @text, @size:	need not be NUL-terminated
 * @baseline:	set on success, and then the caller's to free
 *
 * Return: 0; -EBADMSG (malformed or incomplete); -ENOMEM.
 */
int baseline_parse(const char *text, size_t size, struct baseline *baseline);

/**
 * baseline_format() - form the text of a state file. Pure.
 * @text:	allocated, NUL-terminated, the caller's to free
 *
 * Return: 0; -ENOMEM.
 */
int baseline_format(const struct baseline *baseline, char **text, size_t *size);

/**
 * baseline_load() - read the state file
 * @baseline:	as in baseline_parse()
 *
 * Return: 0; -ENOENT; -EPERM (not a regular file, not ours, or writable by others); -EFBIG;
 * -EBADMSG; -errno.
 */
int baseline_load(const char *path, struct baseline *baseline);

/**
 * baseline_save() - replace the state file atomically; remove it if @baseline is empty
 *
 * Return: 0; -errno: the old file is still there, or (if fsync of the directory failed) a crash
 * may leave either file.
 */
int baseline_save(const char *path, const struct baseline *baseline);

#endif
