/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens when CPUs, drivers or files change. */
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/registry/placement.h"

#define LOOKS_PER_TURN 16   /* frequency domains that are read */
#define DOMAINS_PER_TURN 64 /* whose vCPUs are compared with what was found */
#define SETTLES_PER_TURN 32

struct found {
	struct frequency_control *control;
	struct frequency_changes *changes;
};

static void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	struct found *found = context;
	struct frequency_control *control = found->control;
	struct frequency_changes *changes = found->changes;
	const struct frequency_domain *fdom = cpufreq_get(control->view->cpufreq, id);
	const struct link_acquired offline = {
		.frequency_domain = id,
		.error = -ENODEV,
		.reason = ACQUIRED_RENEWED,
	};

	ASSERT(fdom);
	changes->any = true;
	switch (change) {
	case CPUFREQ_NEW:
		cpuset_add_all(&changes->affected, &fdom->cpus);
		changes->others = true;
		view_send_frequency_domain(control->view, id);
		break;
	case CPUFREQ_RESTARTED:
	case CPUFREQ_ONLINE:
		frequency_control_renew(control, id, false, change == CPUFREQ_RESTARTED);
		break;
	/* A vCPU that may run elsewhere has no say on a frequency domain that is offline. */
	case CPUFREQ_OFFLINE:
		cpuset_add_all(&changes->affected, &fdom->cpus);
		if (fdom->acquired)
			frequency_control_send(control, &offline, (int[2]){-1, -1}, 0);
		break;
	case CPUFREQ_BACK:
		cpuset_add_all(&changes->affected, &fdom->cpus);
		if (fdom->acquired)
			frequency_control_renew(control, id, false, true);
		break;
	case CPUFREQ_GONE: /* no vCPU runs on it: the monitor releases it */
		changes->others = true;
		memset(&changes->affected, 0xff, sizeof(changes->affected));
		break;
	}
}

/* Must the monitor be sent the vCPU again? */
static bool vcpu_affected(const struct frequency_control *control,
			  const struct vcpu_description *vcpu)
{
	const struct frequency_changes *told = &control->told;

	/* Unpinned, now or before: it floats over the online CPUs. */
	if (!vcpu_pinned(vcpu, &told->present) || !placement_pinned(vcpu, &control->cpus))
		return true;
	return cpuset_intersects(vcpu->affinity, &told->affected);
}

static void send_if_affected(struct frequency_control *control, const struct domain *domain)
{
	for (uint32_t i = 0; i < domain->description->n_vcpus; i++) {
		if (!vcpu_affected(control, &domain->description->vcpus[i]))
			continue;
		view_send_vcpus(control->view, domain);
		return;
	}
}

/* Some of the domains. A domain that is registered meanwhile is sent as things are then. */
static void send_some(struct frequency_control *control)
{
	for (int i = 0; i < DOMAINS_PER_TURN && control->telling; i++) {
		const struct domain *domain =
			registry_walk_domain(control->registry, &control->walk);

		if (domain)
			send_if_affected(control, domain);
		else
			control->telling = false;
	}
}

/* What was found earlier, and is being sent yet, is sent anew with it. */
static void send_affected(struct frequency_control *control,
			  const struct frequency_changes *changes)
{
	struct frequency_changes *told = &control->told;

	if (!control->telling)
		*told = *changes;
	control->telling = true;
	control->walk = registry_walk();
	cpuset_add_all(&told->affected, &changes->affected);
	/* what was unpinned at any time leaves out none of those that were always there */
	cpuset_keep(&told->present, &changes->present);
	if (control->loop)
		loop_timer_set(control->loop, &control->more_looks, 0);
	while (!control->loop && control->telling)
		send_some(control);
}

void frequency_control_reconfigure(struct frequency_control *control)
{
	for (uint32_t id = 0; id < cpufreq_count(control->view->cpufreq); id++)
		cpuset_add(&control->reconfigured, id);
	frequency_control_go_on(control);
}

void frequency_control_reconfigure_some(struct frequency_control *control, const struct cpuset *ids)
{
	struct frequency_changes changes = {.any = false};
	struct found found = {control, &changes};
	struct cpuset stale;

	(void)cpufreq_reconfigure(control->view->cpufreq, ids, &control->stale, on_change, &found);
	cpuset_add_all(&control->affected, &changes.affected);
	if (!cpuset_is_empty(&control->reconfigured))
		return;
	/* those that can be used now, by another method, and those that were made anew */
	stale = control->stale;
	changes.affected = control->affected;
	changes.present = control->cpus.present;
	control->stale = control->affected = (struct cpuset){.bits = {0}};
	if (!cpuset_is_empty(&changes.affected))
		send_affected(control, &changes);
	frequency_control_look_soon(control, &stale, CPUFREQ_LOOK);
}

/* --- rescans ----------------------------------------------------------------------------- */

static struct frequency_changes begin_look(struct frequency_control *control)
{
	struct frequency_changes changes = {.present = control->cpus.present};

	(void)cpufreq_host_cpus(control->view->cpufreq, &control->cpus);
	return changes;
}

static void tell(struct frequency_control *control, const struct frequency_changes *changes,
		 enum cpufreq_event event)
{
	if (changes->others) {
		view_send_priorities(control->view);
		cpufreq_watch_host(control->watch);
	}
	if (event == CPUFREQ_PLUGGED || !cpuset_is_empty(&changes->affected))
		send_affected(control, changes);
}

bool frequency_control_look(struct frequency_control *control, const struct cpuset *cpus)
{
	struct cpufreq_rescan rescan = {.event = CPUFREQ_LOOK, .changed = *cpus};
	struct frequency_changes changes = begin_look(control);
	struct found found = {control, &changes};
	int r = cpufreq_rescan(control->view->cpufreq, &rescan, LOOKS_PER_TURN, on_change, &found);

	if (r < 0)
		return false;
	tell(control, &changes, CPUFREQ_LOOK);
	if (r > 0)
		frequency_control_look_soon(control, &rescan.changed, CPUFREQ_LOOK);
	return changes.any;
}

static void begin_next_look(struct frequency_control *control, enum cpufreq_event event)
{
	control->looking = true;
	control->rescan =
		(struct cpufreq_rescan){.event = event, .changed = control->looks[event].cpus};
	control->looks[event] = (struct frequency_look){.due = false};
	control->changes = begin_look(control);
	if (event == CPUFREQ_PLUGGED)
		control->changes.affected = control->rescan.changed;
}

/* Some frequency domains of a look. Return: are there more, or other looks? */
static bool look_at_some(struct frequency_control *control)
{
	struct found found = {control, &control->changes};
	int event = 0, r;

	while (!control->looking && event < CPUFREQ_EVENTS) {
		if (control->looks[event].due)
			begin_next_look(control, (enum cpufreq_event)event);
		event++;
	}
	if (!control->looking)
		return false;
	r = cpufreq_rescan(control->view->cpufreq, &control->rescan, LOOKS_PER_TURN, on_change,
			   &found);
	if (r <= 0)
		control->looking = false;
	/* what was found before an error counts */
	if (r == 0 || (r < 0 && control->changes.any))
		tell(control, &control->changes, control->rescan.event);
	if (r <= 0 && control->on_rescanned)
		control->on_rescanned(control->context);
	return true;
}

void frequency_control_look_soon(struct frequency_control *control, const struct cpuset *cpus,
				 enum cpufreq_event event)
{
	struct frequency_look *look = &control->looks[event];

	look->due = true;
	cpuset_add_all(&look->cpus, cpus);
	if (control->loop)
		loop_timer_set(control->loop, &control->more_looks, 0);
	else if (!control->looking)
		while (look_at_some(control))
			;
}

static void on_more_looks(struct loop_timer *timer)
{
	struct frequency_control *control =
		container_of(timer, struct frequency_control, more_looks);

	bool more = control->telling || look_at_some(control);

	if (control->telling)
		send_some(control);
	if (more)
		loop_timer_set(control->loop, timer, 0);
}

void frequency_control_cpus_changed(struct frequency_control *control, const struct cpuset *changed)
{
	/* None: a cpufreq driver may have come or gone. */
	frequency_control_look_soon(control, changed,
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
		frequency_control_look_soon(control, &fdom->cpus, CPUFREQ_RESET);
	} else if (strncmp(file, "scaling_", strlen("scaling_")) == 0) {
		foreign_writes_heard(&control->foreign, fdom->id);
	}
}

/* The kernel may have changed any frequency, and any limit. */
static void on_host_written(void *context, const char *file)
{
	struct cpuset all;

	log_info("%s was written: looking at all frequency domains again",
		 strcmp(file, "state") == 0 ? "power/state" : file);
	memset(&all, 0xff, sizeof(all));
	frequency_control_look_soon(context, &all, CPUFREQ_RESET);
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
	uint64_t again_ns = settle_some(control);

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
		.more_looks = {.on_expiry = on_more_looks, .name = "rescanning CPUs"},
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
		loop_timer_cancel(control->loop, &control->more_looks);
		loop_timer_cancel(control->loop, &control->slice);
	}
	foreign_writes_end(&control->foreign);
	cpufreq_watch_free(control->watch);
	claims_free(control->view->claims);
	control->view->claims = NULL;
	control->watch = NULL;
	control->loop = NULL;
}
