/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/foreign_writes.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/own_files.h"
#include "helper/manager/log/journal.h"

/* With method limits a worker of the kernel applies what was written, and only then it shows. */
#define SETTLE_NS (50 * NS_PER_MS)
/* A refused write reports what was found in the file a moment before. */
#define REPEAT_NS NS_PER_S
/* Somebody who sets the governor again and again is not fought more often. */
#define REASSERT_NS NS_PER_S
#define LOOKS_PER_TURN 64
/* One that was preempted between a write and its publication goes on before that. */
#define RETRIES_MAX 20

/* --- reports ------------------------------------------------------------------------------ */

static bool recent(uint64_t then_ns, uint64_t interval_ns)
{
	return then_ns != 0 && monotonic_ns() - then_ns < interval_ns;
}

bool foreign_writes_just_reported(const struct foreign_writes *foreign, uint32_t id)
{
	return recent(foreign->looks[id].reported_ns, REPEAT_NS);
}

static struct published published(const struct foreign_writes *foreign, uint32_t id)
{
	return published_load(monitor_state(foreign->view->monitor), id);
}

static uint64_t n_writes(const struct foreign_writes *foreign, uint32_t id)
{
	return published(foreign, id).n_writes;
}

/* With the one under way, if any: it may be older than what was heard. */
static uint64_t n_begun(const struct foreign_writes *foreign, uint32_t id)
{
	const struct published now = published(foreign, id);

	return now.n_writes + (now.under_way ? 1 : 0);
}

static void emit(struct foreign_writes *foreign, const struct frequency_domain *fdom,
		 uint32_t found_khz, uint32_t ours_khz, const char *text)
{
	foreign->looks[fdom->id].reported_ns = monotonic_ns();
	/* it was counted: saved once for all that are found in a turn */
	if (foreign->loop && foreign->save.due_ns == 0)
		loop_timer_set(foreign->loop, &foreign->save, 0);
	events_emit(foreign->events, EVENT_FOREIGN,
		    &(struct event){
			    .frequency_domain = fdom,
			    .khz = found_khz,
			    .previous_khz = ours_khz,
			    .text = text,
		    });
}

static void look_at(struct foreign_writes *foreign, uint32_t id, uint64_t delay_ns)
{
	if (!foreign->loop)
		return;
	cpuset_add(&foreign->due, id);
	foreign->looks[id].due_ns = monotonic_ns() + delay_ns;
	if (foreign->timer.due_ns == 0 || foreign->timer.due_ns > foreign->looks[id].due_ns)
		loop_timer_set(foreign->loop, &foreign->timer, delay_ns);
}

void foreign_writes_governor(struct foreign_writes *foreign, const struct frequency_domain *fdom)
{
	bool reassert = foreign->view->config->foreign == FOREIGN_REASSERT;
	uint32_t id = fdom->id;

	if (cpufreq_heard_foreign(foreign->view->cpufreq, id, 0, n_writes(foreign, id))) {
		log_about(&(struct log_about){.message = MESSAGE_FOREIGN,
					      ABOUT_FREQUENCY_DOMAIN(fdom),
					      .reason = "governor",
					      .has_event = true},
			  LOG_WARNING,
			  "policy%u: its governor is not userspace any more, set by someone else: "
			  "%s",
			  fdom->policy,
			  reassert ? "it is set again ([cpufreq] foreign = reassert)"
				   : "requests for it are answered with NACK until it is userspace "
				     "again; or set [cpufreq] foreign = reassert, or method = "
				     "limits");
		emit(foreign, fdom, 0, 0,
		     reassert ? "its governor was not userspace any more; it is set again"
			      : "its governor is not userspace any more");
		/* a write is refused now: that makes the NACKs */
		if (!reassert)
			foreign->renew(foreign->context, id, false);
	}
	if (!reassert)
		return;
	if (recent(foreign->looks[id].reasserted_ns, REASSERT_NS)) {
		look_at(foreign, id, REASSERT_NS);
		return;
	}
	foreign->looks[id].reasserted_ns = monotonic_ns();
	foreign->renew(foreign->context, id, true);
}

static void frequency(struct foreign_writes *foreign, const struct frequency_domain *fdom,
		      const struct own_file *file)
{
	uint32_t found_khz = 0, ours_khz = 0;

	(void)parse_u32(file->found, UINT32_MAX, &found_khz);
	(void)parse_u32(file->ours, UINT32_MAX, &ours_khz);
	if (!cpufreq_heard_foreign(foreign->view->cpufreq, fdom->id, found_khz ? found_khz : 1,
				   file->n_writes))
		return;
	log_about(&(struct log_about){.message = MESSAGE_FOREIGN,
				      ABOUT_FREQUENCY_DOMAIN(fdom),
				      .old_khz = ours_khz,
				      .new_khz = found_khz,
				      .reason = file->name,
				      .has_event = true},
		  LOG_WARNING,
		  "policy%u: %s is %s, vmpower had written %s: written by someone else; vmpower's "
		  "next change of that file overwrites it",
		  fdom->policy, file->name, file->found, file->ours);
	emit(foreign, fdom, found_khz, ours_khz, file->name);
}

/* --- looking ------------------------------------------------------------------------------ */

/* It is as we left it, again. */
static void all_ours(struct foreign_writes *foreign, const struct frequency_domain *fdom)
{
	bool governor = fdom->foreign_heard && fdom->foreign_khz == 0;

	if (fdom->foreign_since == 0)
		return;
	(void)cpufreq_note_foreign(foreign->view->cpufreq, fdom->id, 0);
	if (governor)
		log_info("policy%u: its governor is userspace again", fdom->policy);
}

/* The monitor is writing, or was: whose value was found can't be told. */
static void look_again_at(struct foreign_writes *foreign, uint32_t id)
{
	if (foreign->looks[id].n_retries == RETRIES_MAX)
		return;
	foreign->looks[id].n_retries++;
	foreign->looks[id].n_writes = n_begun(foreign, id);
	look_at(foreign, id, SETTLE_NS);
}

static void look(struct foreign_writes *foreign, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(foreign->view->cpufreq, id);
	const struct shared_state *state = monitor_state(foreign->view->monitor);
	const struct published before = published(foreign, id);
	cleanup_close int dir = -1;

	cpuset_del(&foreign->due, id);
	if (foreign->looks[id].again)
		look_at(foreign, id, SETTLE_NS);
	foreign->looks[id].again = false;
	if (!fdom || !fdom->acquired || fdom->offline || fdom->gone)
		return;
	if (before.under_way) {
		look_again_at(foreign, id);
		return;
	}
	if (before.written_khz[1] == 0)
		return;
	if (fdom->method == METHOD_LIMITS &&
	    cpufreq_look_at_governor(foreign->view->cpufreq, id, true)) {
		log_info("policy%u: its governor was changed: its limits are written anew",
			 fdom->policy);
		foreign->renew(foreign->context, id, false);
		return;
	}
	/* We have overwritten it since, and our own write may not be shown yet. */
	if (fdom->method == METHOD_LIMITS && foreign->looks[id].n_writes < n_writes(foreign, id))
		return;
	dir = cpufreq_open(foreign->view->cpufreq, id);
	for (unsigned int i = 0; i < OWN_FILES; i++) {
		struct own_file file;
		int r = own_file_check(fdom, dir, i, state, &file);

		if (file.unsure) {
			look_again_at(foreign, id);
			return;
		}
		if (r <= 0)
			continue;
		if (own_file_is_governor(&file)) {
			foreign_writes_governor(foreign, fdom);
			return;
		}
		/* After someone has set our governor again, the kernel has chosen the speed. */
		if (fdom->foreign_heard && fdom->foreign_khz == 0) {
			all_ours(foreign, fdom);
			foreign->renew(foreign->context, id, false);
			return;
		}
		/* Its old files' close is heard before the monitor has written to the new ones. */
		if (foreign->looks[id].renewed &&
		    foreign->looks[id].renewed_after == n_writes(foreign, id))
			return;
		foreign->looks[id].renewed = false;
		frequency(foreign, fdom, &file);
		return;
	}
	all_ours(foreign, fdom);
}

static void on_timer(struct loop_timer *timer)
{
	struct foreign_writes *foreign = container_of(timer, struct foreign_writes, timer);
	uint64_t now = monotonic_ns(), next_ns = UINT64_MAX;
	struct cpuset due = foreign->due;
	unsigned int id, n = 0;

	cpuset_for_each (id, &due) {
		if (foreign->looks[id].due_ns <= now && n < LOOKS_PER_TURN) {
			n++;
			look(foreign, id);
		}
	}
	cpuset_for_each (id, &foreign->due) {
		if (foreign->looks[id].due_ns < next_ns)
			next_ns = foreign->looks[id].due_ns;
	}
	if (next_ns != UINT64_MAX)
		loop_timer_set(foreign->loop, timer, next_ns > now ? next_ns - now : 0);
}

void foreign_writes_heard(struct foreign_writes *foreign, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(foreign->view->cpufreq, id);

	if (!fdom || !fdom->acquired)
		return;
	foreign->looks[id].n_writes = n_begun(foreign, id);
	foreign->looks[id].n_retries = 0;
	if (cpuset_has(&foreign->due, id))
		foreign->looks[id].again = true;
	else if (fdom->method == METHOD_LIMITS)
		look_at(foreign, id, SETTLE_NS);
	else
		look(foreign, id);
}

void foreign_writes_lost(struct foreign_writes *foreign)
{
	for (uint32_t id = 0; id < cpufreq_count(foreign->view->cpufreq); id++) {
		if (!cpufreq_get(foreign->view->cpufreq, id)->acquired)
			continue;
		foreign->looks[id].n_writes = n_begun(foreign, id);
		foreign->looks[id].n_retries = 0;
		look_at(foreign, id, SETTLE_NS);
	}
}

bool foreign_writes_unsettled(const struct foreign_writes *foreign, uint32_t id)
{
	return cpuset_has(&foreign->due, id);
}

static void forget_overwritten(struct foreign_writes *foreign, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(foreign->view->cpufreq, id);

	if (fdom && fdom->foreign_heard && fdom->foreign_after != n_writes(foreign, id))
		(void)cpufreq_note_foreign(foreign->view->cpufreq, id, 0);
}

void foreign_writes_settle(struct foreign_writes *foreign, uint32_t id)
{
	forget_overwritten(foreign, id);
	if (!cpuset_has(&foreign->due, id))
		return;
	foreign->looks[id].n_writes = n_begun(foreign, id);
	look(foreign, id);
}

void foreign_writes_renewed(struct foreign_writes *foreign, uint32_t id)
{
	foreign->looks[id].renewed = true;
	foreign->looks[id].renewed_after = n_writes(foreign, id);
}

void foreign_writes_forget(struct foreign_writes *foreign, uint32_t id)
{
	forget_overwritten(foreign, id);
	cpuset_del(&foreign->due, id);
	foreign->looks[id].renewed = foreign->looks[id].again = false;
}

static void on_save(struct loop_timer *timer)
{
	struct foreign_writes *foreign = container_of(timer, struct foreign_writes, save);

	cpufreq_save_counters(foreign->view->cpufreq);
}

void foreign_writes_init(struct foreign_writes *foreign)
{
	foreign->timer = (struct loop_timer){.on_expiry = on_timer, .name = "foreign writes"};
	foreign->save = (struct loop_timer){.on_expiry = on_save, .name = "saving foreign writes"};
}

void foreign_writes_end(struct foreign_writes *foreign)
{
	cpufreq_save_counters(foreign->view->cpufreq);
	if (!foreign->loop)
		return;
	loop_timer_cancel(foreign->loop, &foreign->timer);
	loop_timer_cancel(foreign->loop, &foreign->save);
	foreign->loop = NULL;
}
