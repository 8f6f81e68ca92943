/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of frequency_control.h: the kernel is waited for, and all baselines are restored. */
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/own_files.h"
#include "helper/manager/monitor/frequency_control.h"

/*
 * What was written last, if its write is complete (both limits). Of what the monitor has let go it
 * publishes no longer that it is in force; its RELEASE may have been lost on the way.
 */
static struct written finished_writing(const struct shared_state *state, uint32_t id)
{
	const struct published published = published_load(state, id);
	const uint32_t *done = published.written_khz, *begun = published.writing_khz;

	bool let_go = done[0] == 0 && done[1] == 0;

	if (!state || published.under_way ||
	    (!let_go && (done[0] != begun[0] || done[1] != begun[1])) ||
	    shared_load(state->frequency_domains[id].last_error) != 0)
		return (struct written){0};
	return (struct written){begun[0], begun[1]};
}

/* Do the files of method limits show what the monitor has written? */
static bool written_is_shown(struct frequency_control *control)
{
	const struct shared_state *state = monitor_state(control->view->monitor);
	struct cpufreq *cpufreq = control->view->cpufreq;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);
		cleanup_close int dir = -1;
		struct own_file file;

		if (!fdom->acquired || fdom->method != METHOD_LIMITS || fdom->offline || fdom->gone)
			continue;
		dir = cpufreq_open(cpufreq, id);
		for (unsigned int i = 0; i < OWN_FILES; i++) {
			if (own_file_check(fdom, dir, i, state, &file) > 0)
				return false;
		}
	}
	return true;
}

bool frequency_control_check_restored(struct frequency_control *control, bool report)
{
	bool shown = true;

	for (uint32_t id = 0; id < cpufreq_count(control->view->cpufreq); id++)
		shown = cpufreq_check_restored(control->view->cpufreq, id, report) && shown;
	return shown;
}

static bool restored_is_shown(struct frequency_control *control)
{
	return frequency_control_check_restored(control, false);
}

/* A worker of the kernel may be late. At the end there is no loop that would come back. */
static void wait_for_kernel(struct frequency_control *control,
			    bool (*is_shown)(struct frequency_control *control), uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};
	uint64_t end_ns = monotonic_ns() + limit_ns;

	while (!is_shown(control) && monotonic_ns() < end_ns)
		(void)nanosleep(&pause, NULL);
}

void frequency_control_settle(struct frequency_control *control)
{
	cpufreq_watch_drain(control->watch);
	wait_for_kernel(control, written_is_shown, FREQUENCY_SETTLE_NS);
	for (uint32_t id = 0; id < cpufreq_count(control->view->cpufreq); id++)
		foreign_writes_settle(&control->foreign, id);
}

/* What was released just after someone else had written: by now the files show by whom. */
static void finish_releases(struct frequency_control *control)
{
	const struct timespec pause = {.tv_nsec = FREQUENCY_SETTLE_NS};
	const struct cpuset releasing = control->releasing;
	unsigned int id;

	if (cpuset_is_empty(&releasing))
		return;
	(void)nanosleep(&pause, NULL);
	cpufreq_batch(control->view->cpufreq);
	cpuset_for_each (id, &releasing)
		frequency_control_release(control, id, frequency_control_last_written(control, id),
					  HEARD_SETTLED);
	(void)cpufreq_commit(control->view->cpufreq);
}

void frequency_control_end(struct frequency_control *control)
{
	const struct shared_state *state = monitor_state(control->view->monitor);
	struct cpufreq *cpufreq = control->view->cpufreq;

	(void)frequency_control_release_some(control, MAX_FREQUENCY_DOMAINS);
	finish_releases(control);
	wait_for_kernel(control, written_is_shown, FREQUENCY_SETTLE_NS);
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++)
		cpufreq_writer_ended(cpufreq, id, finished_writing(state, id));
	(void)cpufreq_restore_all(cpufreq);
	wait_for_kernel(control, restored_is_shown, FREQUENCY_SETTLES_MAX * FREQUENCY_SETTLE_NS);
	(void)frequency_control_check_restored(control, true);
}
