/* SPDX-License-Identifier: BSD-3-Clause */
/* Restores a baseline without overwriting what someone else has set since. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H

#include <stdbool.h>

#include "helper/link/frequency.h"
#include "helper/manager/cpufreq/baseline.h"

/* What is known about our writes to a frequency domain. */
struct restore_hints {
	const struct frequency_table *table; /* NULL: unknown */
	/*
	 * Last value that the monitor reports as completely written; 0: unknown. Untrusted: it
	 * only widens or narrows the restore.
	 */
	uint32_t written_khz;
	bool crashed; /* the monitor died, perhaps between two writes */
};

/**
 * baseline_restore() - restore the baseline of one frequency domain
 * @dir:	fd of its policy directory
 *
 * Restores only our own values; logs and keeps someone else's. Ours are:
 * - method setspeed: the governor while it is userspace. If the baseline's governor is userspace
 *   too, scaling_setspeed: unless the value written last is known, and the file shows neither that
 *   value, nor a rounding of it (by less than one step of the table), nor the limit that clamps it.
 * - method limits: scaling_min_freq and scaling_max_freq if both are equal, as the monitor leaves
 *   them. If they differ and one equals the baseline, the other is ours if it is a step of @table:
 *   one of the monitor's two writes failed, or someone undid one. If both differ from the baseline
 *   and from each other, someone has changed one, and nothing shows which: both are kept, except a
 *   file that holds the value known to be written. After a crash each file that holds a step of
 *   @table is ours.
 *
 * min and max never cross in between. If a file shows the platform's limit instead of the
 * baseline, nobody has set that: the baseline is written and takes effect when the limit is lifted.
 *
 * Return: 0: nothing of ours is left; -errno, logged.
 */
int baseline_restore(int dir, const struct baseline_entry *entry,
		     const struct restore_hints *hints);

#endif
