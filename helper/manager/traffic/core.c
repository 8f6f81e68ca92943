/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/link/shared_state.h"

/* A sample is believed for this much longer than until the next should be there. */
#define LEAST_GRACE_NS (200 * NS_PER_MS)
#define MOST_GRACE_NS (2 * NS_PER_S)

int core_new(const char *sysfs, const struct traffic_intervals *intervals, struct core **out)
{
	struct core *core = calloc(1, sizeof(*core));
	pthread_condattr_t attributes;

	if (!core)
		return -ENOMEM;
	core->area_fd = core->changes_fd = -1;
	core->intervals = *intervals;
	core->sysfs = strdup(sysfs);
	if (!core->sysfs) {
		free(core);
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&core->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&core->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	*out = core;
	return 0;
}

void core_free(struct core *core)
{
	for (size_t i = 0; i < array_size(core->domains); i++)
		free(core->domains[i]);
	if (core->area)
		(void)munmap(core->area, sizeof(*core->area));
	close_fd(&core->area_fd);
	close_fd(&core->changes_fd);
	(void)pthread_cond_destroy(&core->wake);
	(void)pthread_mutex_destroy(&core->lock);
	free(core->sysfs);
	free(core);
}

/* --- the area --------------------------------------------------------------------------- */

/* Seals come last: from then on nobody can map it to write, this process included. */
static int map_area(int fd, struct traffic_area **area)
{
	void *map;
	int r;

	if (ftruncate(fd, sizeof(**area)) < 0)
		return -errno;
	map = mmap(NULL, sizeof(**area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*area = map;
	(*area)->magic = TRAFFIC_AREA_MAGIC;
	(*area)->version = TRAFFIC_AREA_VERSION;
	(*area)->size = sizeof(**area);
	if (fcntl(fd, F_ADD_SEALS, TRAFFIC_AREA_SEALS) == 0)
		return 0;
	r = -errno;
	(void)munmap(map, sizeof(**area));
	*area = NULL;
	return r;
}

int core_make_area(struct core *core)
{
	cleanup_close int fd = -1, changes_fd = -1;
	int r;

	if (core->area)
		return 0;
	changes_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fd = memfd_create("vmpower-traffic", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || changes_fd < 0)
		return -errno;
	r = map_area(fd, &core->area);
	if (r < 0)
		return r;
	core->area_fd = take_fd(&fd);
	core->changes_fd = take_fd(&changes_fd);
	return 0;
}

/* --- with the lock ---------------------------------------------------------------------- */

void queue_add(struct domain_queue *queue, uint32_t domain)
{
	ASSERT(domain < MAX_DOMAINS);
	if (queue->has[domain])
		return;
	ASSERT(queue->n < MAX_DOMAINS);
	queue->has[domain] = true;
	queue->ids[(queue->first + queue->n++) % MAX_DOMAINS] = domain;
}

bool queue_take(struct domain_queue *queue, uint32_t *domain)
{
	if (queue->n == 0)
		return false;
	*domain = queue->ids[queue->first];
	queue->first = (queue->first + 1) % MAX_DOMAINS;
	queue->n--;
	queue->has[*domain] = false;
	return true;
}

static struct traffic_sample *sample_of(struct core *core, uint32_t domain, uint32_t slot)
{
	ASSERT(domain < MAX_DOMAINS && slot < MAX_DOMAIN_INTERFACES);
	return &core->area->samples[domain][slot];
}

/* Who writes holds the lock: there is nobody to wait for. */
static struct traffic_sample load(const struct traffic_sample *shared)
{
	struct traffic_sample sample;

	ASSERT(traffic_sample_load(shared, &sample));
	return sample;
}

void core_invalidate(struct core *core, uint32_t domain, uint32_t slot)
{
	struct traffic_sample *shared, sample;

	if (!core->area)
		return;
	shared = sample_of(core, domain, slot);
	/* do not touch, and so allocate, what was never used */
	if (shared_load(shared->next_ns) == 0 && shared_load(shared->valid_until_ns) == 0)
		return;
	sample = load(shared);
	sample.next_ns = sample.valid_until_ns = 0;
	sample.pps = sample.pps_both = 0;
	traffic_sample_store(shared, &sample);
}

/* --- the thread's ----------------------------------------------------------------------- */

/* NULL: it has gone, or is not wanted any more. */
static struct slot *find_slot(struct core *core, const struct slot_name *name)
{
	struct traffic_domain *domain = core->domains[name->domain];
	struct slot *slot = domain ? &domain->slots[name->slot] : NULL;

	return slot && domain->wanted && slot->id == name->id ? slot : NULL;
}

void core_announce(struct core *core, const struct slot_name *name, uint64_t interval_ns,
		   uint64_t next_ns)
{
	struct traffic_sample *shared = sample_of(core, name->domain, name->slot), sample;

	(void)pthread_mutex_lock(&core->lock);
	if (find_slot(core, name)) {
		sample = load(shared);
		sample.interval_ms = (uint32_t)(interval_ns / NS_PER_MS);
		sample.next_ns = next_ns;
		traffic_sample_store(shared, &sample);
	}
	(void)pthread_mutex_unlock(&core->lock);
}

static uint64_t grace(uint64_t interval_ns)
{
	if (interval_ns < LEAST_GRACE_NS)
		return LEAST_GRACE_NS;
	return interval_ns > MOST_GRACE_NS ? MOST_GRACE_NS : interval_ns;
}

void core_publish(struct core *core, const struct slot_name *name, const struct rate *rate,
		  uint64_t interval_ns, uint64_t next_ns)
{
	struct traffic_sample *shared = sample_of(core, name->domain, name->slot), sample;

	(void)pthread_mutex_lock(&core->lock);
	if (find_slot(core, name)) {
		sample = load(shared);
		sample.interval_ms = (uint32_t)(interval_ns / NS_PER_MS);
		sample.n_samples++;
		sample.pps = rate->pps;
		sample.pps_both = rate->pps_both;
		sample.drops += rate->drops;
		sample.next_ns = next_ns;
		sample.valid_until_ns = next_ns + grace(interval_ns);
		traffic_sample_store(shared, &sample);
	}
	(void)pthread_mutex_unlock(&core->lock);
}

void core_report(struct core *core, const struct slot_name *name, enum no_counter why)
{
	const uint64_t one = 1;
	struct slot *slot;
	bool news = false;

	(void)pthread_mutex_lock(&core->lock);
	slot = find_slot(core, name);
	if (slot && why != NO_COUNTER_NONE)
		core_invalidate(core, name->domain, name->slot);
	if (slot && slot->why != why) {
		slot->why = why;
		news = core->changes.n == 0;
		queue_add(&core->changes, name->domain);
	}
	(void)pthread_mutex_unlock(&core->lock);
	if (news && write(core->changes_fd, &one, sizeof(one)) < 0)
		return; /* it is set already */
}
