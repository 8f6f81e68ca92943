/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/frequency_control.h"

#include <errno.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/own_files.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/loop/loop.h"

/* CPUs' files are read and written, and the state file is written: a few ms. */
#define CONTROLS_PER_TURN 16

/* --- files for the monitor ------------------------------------------------------------ */

/* What silence protects: the monitor can't read the baseline. */
static void put_limits(const struct frequency_control *control, struct link_acquired *acquired)
{
	struct cpufreq *cpufreq = control->view->cpufreq;
	uint32_t id = acquired->frequency_domain;

	if (acquired->error < 0)
		return;
	(void)cpufreq_look_at_governor(
		cpufreq, id, cpufreq_watch_has(control->watch, cpufreq_get(cpufreq, id)->policy));
	acquired->decides = (uint8_t)cpufreq_get(cpufreq, id)->decides;
	cpufreq_baseline_limits(cpufreq, id, &acquired->baseline_min_khz,
				&acquired->baseline_max_khz);
}

void frequency_control_send(struct frequency_control *control, const struct link_acquired *acquired,
			    int fds[2], unsigned int n_fds)
{
	struct link_message *message = &control->view->message;

	ASSERT(acquired->error < 0 || fds[0] >= 0);
	view_send_frequency_domain_first(control->view, acquired->frequency_domain);
	message->type = LINK_ACQUIRED;
	message->pad = 0;
	message->acquired = *acquired;
	put_limits(control, &message->acquired);
	monitor_send(control->view->monitor, message, fds, acquired->error < 0 ? 0 : n_fds);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void watch(struct frequency_control *control, uint32_t id)
{
	cpufreq_watch_add(control->watch, cpufreq_get(control->view->cpufreq, id)->policy);
}

/* May the monitor have asked for it? @id: of a frequency domain */
static bool is_claimed(struct frequency_control *control, uint32_t id)
{
	if (claims_has(control->view->claims, id))
		return true;
	/* mostly innocent: it asked just before it was told that the last vCPU has moved away */
	log_about(&(struct log_about){ABOUT_FREQUENCY_DOMAIN(
			  cpufreq_get(control->view->cpufreq, id))},
		  control->doubted ? LOG_DEBUG : LOG_NOTICE,
		  "the monitor asked for policy%u, which is below no vCPU: refused",
		  cpufreq_get(control->view->cpufreq, id)->policy);
	control->doubted = true;
	return false;
}

static int take(struct frequency_control *control, uint32_t id, enum acquired_reason reason,
		int fds[2], unsigned int *n_fds)
{
	int r = -EPERM;

	if (reason != ACQUIRED_ANSWER || is_claimed(control, id))
		r = cpufreq_acquire(control->view->cpufreq, id, fds, n_fds);
	if (r == 0)
		watch(control, id);
	return r;
}

static void acquire(struct frequency_control *control, uint32_t id, enum acquired_reason reason)
{
	struct link_acquired acquired = {
		.frequency_domain = id,
		.error = -ENODEV,
		.reason = (uint8_t)reason,
	};
	int fds[2] = {-1, -1};
	unsigned int n_fds = 0;

	if (id < cpufreq_count(control->view->cpufreq))
		acquired.error = take(control, id, reason, fds, &n_fds);
	if (acquired.error == 0 && reason == ACQUIRED_TAKEN_OVER)
		acquired.restarted = cpufreq_get(control->view->cpufreq, id)->came_back ||
				     cpuset_has(&control->restarted, id);
	cpuset_del(&control->restarted, id);
	frequency_control_send(control, &acquired, fds, n_fds);
}

static void renew(struct frequency_control *control, uint32_t id)
{
	struct link_acquired acquired = {
		.frequency_domain = id,
		.reason = ACQUIRED_RENEWED,
		.restarted = cpuset_has(&control->restarted, id),
	};
	bool reassert = cpuset_has(&control->reasserted, id);
	int fds[2] = {-1, -1};
	unsigned int n_fds = 0;

	cpuset_del(&control->restarted, id);
	cpuset_del(&control->reasserted, id);
	/* no vCPU is above it any more: it is to be released, and no new files are given */
	if (view_is_sent(control->view) && !claims_has(control->view->claims, id))
		return;
	acquired.error = cpufreq_renew(control->view->cpufreq, id, reassert, fds, &n_fds);
	if (acquired.error == 0)
		watch(control, id);
	frequency_control_send(control, &acquired, fds, n_fds);
}

void frequency_control_renew(struct frequency_control *control, uint32_t id, bool reassert,
			     bool restarted)
{
	cpuset_add(&control->renewed, id);
	foreign_writes_renewed(&control->foreign, id);
	if (reassert)
		cpuset_add(&control->reasserted, id);
	if (restarted)
		cpuset_add(&control->restarted, id);
	frequency_control_go_on(control);
}

void frequency_control_release(struct frequency_control *control, uint32_t id,
			       struct written written, enum cpufreq_heard heard)
{
	const struct frequency_domain *fdom = cpufreq_get(control->view->cpufreq, id);

	if (!fdom)
		return;
	cpuset_del(&control->releasing, id);
	foreign_writes_forget(&control->foreign, id);
	if (cpufreq_release(control->view->cpufreq, id, written, heard) == -EAGAIN) {
		cpuset_add(&control->releasing, id);
		frequency_control_later(control, FREQUENCY_SETTLE_NS);
		return;
	}
	cpufreq_watch_remove(control->watch, fdom->policy);
	if (fdom->restored_late) {
		control->settles = 0;
		frequency_control_later(control, FREQUENCY_SETTLE_NS);
	}
}

/* Nobody wants it any more. */
static void release(struct frequency_control *control, uint32_t id)
{
	bool heard;

	cpufreq_watch_drain(control->watch);
	heard = control->loop && foreign_writes_unsettled(&control->foreign, id);
	frequency_control_release(control, id, frequency_control_last_written(control, id),
				  heard ? HEARD_WRITE : HEARD_NOTHING);
}

void frequency_control_take_over(struct frequency_control *control)
{
	/* what is asked for was another monitor's question */
	control->asked = control->renewed = control->taken_over = (struct cpuset){.bits = {0}};
	control->taking_over = true;
	control->syncing = control->doubted = false;
}

/* A new monitor has been told the votes: what was acquired and has not been released. */
static void take_over(struct frequency_control *control)
{
	const struct cpufreq *cpufreq = control->view->cpufreq;

	control->taking_over = false;
	control->syncing = true;
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

		if (fdom->acquired && !fdom->gone && !cpuset_has(&control->released, id))
			cpuset_add(&control->taken_over, id);
	}
	foreign_writes_lost(&control->foreign);
}

/* It has been told everything: what it has acquired beyond that is not acquired. */
static void sync_if_done(struct frequency_control *control)
{
	if (!control->syncing || !cpuset_is_empty(&control->taken_over))
		return;
	control->syncing = false;
	view_send_synced(control->view);
}

void frequency_control_sent(void *context)
{
	struct frequency_control *control = context;

	if (control->taking_over)
		take_over(control);
	sync_if_done(control);
	frequency_control_go_on(control);
}

void frequency_control_monitor_died(struct frequency_control *control, bool delayed)
{
	struct cpufreq *cpufreq = control->view->cpufreq;

	cpufreq_writer_died(cpufreq);
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

		if (fdom->acquired && (delayed || fdom->gone))
			cpuset_add(&control->released, id);
	}
	frequency_control_go_on(control);
}

/* --- in slices ----------------------------------------------------------------------------- */

/* Move up to @n ids from one set to another. Return: how many there were */
static unsigned int move_some(struct cpuset *from, struct cpuset *to, unsigned int n)
{
	unsigned int id, moved = 0;

	*to = (struct cpuset){.bits = {0}};
	cpuset_for_each (id, from) {
		if (moved == n)
			break;
		cpuset_add(to, id);
		moved++;
	}
	cpuset_del_all(from, to);
	return moved;
}

unsigned int frequency_control_release_some(struct frequency_control *control, unsigned int n)
{
	struct cpuset some;
	unsigned int id;

	n = move_some(&control->released, &some, n);
	cpufreq_batch(control->view->cpufreq);
	cpuset_for_each (id, &some)
		release(control, id);
	(void)cpufreq_commit(control->view->cpufreq);
	return n;
}

/*
 * Without an event the kernel may have made them anew, or raised their maximum. Where nothing is
 * heard (watch.h) turbo may have been switched, too.
 */
static void look_at_stale(struct frequency_control *control, const struct cpuset *ids)
{
	struct cpuset cpus = {.bits = {0}};
	unsigned int id;

	cpuset_for_each (id, ids) {
		if (cpufreq_is_stale(control->view->cpufreq, id))
			cpuset_add_all(&cpus, &cpufreq_get(control->view->cpufreq, id)->cpus);
	}
	if (!cpuset_is_empty(&cpus))
		(void)frequency_control_look(control, &cpus);
}

static unsigned int acquire_some(struct frequency_control *control, struct cpuset *from,
				 enum acquired_reason reason, unsigned int n)
{
	struct cpuset some;
	unsigned int id;

	n = move_some(from, &some, n);
	if (n == 0)
		return 0;
	cpuset_del_all(&control->releasing, &some);
	look_at_stale(control, &some);
	cpufreq_prepare(control->view->cpufreq, &some);
	cpuset_for_each (id, &some)
		acquire(control, id, reason);
	return n;
}

/*
 * A monitor that stays knows vCPUs from a former manager. Until it was told of all of them, it may
 * ask for what is not known to be below one: this waits.
 */
static unsigned int answer_some(struct frequency_control *control, unsigned int n)
{
	struct cpuset some = {.bits = {0}};
	unsigned int id;

	if (view_is_sent(control->view))
		return acquire_some(control, &control->asked, ACQUIRED_ANSWER, n);
	cpuset_for_each (id, &control->asked) {
		if (claims_has(control->view->claims, id))
			cpuset_add(&some, id);
	}
	cpuset_del_all(&control->asked, &some);
	n = acquire_some(control, &some, ACQUIRED_ANSWER, n);
	cpuset_add_all(&control->asked, &some);
	return n;
}

static unsigned int renew_some(struct frequency_control *control, unsigned int n)
{
	struct cpuset some;
	unsigned int id;

	n = move_some(&control->renewed, &some, n);
	cpuset_for_each (id, &some)
		renew(control, id);
	return n;
}

static unsigned int reconfigure_some(struct frequency_control *control, unsigned int n)
{
	struct cpuset some;

	n = move_some(&control->reconfigured, &some, n);
	if (n > 0)
		frequency_control_reconfigure_some(control, &some);
	return n;
}

static bool has_questions(const struct frequency_control *control)
{
	return !cpuset_is_empty(&control->asked) || !cpuset_is_empty(&control->renewed) ||
	       !cpuset_is_empty(&control->taken_over);
}

/* What the monitor has released may be asked for again: releases come first. */
static void go_on(struct frequency_control *control)
{
	unsigned int left = control->loop ? CONTROLS_PER_TURN : MAX_FREQUENCY_DOMAINS;

	left -= frequency_control_release_some(control, left);
	if (cpuset_is_empty(&control->released) && monitor_has_room(control->view->monitor)) {
		left -= answer_some(control, left);
		left -= renew_some(control, left);
		left -= acquire_some(control, &control->taken_over, ACQUIRED_TAKEN_OVER, left);
		sync_if_done(control);
	}
	(void)reconfigure_some(control, left);
}

void frequency_control_go_on(struct frequency_control *control)
{
	bool due = !cpuset_is_empty(&control->released) ||
		   !cpuset_is_empty(&control->reconfigured) ||
		   (has_questions(control) && monitor_has_room(control->view->monitor));

	if (!due || control->going_on)
		return;
	if (control->loop) {
		if (control->slice.due_ns == 0)
			loop_timer_set(control->loop, &control->slice, 0);
		return;
	}
	control->going_on = true; /* what is found on the way comes back here */
	go_on(control);
	control->going_on = false;
}

void frequency_control_slice(struct loop_timer *timer)
{
	struct frequency_control *control = container_of(timer, struct frequency_control, slice);

	go_on(control);
	/* without room: frequency_control_sent() is called when there is some */
	frequency_control_go_on(control);
}

/* --- failed writes ------------------------------------------------------ */

static void emit(struct frequency_control *control, enum event_kind kind,
		 const struct frequency_domain *fdom, uint32_t khz, uint32_t previous_khz,
		 const char *text)
{
	const struct event event = {
		.frequency_domain = fdom,
		.khz = khz,
		.previous_khz = previous_khz,
		.text = text,
	};

	events_emit(control->events, kind, &event);
}

/* ENODEV: our files are of a policyN that is gone; others may hide such a change as well. */
static bool look_at_failed(struct frequency_control *control, const struct frequency_domain *fdom,
			   int error)
{
	return (cpufreq_is_offline(error) || cpufreq_is_stale(control->view->cpufreq, fdom->id)) &&
	       frequency_control_look(control, &fdom->cpus);
}

static void on_write_failed(struct frequency_control *control,
			    const struct link_write_failed *failed)
{
	const struct frequency_domain *fdom =
		cpufreq_get(control->view->cpufreq, failed->frequency_domain);
	const char *reason = strerror(-failed->error); /* once: strerror() reuses its buffer */
	bool logged;

	if (!fdom || !fdom->acquired)
		return;
	cpufreq_write_failed(control->view->cpufreq, fdom->id);
	if (failed->error == -EINVAL && fdom->method == METHOD_SETSPEED &&
	    !cpufreq_has_userspace(control->view->cpufreq, fdom->id)) {
		foreign_writes_governor(&control->foreign, fdom);
		return;
	}
	/* Logged when the CPUs went offline, or when the governor was set again. */
	logged = look_at_failed(control, fdom, failed->error) ||
		 (fdom->offline && cpufreq_is_offline(failed->error)) ||
		 (failed->error == -EINVAL &&
		  foreign_writes_just_reported(&control->foreign, fdom->id));
	log_about(&(struct log_about){.message = MESSAGE_WRITE_FAILED,
				      ABOUT_FREQUENCY_DOMAIN(fdom),
				      .new_khz = failed->khz,
				      .reason = reason,
				      .has_event = true},
		  logged ? LOG_DEBUG : LOG_ERR,
		  "policy%u (%s): the kernel refused %u kHz: %s; requests that need it are "
		  "answered with NACK until it takes one",
		  fdom->policy, fdom->driver, failed->khz, reason);
	if (!logged)
		emit(control, EVENT_WRITE_FAILED, fdom, failed->khz, 0, reason);
}

/* Stable: the monitor writes nothing until it acquires the frequency domain again. */
struct written frequency_control_last_written(const struct frequency_control *control, uint32_t id)
{
	struct published published;

	if (id >= MAX_FREQUENCY_DOMAINS)
		return (struct written){0};
	published = published_load(monitor_state(control->view->monitor), id);
	return (struct written){published.writing_khz[0], published.writing_khz[1]};
}

bool frequency_control_message(struct frequency_control *control,
			       const struct link_message *message)
{
	switch ((enum link_type)message->type) {
	case LINK_ACQUIRE: /* it takes no files over any more: see struct link_acquired */
		cpuset_del(&control->taken_over, message->id);
		cpuset_add(&control->asked, message->id);
		frequency_control_go_on(control);
		return true;
	case LINK_RELEASE:
		cpuset_del(&control->taken_over, message->id);
		cpuset_add(&control->released, message->id);
		frequency_control_go_on(control);
		return true;
	case LINK_WRITE_FAILED:
		on_write_failed(control, &message->write_failed);
		return true;
	default:
		return false;
	}
}
