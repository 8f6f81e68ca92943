/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/traffic/core.h"
#include "helper/manager/traffic/sriov.h"
#include "helper/manager/traffic/statistics.h"
#include "helper/manager/traffic/thread.h"

#define CHANGES_PER_TURN 64

struct traffic {
	struct traffic_parts parts;
	struct core *core;
	struct loop_source source; /* of changes */
	pthread_t thread;
	bool has_thread; /* it must be joined */
	bool failed;	 /* and that was logged */
};

/* --- what is told to the loop ----------------------------------------------------------- */

static void on_changes(struct loop_source *source, uint32_t events)
{
	struct traffic *traffic = container_of(source, struct traffic, source);
	struct core *core = traffic->core;
	uint64_t n_written, one = 1;
	bool more = true;

	(void)events;
	if (read(source->fd, &n_written, sizeof(n_written)) < 0)
		return;
	for (int i = 0; i < CHANGES_PER_TURN && more; i++) {
		uint32_t domain = 0;

		(void)pthread_mutex_lock(&core->lock);
		more = queue_take(&core->changes, &domain);
		(void)pthread_mutex_unlock(&core->lock);
		if (more)
			traffic->parts.changed(traffic->parts.context, domain);
	}
	if (more && write(source->fd, &one, sizeof(one)) < 0)
		log_error("traffic: can't wake the loop: %s", strerror(errno));
}

int traffic_new(const struct traffic_parts *parts, struct traffic **out)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	int r;

	if (!traffic)
		return -ENOMEM;
	traffic->parts = *parts;
	traffic->parts.sysfs = NULL; /* the core has a copy */
	traffic->source = (struct loop_source){
		.fd = -1, .on_event = on_changes, .name = "counters of interfaces"};
	r = core_new(parts->sysfs, &parts->intervals, &traffic->core);
	if (r < 0)
		free(traffic);
	else
		*out = traffic;
	return r;
}

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	if (traffic->source.fd >= 0)
		loop_remove(traffic->parts.loop, &traffic->source);
	if (!traffic->has_thread || thread_end(traffic->core, traffic->thread))
		core_free(traffic->core);
	free(traffic);
}

void traffic_set_intervals(struct traffic *traffic, const struct traffic_intervals *intervals)
{
	struct core *core = traffic->core;

	(void)pthread_mutex_lock(&core->lock);
	core->intervals = *intervals;
	(void)pthread_cond_signal(&core->wake);
	(void)pthread_mutex_unlock(&core->lock);
}

/* --- domains ---------------------------------------------------------------------------- */

static bool same_interface(const struct domain_interface *a, const struct domain_interface *b)
{
	return a->kind == b->kind && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       strcmp(a->target, b->target) == 0 && a->has_source == b->has_source &&
	       a->source.domain == b->source.domain && a->source.bus == b->source.bus &&
	       a->source.slot == b->source.slot && a->source.function == b->source.function;
}

static enum no_counter find_device(const char *sysfs, const struct domain_interface *interface)
{
	if (!interface->target[0])
		return NO_COUNTER_TARGET;
	return statistics_exist(sysfs, interface->target) ? NO_COUNTER_NONE : NO_COUNTER_DEVICE;
}

/* As far as can be told without waiting. */
static enum no_counter can_count(const char *sysfs, const struct domain_interface *interface)
{
	switch (interface->kind) {
	case INTERFACE_TAP:
	case INTERFACE_UNMANAGED:
	case INTERFACE_DIRECT:
		return find_device(sysfs, interface);
	case INTERFACE_HOSTDEV:
		return interface->has_source ? sriov_can_count(sysfs, &interface->source)
					     : NO_COUNTER_TARGET;
	case INTERFACE_VHOSTUSER:
		return NO_COUNTER_VHOSTUSER;
	case INTERFACE_USER:
		return NO_COUNTER_USER;
	case INTERFACE_VDPA:
		return NO_COUNTER_VDPA;
	case INTERFACE_OTHER:
		break;
	}
	return NO_COUNTER_KIND;
}

/* Entries of @interfaces that have no slot yet. */
struct unplaced {
	const struct domain_interface *interfaces;
	uint32_t n;
	bool placed[MAX_DOMAIN_INTERFACES];
	enum no_counter why[MAX_DOMAIN_INTERFACES];
};

static void keep_or_free(struct core *core, uint32_t id, uint32_t at, struct unplaced *unplaced)
{
	struct traffic_domain *domain = core->domains[id];
	struct slot *slot = &domain->slots[at];

	if (slot->id == 0)
		return;
	for (uint32_t i = 0; i < unplaced->n; i++) {
		if (unplaced->placed[i] ||
		    !same_interface(&slot->interface, &unplaced->interfaces[i]))
			continue;
		unplaced->placed[i] = true;
		slot->interface = unplaced->interfaces[i];
		slot->told++;
		/* the thread knows better, if there is one */
		if (!domain->wanted)
			slot->why = unplaced->why[i];
		return;
	}
	core_invalidate(core, id, at);
	*slot = (struct slot){0};
}

/* There is a free slot: there are no more interfaces than slots. */
static void place(struct core *core, struct traffic_domain *domain, uint32_t i,
		  const struct unplaced *unplaced)
{
	uint32_t at = 0;

	for (; domain->slots[at].id != 0; at++)
		ASSERT(at + 1 < MAX_DOMAIN_INTERFACES);
	domain->slots[at] = (struct slot){
		.id = ++core->last_id,
		.why = unplaced->why[i],
		.interface = unplaced->interfaces[i],
	};
}

int traffic_set_domain(struct traffic *traffic, uint32_t id,
		       const struct domain_interface *interfaces, uint32_t n)
{
	struct unplaced unplaced = {.interfaces = interfaces, .n = n};
	struct core *core = traffic->core;
	struct traffic_domain *new = NULL;

	ASSERT(id < MAX_DOMAINS && n <= MAX_DOMAIN_INTERFACES);
	for (uint32_t i = 0; i < n; i++)
		unplaced.why[i] = can_count(core->sysfs, &interfaces[i]);
	if (!core->domains[id]) { /* only the loop changes it */
		new = calloc(1, sizeof(*new));
		if (!new)
			return -ENOMEM;
	}
	(void)pthread_mutex_lock(&core->lock);
	if (new)
		core->domains[id] = new;
	for (uint32_t at = 0; at < MAX_DOMAIN_INTERFACES; at++)
		keep_or_free(core, id, at, &unplaced);
	for (uint32_t i = 0; i < n; i++) {
		if (!unplaced.placed[i])
			place(core, core->domains[id], i, &unplaced);
	}
	if (core->domains[id]->wanted) {
		queue_add(&core->orders, id);
		(void)pthread_cond_signal(&core->wake);
	}
	(void)pthread_mutex_unlock(&core->lock);
	return 0;
}

/* The lock is held. */
static void stop_wanting(struct core *core, uint32_t id)
{
	struct traffic_domain *domain = core->domains[id];

	if (!domain || !domain->wanted)
		return;
	domain->wanted = false;
	core->n_wanted--;
	for (uint32_t at = 0; at < MAX_DOMAIN_INTERFACES; at++)
		core_invalidate(core, id, at);
	queue_add(&core->orders, id);
	(void)pthread_cond_signal(&core->wake);
}

void traffic_forget_domain(struct traffic *traffic, uint32_t id)
{
	struct core *core = traffic->core;

	ASSERT(id < MAX_DOMAINS);
	(void)pthread_mutex_lock(&core->lock);
	stop_wanting(core, id);
	free(take_ptr(core->domains[id]));
	(void)pthread_mutex_unlock(&core->lock);
}

/* --- wishes ----------------------------------------------------------------------------- */

static int make_area(struct traffic *traffic)
{
	struct core *core = traffic->core;
	int r = core_make_area(core);

	if (r == 0 && traffic->source.fd < 0)
		r = loop_add(traffic->parts.loop, &traffic->source, core->changes_fd, EPOLLIN);
	return r;
}

/* There is a wish, and no thread runs. */
static int start_thread(struct traffic *traffic)
{
	struct core *core = traffic->core;
	int r;

	if (traffic->has_thread) /* it has ended: this waits for nothing */
		(void)pthread_join(traffic->thread, NULL);
	traffic->has_thread = false;
	core->running = true;
	r = thread_start(core, &traffic->thread);
	core->running = traffic->has_thread = r == 0;
	return r;
}

static int start_wanting(struct traffic *traffic, uint32_t id)
{
	struct core *core = traffic->core;
	bool running;
	int r = make_area(traffic);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&core->lock);
	core->domains[id]->wanted = true;
	core->n_wanted++;
	queue_add(&core->orders, id);
	running = core->running;
	(void)pthread_cond_signal(&core->wake);
	(void)pthread_mutex_unlock(&core->lock);
	return running ? 0 : start_thread(traffic);
}

int traffic_want(struct traffic *traffic, uint32_t id, bool wanted)
{
	struct core *core = traffic->core;
	int r = 0;

	ASSERT(id < MAX_DOMAINS);
	if (!core->domains[id])
		return wanted ? -ENOENT : 0;
	if (wanted == core->domains[id]->wanted)
		return 0;
	if (wanted)
		r = start_wanting(traffic, id);
	if (wanted && r == 0)
		return 0;
	(void)pthread_mutex_lock(&core->lock);
	stop_wanting(core, id);
	(void)pthread_mutex_unlock(&core->lock);
	if (r < 0 && !traffic->failed)
		log_error("policies by traffic: can't count packets: %s", strerror(-r));
	traffic->failed |= r < 0;
	return r;
}

int traffic_area_fd(const struct traffic *traffic)
{
	return traffic->core->area_fd;
}

const struct traffic_area *traffic_area(const struct traffic *traffic)
{
	return traffic->core->area;
}

bool traffic_interface(const struct traffic *traffic, uint32_t id, uint32_t at,
		       struct traffic_interface *interface)
{
	struct core *core = traffic->core;
	struct slot slot = {0};

	ASSERT(id < MAX_DOMAINS && at < MAX_DOMAIN_INTERFACES);
	(void)pthread_mutex_lock(&core->lock);
	if (core->domains[id])
		slot = core->domains[id]->slots[at];
	(void)pthread_mutex_unlock(&core->lock);
	if (slot.id == 0)
		return false;
	*interface = (struct traffic_interface){.interface = slot.interface, .why = slot.why};
	return true;
}
