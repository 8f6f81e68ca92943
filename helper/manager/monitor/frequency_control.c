/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/frequency_control.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/platform_limit.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/placement.h"

/* The check of a file and the failed write after it report the same within milliseconds. */
#define REPEAT_NS NS_PER_S

void frequency_control_init(struct frequency_control *control, struct monitor_view *view,
			    struct registry *registry)
{
	*control = (struct frequency_control){.view = view, .registry = registry};
	(void)cpufreq_host_cpus(view->cpufreq, &control->cpus);
}

/* --- files for the monitor ------------------------------------------------------------ */

static void send_acquired(struct frequency_control *control, const struct link_acquired *acquired,
			  int fds[2], unsigned int n_fds)
{
	struct link_message *message = &control->view->message;

	ASSERT(acquired->error < 0 || fds[0] >= 0);
	message->type = LINK_ACQUIRED;
	message->pad = 0;
	message->acquired = *acquired;
	monitor_send(control->view->monitor, message, fds, acquired->error < 0 ? 0 : n_fds);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
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
		acquired.error = cpufreq_acquire(control->view->cpufreq, id, fds, &n_fds);
	send_acquired(control, &acquired, fds, n_fds);
}

static void renew(struct frequency_control *control, uint32_t id, bool reassert, bool restarted)
{
	struct link_acquired acquired = {
		.frequency_domain = id,
		.reason = ACQUIRED_RENEWED,
		.restarted = restarted,
	};
	int fds[2] = {-1, -1};
	unsigned int n_fds = 0;

	acquired.error = cpufreq_renew(control->view->cpufreq, id, reassert, fds, &n_fds);
	send_acquired(control, &acquired, fds, n_fds);
}

void frequency_control_take_over(struct frequency_control *control)
{
	const struct cpufreq *cpufreq = control->view->cpufreq;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

		if (fdom->acquired && !fdom->gone)
			acquire(control, id, ACQUIRED_TAKEN_OVER);
	}
}

void frequency_control_monitor_died(struct frequency_control *control, bool delayed)
{
	struct cpufreq *cpufreq = control->view->cpufreq;

	cpufreq_writer_died(cpufreq);
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		if (delayed || cpufreq_get(cpufreq, id)->gone)
			(void)cpufreq_release(cpufreq, id, 0);
	}
}

/* --- failed writes, foreign values ------------------------------------------------------ */

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

/* Was the loss of its governor logged a moment ago? */
static bool governor_just_lost(const struct frequency_control *control, uint32_t id)
{
	uint64_t lost_ns = control->governor_lost_ns[id];

	return lost_ns != 0 && monotonic_ns() - lost_ns < REPEAT_NS;
}

static void lost_governor(struct frequency_control *control, const struct frequency_domain *fdom)
{
	bool reassert = control->view->config->foreign == FOREIGN_REASSERT;
	bool logged = governor_just_lost(control, fdom->id);

	control->governor_lost_ns[fdom->id] = monotonic_ns();
	(void)cpufreq_note_foreign(control->view->cpufreq, fdom->id, time(NULL));
	log_about(&(struct log_about){.message = MESSAGE_FOREIGN,
				      ABOUT_FREQUENCY_DOMAIN(fdom),
				      .reason = "governor",
				      .has_event = true},
		  logged ? LOG_DEBUG : LOG_WARNING,
		  "policy%u: its governor is not userspace any more, set by someone else: %s",
		  fdom->policy,
		  reassert ? "it is set again ([cpufreq] foreign = reassert)"
			   : "requests for it are answered with NACK until it is userspace "
			     "again; or set [cpufreq] foreign = reassert, or method = limits");
	if (!logged)
		emit(control, EVENT_FOREIGN, fdom, 0, 0,
		     reassert ? "its governor was not userspace any more; it is set again"
			      : "its governor is not userspace any more");
	if (reassert)
		renew(control, fdom->id, true, false);
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
		lost_governor(control, fdom);
		return;
	}
	/* Logged when the CPUs went offline, or when the governor was set again. */
	logged = (fdom->offline && cpufreq_is_offline(failed->error)) ||
		 (failed->error == -EINVAL && governor_just_lost(control, fdom->id));
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

static uint32_t limit_of(const struct cpufreq *cpufreq, uint32_t id)
{
	cleanup_close int dir = cpufreq_open(cpufreq, id);

	return dir < 0 ? 0 : platform_limit(dir);
}

static void on_foreign(struct frequency_control *control, const struct link_foreign *foreign)
{
	const struct frequency_domain *fdom =
		cpufreq_get(control->view->cpufreq, foreign->frequency_domain);
	const char *file = "scaling_min_freq or scaling_max_freq";
	uint32_t limit_khz;

	if (!fdom || !fdom->acquired)
		return;
	limit_khz = limit_of(control->view->cpufreq, fdom->id);
	if (limit_khz > 0 && foreign->found_khz == limit_khz && foreign->ours_khz > limit_khz) {
		log_info(
			"policy%u: the platform allows %u kHz at most: our %u kHz take effect when "
			"it allows more",
			fdom->policy, limit_khz, foreign->ours_khz);
		return;
	}
	if (fdom->method == METHOD_SETSPEED) {
		if (!cpufreq_has_userspace(control->view->cpufreq, fdom->id)) {
			lost_governor(control, fdom);
			return;
		}
		file = "scaling_setspeed";
	}
	(void)cpufreq_note_foreign(control->view->cpufreq, fdom->id, time(NULL));
	log_about(&(struct log_about){.message = MESSAGE_FOREIGN,
				      ABOUT_FREQUENCY_DOMAIN(fdom),
				      .old_khz = foreign->ours_khz,
				      .new_khz = foreign->found_khz,
				      .reason = file,
				      .has_event = true},
		  LOG_WARNING,
		  "policy%u: %s held %u kHz, we had written %u kHz: set by someone else, or by a "
		  "limit of the platform; the next request has overwritten it",
		  fdom->policy, file, foreign->found_khz, foreign->ours_khz);
	emit(control, EVENT_FOREIGN, fdom, foreign->found_khz, foreign->ours_khz, file);
}

/* Stable: the monitor writes nothing until it acquires the frequency domain again. */
static uint32_t last_written(const struct frequency_control *control, uint32_t id)
{
	const struct shared_state *state = monitor_state(control->view->monitor);

	return state ? shared_load(state->frequency_domains[id].writing_khz) : 0;
}

/* The frequency written last, if its write is complete (both limits); 0: unknown */
static uint32_t finished_writing(const struct shared_frequency_domain *shared)
{
	uint32_t khz = shared_load(shared->writing_khz);

	return shared_load(shared->target_khz) == khz && shared_load(shared->last_error) == 0 ? khz
											      : 0;
}

void frequency_control_end(struct frequency_control *control)
{
	const struct shared_state *state = monitor_state(control->view->monitor);
	struct cpufreq *cpufreq = control->view->cpufreq;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++)
		cpufreq_writer_ended(cpufreq, id,
				     state ? finished_writing(&state->frequency_domains[id]) : 0);
	(void)cpufreq_restore_all(cpufreq);
}

bool frequency_control_message(struct frequency_control *control,
			       const struct link_message *message)
{
	switch ((enum link_type)message->type) {
	case LINK_ACQUIRE:
		acquire(control, message->id, ACQUIRED_ANSWER);
		return true;
	case LINK_RELEASE:
		if (message->id < cpufreq_count(control->view->cpufreq))
			(void)cpufreq_release(control->view->cpufreq, message->id,
					      last_written(control, message->id));
		return true;
	case LINK_WRITE_FAILED:
		on_write_failed(control, &message->write_failed);
		return true;
	case LINK_FOREIGN:
		on_foreign(control, &message->foreign);
		return true;
	default:
		return false;
	}
}

/* --- CPUs that come and go -------------------------------------------------------------- */

/* What a rescan found. */
struct rescanned {
	struct frequency_control *control;
	struct cpuset affected; /* CPUs whose vCPUs must be sent again */
	bool others;		/* frequency domains came or went: priorities are relative */
};

static void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	struct rescanned *rescanned = context;
	struct frequency_control *control = rescanned->control;
	const struct frequency_domain *fdom = cpufreq_get(control->view->cpufreq, id);
	const struct link_acquired offline = {
		.frequency_domain = id,
		.error = -ENODEV,
		.reason = ACQUIRED_RENEWED,
	};

	ASSERT(fdom);
	for (size_t i = 0; i < array_size(fdom->cpus.bits); i++)
		rescanned->affected.bits[i] |= fdom->cpus.bits[i];
	switch (change) {
	case CPUFREQ_NEW:
		rescanned->others = true;
		view_send_frequency_domain(control->view, id);
		break;
	case CPUFREQ_RESTARTED:
	case CPUFREQ_ONLINE:
		renew(control, id, false, change == CPUFREQ_RESTARTED);
		break;
	case CPUFREQ_OFFLINE:
		send_acquired(control, &offline, (int[2]){-1, -1}, 0);
		break;
	case CPUFREQ_GONE: /* no vCPU runs on it: the monitor releases it */
		rescanned->others = true;
		memset(&rescanned->affected, 0xff, sizeof(rescanned->affected));
		break;
	}
}

void frequency_control_reconfigure(struct frequency_control *control)
{
	struct rescanned rescanned = {.control = control};

	(void)cpufreq_reconfigure(control->view->cpufreq, on_change, &rescanned);
}

/* Must the monitor be sent the vCPU again? */
static bool vcpu_affected(const struct rescanned *rescanned, const struct vcpu_description *vcpu,
			  const struct host_cpus *before)
{
	/* Unpinned, now or before: it floats over the online CPUs. */
	if (!placement_pinned(vcpu, before) || !placement_pinned(vcpu, &rescanned->control->cpus))
		return true;
	return cpuset_intersects(vcpu->affinity, &rescanned->affected);
}

void frequency_control_cpus_changed(struct frequency_control *control, const struct cpuset *changed)
{
	struct rescanned rescanned = {.control = control, .affected = *changed};
	struct host_cpus before = control->cpus;

	(void)cpufreq_host_cpus(control->view->cpufreq, &control->cpus);
	if (cpufreq_rescan(control->view->cpufreq, changed, on_change, &rescanned) < 0)
		return;
	if (rescanned.others)
		view_send_priorities(control->view);
	registry_for_each (d, control->registry) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			if (!vcpu_affected(&rescanned, &d->description->vcpus[i], &before))
				continue;
			view_send_vcpus(control->view, d);
			break;
		}
	}
}
