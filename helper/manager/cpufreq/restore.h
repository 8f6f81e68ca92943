/* SPDX-License-Identifier: BSD-3-Clause */
/* Restores a baseline without overwriting what someone else has set since. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_RESTORE_H

#include <stdbool.h>

#include "helper/link/frequency.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/frequency_domain.h"

/* Has someone else been heard writing to a frequency domain's files? */
enum cpufreq_heard {
	HEARD_NOTHING,
	HEARD_WRITE,   /* just now; the files may not show it yet, nor our last write */
	HEARD_SETTLED, /* a moment ago; they show what was written last */
};

/* What is known about our writes to a frequency domain. */
struct restore_hints {
	const struct frequency_table *table; /* NULL: unknown */
	/* As the monitor reports it. Untrusted: it only widens or narrows the restore. */
	struct written written;
	enum deciding_limit decides; /* method limits: the one that was written alone */
	bool crashed;		     /* the monitor died, perhaps between two writes */
	uint32_t foreign_khz;	     /* someone else has written this; 0: nobody did */
	enum cpufreq_heard heard;
	bool *late; /* set if a limit is written, and not shown yet; may be NULL */
};

/**
 * baseline_restore() - restore the baseline of one frequency domain
 * @dir:	fd of its policy directory
 *
 * Restores only our own values; logs and keeps someone else's. Ours are:
 * - method setspeed: the governor while it is userspace. If the baseline's governor is userspace
 *   too, scaling_setspeed: unless the value written last is known, and the file shows neither that
 *   value, nor a rounding of it (by less than one step of the table), nor the limit that clamps it.
 * - method limits: of scaling_min_freq and scaling_max_freq each one that holds what is known to be
 *   written to it. Any other value is not ours if someone else is known to have written it. Else
 *   it is ours if both files hold it, as the monitor often leaves them; and a step of @table is
 *   ours if the other file holds its baseline (one of the monitor's two writes failed, or someone
 *   undid one). If both differ from the baseline and from each other, someone has changed one, and
 *   nothing shows which: both are kept. Unless only one limit is being written, and the other one
 *   holds what is known to be written: then the kernel may show our last write late, and a step is
 *   ours. After a crash each file that holds a step of @table is ours.
 *
 * min and max never cross in between. If a file shows the platform's limit instead of the
 * baseline, nobody has set that: the baseline is written and takes effect when the limit is lifted.
 *
 * Return: 0: nothing of ours is left; -EAGAIN: it can't be told yet whose limits they are; -errno,
 * logged.
 */
int baseline_restore(int dir, const struct baseline_entry *entry,
		     const struct restore_hints *hints);

/**
 * baseline_check_limits() - do the files show the limits that were restored?
 * @report:	log the kernel's value if they do not
 */
bool baseline_check_limits(int dir, const struct baseline_entry *entry, bool report);

#endif
