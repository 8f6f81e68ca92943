/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file: the baseline of every frequency domain that is ours, on disk before the
 * first write to it, so that the next manager can put it back after a crash.
 *
 * Lines of text, each ended by a newline, no other white space than shown:
 *
 *	vmpower-baseline 1 <boot id>
 *	frequency-domain policy=0 method=setspeed driver=acpi-cpufreq governor=ondemand \
 *		min=800000 max=2301000 setspeed=<unsupported>	(one line each, here broken)
 *	end <number of frequency-domain lines>
 *
 * The last line shows that the file is complete. Values are the first lines of the files
 * scaling_driver, scaling_governor, scaling_min_freq, scaling_max_freq and scaling_setspeed as
 * read, with blanks, '%' and what is not printable ASCII as %XX; a file that does not exist has
 * no key. Keys may be in any order, each once. Boot id is the kernel's random/boot_id or
 * "unknown".
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_BASELINE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/link/message.h"

#define BASELINE_TEXT 32
#define BASELINE_BOOT_ID 37
#define BASELINE_UNKNOWN_BOOT "unknown"

struct baseline_entry {
	uint32_t policy; /* N of policyN, < MAX_CPUS */
	enum frequency_method method;
	char driver[BASELINE_TEXT];
	char governor[BASELINE_TEXT]; /* here and below: "" if there is no such file */
	char min_freq[BASELINE_TEXT];
	char max_freq[BASELINE_TEXT];
	char setspeed[BASELINE_TEXT];
};

struct baseline {
	char boot_id[BASELINE_BOOT_ID];
	uint32_t n_entries, capacity;
	struct baseline_entry *entries; /* owned; no two with the same policy */
};

/** baseline_init() - empty, of this boot; to be freed by baseline_free() */
void baseline_init(struct baseline *baseline);
void baseline_free(struct baseline *baseline);

/** baseline_find() - NULL: none. Valid until the next change of the baseline */
struct baseline_entry *baseline_find(const struct baseline *baseline, uint32_t policy);

/** baseline_add() - copy an entry into it. Return: 0; -EEXIST; -ENOMEM; -ENOSPC */
int baseline_add(struct baseline *baseline, const struct baseline_entry *entry);

/** baseline_remove() - drop an entry; does nothing if there is none */
void baseline_remove(struct baseline *baseline, uint32_t policy);

/**
 * baseline_parse() - read a state file's text. Pure.
 * @text, @size:	need not be NUL-terminated
 * @baseline:	overwritten on success, then the caller's to free; untouched on failure
 *
 * Return: 0; -EBADMSG (not such a text, or part of one); -ENOMEM.
 */
int baseline_parse(const char *text, size_t size, struct baseline *baseline);

/**
 * baseline_format() - write a state file's text. Pure.
 * @text:	allocated, NUL-terminated, the caller's to free
 *
 * Return: 0; -ENOMEM.
 */
int baseline_format(const struct baseline *baseline, char **text, size_t *size);

/**
 * baseline_load() - read the state file
 * @baseline:	as in baseline_parse()
 *
 * Return: 0; -ENOENT (there is none); -EPERM (no regular file of ours that nobody else may
 * write); -EFBIG; -EBADMSG; -errno.
 */
int baseline_load(const char *path, struct baseline *baseline);

/**
 * baseline_save() - replace the state file as a whole, or remove it if @baseline is empty
 *
 * After a crash it is the old one or the new one.
 *
 * Return: 0; -errno: the old file is still there, or (where the directory's fsync failed) it
 * is not certain which one a crash leaves.
 */
int baseline_save(const char *path, const struct baseline *baseline);

#endif
