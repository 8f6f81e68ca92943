/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting a baseline back, without treading on what someone else has set meanwhile. */
#ifndef VMPOWER_HELPER_MANAGER_RESTORE_H
#define VMPOWER_HELPER_MANAGER_RESTORE_H

#include <stdbool.h>

#include "baseline.h"
#include "frequency.h"

/* What is known of what was written to a frequency domain. */
struct restore_hints {
	const struct frequency_table *table; /* NULL: not known */
	/*
	 * What the monitor says it wrote last, when it let go of it with all writes done; 0: not
	 * known. It may be a lie: it makes nothing of the manager's but how much is put back.
	 */
	uint32_t written_khz;
	bool crashed; /* who wrote to it died: it may have done half of a write of two */
};

/**
 * baseline_restore() - put one frequency domain's baseline back
 * @dir:	fd of its policy directory
 * @entry:	its baseline
 * @hints:	what is known of the writes
 *
 * Only what is ours is put back; what is someone else's is logged and left. Ours are:
 * - method setspeed: the governor, as long as it is userspace; and scaling_setspeed, where the
 *   baseline's governor is userspace too: unless it is known what was written, and neither that
 *   nor a rounding of it (to less than a step of the table), nor the limit that holds it, is
 *   what it says.
 * - method limits: scaling_min_freq and scaling_max_freq where both are the same, for that is
 *   how the monitor leaves them. Where they differ and one is as in the baseline, the other is
 *   ours if it is a step of @table: one of the monitor's two writes failed, or someone undid
 *   one. Where both have moved apart, someone has moved one of them, there is no telling which:
 *   both are left, but for one that is what is known to be written. But after a crash the monitor
 * may have been between two writes: then each that is a step of @table is ours. min and max never
 * cross on the way. A limit of the platform that a file shows instead of the baseline is nobody's
 * value: the baseline is written, and counts when the limit is lifted.
 *
 * Return: 0: nothing of ours is left; -errno, logged.
 */
int baseline_restore(int dir, const struct baseline_entry *entry,
		     const struct restore_hints *hints);

#endif
