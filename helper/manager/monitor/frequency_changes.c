/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens when CPUs, drivers or files change. */
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/registry/placement.h"

#define LOOKS_PER_TURN 64 /* CPUs */
#define SETTLES_PER_TURN 32

/* What a rescan found. */
struct rescanned {
	struct frequency_control *control;
	struct cpuset affected; /* CPUs whose vCPUs must be sent again */
	bool any;
	bool others; /* frequency domains came or went: priorities are relative */
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
	rescanned->any = true;
	switch (change) {
	case CPUFREQ_NEW:
		cpuset_add_all(&rescanned->affected, &fdom->cpus);
		rescanned->others = true;
		view_send_frequency_domain(control->view, id);
		break;
	case CPUFREQ_RESTARTED:
	case CPUFREQ_ONLINE:
		frequency_control_renew(control, id, false, change == CPUFREQ_RESTARTED);
		break;
	case CPUFREQ_OFFLINE:
		frequency_control_send(control, &offline, (int[2]){-1, -1}, 0);
		break;
	case CPUFREQ_GONE: /* no vCPU runs on it: the monitor releases it */
		rescanned->others = true;
		memset(&rescanned->affected, 0xff, sizeof(rescanned->affected));
		break;
	}
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

static void send_affected(struct frequency_control *control, const struct rescanned *rescanned,
			  const struct host_cpus *before)
{
	registry_for_each (d, control->registry) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			if (!vcpu_affected(rescanned, &d->description->vcpus[i], before))
				continue;
			view_send_vcpus(control->view, d);
			break;
		}
	}
}

void frequency_control_reconfigure(struct frequency_control *control)
{
	for (uint32_t id = 0; id < cpufreq_count(control->view->cpufreq); id++)
		cpuset_add(&control->reconfigured, id);
	frequency_control_go_on(control);
}

void frequency_control_reconfigure_some(struct frequency_control *control, const struct cpuset *ids)
{
	struct rescanned rescanned = {.control = control};
	struct cpuset stale;

	(void)cpufreq_reconfigure(control->view->cpufreq, ids, &control->stale, on_change,
				  &rescanned);
	cpuset_add_all(&control->affected, &rescanned.affected);
	if (!cpuset_is_empty(&control->reconfigured))
		return;
	/* those that can be used now, by another method, and those that were made anew */
	stale = control->stale;
	rescanned.affected = control->affected;
	control->stale = control->affected = (struct cpuset){.bits = {0}};
	if (!cpuset_is_empty(&rescanned.affected))
		send_affected(control, &rescanned, &control->cpus);
	(void)frequency_control_look(control, &stale, CPUFREQ_LOOK);
}

/* The ids of the frequency domains that are offline. */
static struct cpuset offline_ids(const struct cpufreq *cpufreq)
{
	struct cpuset ids = {.bits = {0}};

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		if (cpufreq_get(cpufreq, id)->offline)
			cpuset_add(&ids, id);
	}
	return ids;
}

/* A vCPU that may run elsewhere has no say on a frequency domain that is offline. */
static void add_plugged(struct rescanned *rescanned, const struct cpuset *offline_before)
{
	const struct cpufreq *cpufreq = rescanned->control->view->cpufreq;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

		if (fdom->offline != cpuset_has(offline_before, id))
			cpuset_add_all(&rescanned->affected, &fdom->cpus);
	}
}

bool frequency_control_look(struct frequency_control *control, const struct cpuset *cpus,
			    enum cpufreq_event event)
{
	struct rescanned rescanned = {.control = control};
	struct host_cpus before = control->cpus;
	const struct cpuset look_at = *cpus; /* they may be those of a frequency domain */
	const struct cpuset offline_before = offline_ids(control->view->cpufreq);

	if (event == CPUFREQ_PLUGGED)
		rescanned.affected = look_at;
	(void)cpufreq_host_cpus(control->view->cpufreq, &control->cpus);
	if (cpufreq_rescan(control->view->cpufreq, &look_at, event, on_change, &rescanned) < 0)
		return false;
	/* no CPU's event need have told */
	add_plugged(&rescanned, &offline_before);
	if (rescanned.others) {
		view_send_priorities(control->view);
		cpufreq_watch_host(control->watch);
	}
	if (event == CPUFREQ_PLUGGED || !cpuset_is_empty(&rescanned.affected))
		send_affected(control, &rescanned, &before);
	return rescanned.any;
}

void frequency_control_cpus_changed(struct frequency_control *control, const struct cpuset *changed)
{
	/* None: a cpufreq driver may have come or gone. */
	(void)frequency_control_look(control, changed,
				     cpuset_is_empty(changed) ? CPUFREQ_LOOK : CPUFREQ_PLUGGED);
}

/* --- what the kernel tells of files that were written -------------------------------------- */

static void on_policy_written(void *context, uint32_t policy, const char *file)
{
	struct frequency_control *control = context;
	const struct frequency_domain *fdom = cpufreq_get_policy(control->view->cpufreq, policy);

	if (!fdom)
		return;
	if (strcmp(file, "boost") == 0) {
		cpuset_add_all(&control->reset, &fdom->cpus);
		frequency_control_later(control, 0);
	} else if (strncmp(file, "scaling_", strlen("scaling_")) == 0) {
		foreign_writes_heard(&control->foreign, fdom->id);
	}
}

/* The kernel may have changed any frequency, and any limit. */
static void on_host_written(void *context, const char *file)
{
	struct frequency_control *control = context;

	log_info("%s was written: looking at all frequency domains again",
		 strcmp(file, "state") == 0 ? "power/state" : file);
	memset(&control->reset, 0xff, sizeof(control->reset));
	frequency_control_later(control, 0);
}

static void on_lost(void *context)
{
	struct frequency_control *control = context;

	log_warning("some of the kernel's events about written files were lost: all frequency "
		    "domains are checked again");
	foreign_writes_lost(&control->foreign);
	on_host_written(control, "inotify");
}

void frequency_control_later(struct frequency_control *control, uint64_t delay_ns)
{
	uint64_t due_ns = monotonic_ns() + delay_ns;

	if (control->loop && (control->later.due_ns == 0 || control->later.due_ns > due_ns))
		loop_timer_set(control->loop, &control->later, delay_ns);
}

/* Look anew at some of the CPUs that are due. Return: are there more? */
static bool look_at_some(struct frequency_control *control)
{
	struct cpuset some = {.bits = {0}};
	unsigned int cpu, n = 0;

	cpuset_for_each (cpu, &control->reset) {
		const struct frequency_domain *fdom = cpufreq_of_cpu(control->view->cpufreq, cpu);

		if (n == LOOKS_PER_TURN)
			break;
		cpuset_del(&control->reset, cpu);
		if (!fdom)
			continue;
		/* all of a frequency domain at once */
		cpuset_add_all(&some, &fdom->cpus);
		cpuset_del_all(&control->reset, &fdom->cpus);
		n++;
	}
	(void)frequency_control_look(control, &some, CPUFREQ_RESET);
	return !cpuset_is_empty(&control->reset);
}

/*
 * What was restored, and what is to be released now that the kernel has had time.
 *
 * Return: after how many ns it must be called again; UINT64_MAX: not any more
 */
static uint64_t settle_some(struct frequency_control *control)
{
	const struct cpufreq *cpufreq = control->view->cpufreq;
	const struct cpuset releasing = control->releasing;
	bool last = control->settles + 1 >= FREQUENCY_SETTLES_MAX, again;
	unsigned int n = 0, id;

	cpufreq_batch(control->view->cpufreq);
	cpuset_for_each (id, &releasing) {
		if (n++ == SETTLES_PER_TURN)
			break;
		frequency_control_release(control, id, frequency_control_last_written(control, id),
					  HEARD_SETTLED);
	}
	(void)cpufreq_commit(control->view->cpufreq);
	for (; control->settle_next < cpufreq_count(cpufreq); control->settle_next++) {
		id = control->settle_next;
		if (!cpufreq_get(cpufreq, id)->restored_late)
			continue;
		if (n++ >= SETTLES_PER_TURN)
			return 0;
		if (!cpufreq_check_restored(control->view->cpufreq, id, last))
			control->unsettled = true;
	}
	again = control->unsettled;
	control->settle_next = 0;
	control->unsettled = false;
	control->settles++;
	if (!cpuset_is_empty(&control->releasing))
		return 0;
	return again ? FREQUENCY_SETTLE_NS : UINT64_MAX;
}

static void on_later(struct loop_timer *timer)
{
	struct frequency_control *control = container_of(timer, struct frequency_control, later);
	bool more_looks = !cpuset_is_empty(&control->reset) && look_at_some(control);
	uint64_t again_ns = settle_some(control);

	if (more_looks)
		again_ns = 0;
	if (again_ns != UINT64_MAX)
		frequency_control_later(control, again_ns);
}

static void renew_foreign(void *context, uint32_t id, bool reassert)
{
	frequency_control_renew(context, id, reassert, false);
}

int frequency_control_init(struct frequency_control *control, struct monitor_view *view,
			   struct registry *registry, struct events *events, struct loop *loop)
{
	const struct cpufreq_watch_handlers handlers = {
		.on_policy = on_policy_written,
		.on_host = on_host_written,
		.on_lost = on_lost,
		.context = control,
	};

	*control = (struct frequency_control){
		.view = view,
		.registry = registry,
		.events = events,
		.loop = loop,
		.later = {.on_expiry = on_later, .name = "frequency changes"},
		.slice = {.on_expiry = frequency_control_slice, .name = "acquiring"},
		.foreign = {.view = view,
			    .events = events,
			    .loop = loop,
			    .renew = renew_foreign,
			    .context = control},
	};
	foreign_writes_init(&control->foreign);
	view->sent = frequency_control_sent;
	view->context = control;
	view->claims = claims_new();
	if (!view->claims)
		return -ENOMEM;
	(void)cpufreq_host_cpus(view->cpufreq, &control->cpus);
	if (!loop)
		return 0;
	frequency_control_later(control, FREQUENCY_SETTLE_NS); /* for what was restored before */
	return cpufreq_watch_new(loop, view->config->sysfs, &handlers, &control->watch);
}

void frequency_control_clear(struct frequency_control *control)
{
	if (control->loop) {
		loop_timer_cancel(control->loop, &control->later);
		loop_timer_cancel(control->loop, &control->slice);
	}
	foreign_writes_end(&control->foreign);
	cpufreq_watch_free(control->watch);
	claims_free(control->view->claims);
	control->view->claims = NULL;
	control->watch = NULL;
	control->loop = NULL;
}
