/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting a baseline back, without overwriting what someone else has set meanwhile. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H

#include <stdbool.h>

#include "helper/link/frequency.h"
#include "helper/manager/cpufreq/baseline.h"

/* What is known of what was written to a frequency domain. */
struct restore_hints {
	const struct frequency_table *table; /* NULL: not known */
	/*
	 * Last value that the monitor reports, with all its writes done; 0: not known. Untrusted:
	 * it only widens or narrows the restore.
	 */
	uint32_t written_khz;
	bool crashed; /* the monitor died: it may have done one write of two */
};

/**
 * baseline_restore() - put one frequency domain's baseline back
 * @dir:	fd of its policy directory
 * @entry:	its baseline
 * @hints:	what is known of the writes
 *
 * Only what is ours is put back; what is someone else's is logged and left. Ours are:
 * - method setspeed: the governor, as long as it is userspace; and scaling_setspeed, where the
 *   baseline's governor is userspace, unless we know what was written and the file shows
 *   neither that, nor a rounding of it (by less than a step of the table), nor the limit that
 *   holds it.
 * - method limits: scaling_min_freq and scaling_max_freq where both are the same, as the
 *   monitor leaves them. Where they differ and one is as in the baseline, the other is
 *   ours if it is a step of @table: one of the monitor's two writes failed, or someone undid
 *   one. Where both differ from the baseline and from each other, someone has changed one of
 *   them, and we can't tell which: both are left, except one that holds what is known to be
 *   written. After a crash the monitor may have been between two writes: then each that is a
 *   step of @table is ours.
 *
 * min and max never cross meanwhile. Where a file shows a limit of the platform instead of the
 * baseline, nobody has set that: the baseline is written, and counts when the limit is lifted.
 *
 * Return: 0: nothing of ours is left; -errno, logged.
 */
int baseline_restore(int dir, const struct baseline_entry *entry,
		     const struct restore_hints *hints);

#endif
