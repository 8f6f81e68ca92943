/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/link/traffic_area.h"
#include "helper/monitor/policies/policy_pass.h"
#include "helper/monitor/state/syscall_rule.h"

const struct syscall_rule traffic_syscalls[] = {
	ALLOW_IF(fcntl, 1, UINT32_MAX, F_GET_SEALS, "is the traffic area sealed?"),
	ALLOW_IF(lseek, 2, UINT32_MAX, SEEK_END, "how large is the traffic area?"),
	{0},
};

static struct domain_traffic *traffic_of(const struct channel_monitor *monitor, uint32_t domain)
{
	return monitor->domains[domain] ? monitor->domains[domain]->traffic : NULL;
}

/* --- the area ------------------------------------------------------------------------------ */

/* What is sealed can't be cut off below us, and nobody changes what the head says. */
static bool is_area(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & TRAFFIC_AREA_SEALS) == TRAFFIC_AREA_SEALS &&
	       lseek(fd, 0, SEEK_END) == (off_t)sizeof(struct traffic_area);
}

static bool has_head(const struct traffic_area *area)
{
	return area->magic == TRAFFIC_AREA_MAGIC && area->version == TRAFFIC_AREA_VERSION &&
	       area->size == sizeof(*area);
}

void traffic_unmap(struct channel_monitor *monitor)
{
	if (monitor->traffic.area)
		(void)munmap((void *)(uintptr_t)monitor->traffic.area,
			     sizeof(*monitor->traffic.area));
	monitor->traffic.area = NULL;
}

/* Another area, or none. */
static void restart(struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct domain_traffic *traffic = traffic_of(monitor, d);

		if (!traffic)
			continue;
		traffic_slots_restart(&traffic->slots, monitor_now(monitor));
		traffic->look_ns = traffic_is_wanted(monitor, d) ? monitor_now(monitor) + 1 : 0;
	}
	traffic_arm(monitor);
}

int traffic_set_area(struct channel_monitor *monitor, int fd)
{
	cleanup_close int owned = fd;
	void *map;

	if (!is_area(owned))
		return -EPROTO;
	map = mmap(NULL, sizeof(struct traffic_area), PROT_READ, MAP_SHARED, owned, 0);
	if (map == MAP_FAILED)
		return -errno;
	traffic_unmap(monitor);
	monitor->traffic.area = map;
	if (!has_head(map))
		return -EPROTO;
	restart(monitor);
	return 0;
}

/* --- what is wanted -------------------------------------------------------------------------- */

void traffic_arm(struct channel_monitor *monitor)
{
	uint64_t first_ns = 0;

	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		const struct domain_traffic *traffic = traffic_of(monitor, d);

		if (traffic && traffic->look_ns > 0 &&
		    (first_ns == 0 || traffic->look_ns < first_ns))
			first_ns = traffic->look_ns;
	}
	if (first_ns == 0)
		timer_cancel(&monitor->timers, &monitor->traffic.timer);
	else
		timer_set(&monitor->timers, &monitor->traffic.timer, first_ns);
}

static void begin_wish(struct channel_monitor *monitor, uint32_t domain)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);
	struct timer *timer = &monitor->traffic.timer;

	policy_pass_join(&monitor->traffic.pass, domain);
	if (traffic_is_wanted(monitor, domain))
		return;
	monitor->traffic.wanted[domain / 64] |= UINT64_C(1) << domain % 64;
	monitor->traffic.notices = true;
	traffic->slots.since_ns = monitor_now(monitor);
	traffic->look_ns = monitor_now(monitor) + 1;
	if (!timer_is_set(timer) || timer->due_ns > traffic->look_ns)
		timer_set(&monitor->timers, timer, traffic->look_ns);
}

void traffic_end_wish(struct channel_monitor *monitor, uint32_t domain)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	monitor->traffic.wanted[domain / 64] &= ~(UINT64_C(1) << domain % 64);
	monitor->traffic.notices = true;
	if (traffic)
		traffic->look_ns = 0;
}

/* Its timer may be due for nothing, once. */
void traffic_forget(struct channel_monitor *monitor, uint32_t domain)
{
	struct traffic_state *state = &monitor->traffic;
	uint64_t others = ~(UINT64_C(1) << domain % 64);

	state->wanted[domain / 64] &= others;
	state->told[domain / 64] &= others;
	state->untold[domain / 64] &= others;
	free(monitor->domains[domain]->traffic);
	monitor->domains[domain]->traffic = NULL;
}

/* Where interfaces have other slots now, the former area is wrong; what it said holds on. */
void traffic_greet(struct channel_monitor *monitor)
{
	traffic_unmap(monitor);
	restart(monitor);
	for (uint32_t d = 0; d < MAX_DOMAINS; d++)
		if (traffic_of(monitor, d))
			traffic_of(monitor, d)->synced = false;
	memset(monitor->traffic.told, 0, sizeof(monitor->traffic.told));
	monitor->traffic.notices = true;
}

int traffic_set_interfaces(struct channel_monitor *monitor, const struct link_interfaces *from)
{
	uint32_t d = from->domain, n_vcpus = arbiter_vcpus(monitor->arbiter, d);
	struct monitored_domain *domain = monitor->domains[d];

	if (!domain)
		return -ENOENT;
	if (!domain->traffic) {
		domain->traffic = calloc(1, sizeof(*domain->traffic) +
						    n_vcpus * sizeof(domain->traffic->vcpus[0]));
		if (!domain->traffic)
			return -ENOMEM;
		domain->traffic->n_vcpus = n_vcpus;
		/* a former domain with this id, or monitor, may have wanted something else */
		monitor->traffic.untold[d / 64] |= UINT64_C(1) << d % 64;
		monitor->traffic.notices = true;
	}
	domain->traffic->synced = true;
	traffic_slots_set(&domain->traffic->slots, from, monitor_now(monitor));
	if (traffic_is_wanted(monitor, d)) {
		domain->traffic->look_ns = monitor_now(monitor) + 1;
		traffic_arm(monitor);
	}
	return 0;
}

void traffic_synced(struct channel_monitor *monitor)
{
	static const struct link_interfaces none;

	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct domain_traffic *traffic = traffic_of(monitor, d);

		if (traffic && !traffic->synced)
			traffic_slots_set(&traffic->slots, &none, monitor_now(monitor));
	}
}

/* --- levels ---------------------------------------------------------------------------------- */

enum refusal traffic_check(const struct channel_monitor *monitor, uint32_t domain,
			   const struct policy_traffic *rule)
{
	const struct domain_traffic *traffic = traffic_of(monitor, domain);
	enum refusal refusal = REFUSAL_NONE;

	if (!traffic)
		return rule->n_macs > 0 ? REFUSAL_INTERFACE : REFUSAL_NO_COUNTER;
	if (rule->n_macs == 0)
		return traffic->slots.counted ? REFUSAL_NONE : REFUSAL_NO_COUNTER;
	for (uint32_t i = 0; i < rule->n_macs; i++) {
		traffic_mask slot = traffic_slots_find(&traffic->slots, rule->macs[i]);

		if (slot == 0)
			return REFUSAL_INTERFACE;
		if (!(slot & traffic->slots.counted))
			refusal = REFUSAL_NO_COUNTER;
	}
	return refusal;
}

/* By name, since interfaces come and go; resolved anew only after that. */
static traffic_mask resolve(struct domain_traffic *traffic, struct vcpu_traffic *vcpu,
			    const struct policy_traffic *rule)
{
	traffic_mask which = 0;

	if (vcpu->generation == traffic->slots.generation)
		return vcpu->which;
	for (uint32_t i = 0; i < rule->n_macs; i++)
		which |= traffic_slots_find(&traffic->slots, rule->macs[i]);
	vcpu->which = rule->n_macs == 0 ? traffic->slots.counted : which;
	vcpu->generation = traffic->slots.generation;
	return vcpu->which;
}

static void publish(struct shared_traffic_level *to, const struct traffic_level *level,
		    const struct traffic_reading *reading)
{
	shared_store(to->level, (uint32_t)traffic_level_now(level));
	shared_store(to->pps, reading->pps);
	shared_store(to->below_since_ns, level->below_since_ns);
}

/* It does not go by traffic now. */
static void rest(struct shared_traffic_level *published, struct traffic_level *level)
{
	const struct traffic_reading nothing = {.known = false};

	if (traffic_level_now(level) == LEVEL_NONE)
		return;
	traffic_level_begin(level, LEVEL_NONE);
	publish(published, level, &nothing);
}

static enum policy_level step(struct channel_monitor *monitor, uint32_t domain, uint32_t number,
			      bool first)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);
	struct shared_traffic *shared = &monitor->shared->traffic[domain][number];
	struct vcpu_traffic *vcpu = &traffic->vcpus[number];
	struct traffic_thresholds thresholds;
	struct traffic_reading reading;
	struct policy_traffic rule;
	enum policy_level level;

	(void)policy_traffic_load(shared, &rule); /* one that is not valid has no thresholds */
	thresholds = (struct traffic_thresholds){.medium = rule.medium_pps, .high = rule.high_pps};
	reading = traffic_slots_read(&traffic->slots, resolve(traffic, vcpu, &rule), false,
				     monitor_now(monitor));
	if (first) /* what it has not seen begin and end is not its own */
		reading.dropped = reading.ends_interval = false;
	level = traffic_level_next(&vcpu->level, &thresholds, &reading, monitor_now(monitor));
	publish(&shared->now, &vcpu->level, &reading);
	return level;
}

void traffic_begin(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
		   enum policy_level in_force)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	if (!traffic)
		return;
	traffic->vcpus[vcpu].generation = 0;
	traffic_level_begin(&traffic->vcpus[vcpu].level, in_force);
	if (in_force == LEVEL_NONE)
		(void)step(monitor, domain, vcpu, true);
	begin_wish(monitor, domain);
}

enum policy_level traffic_step(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	return step(monitor, domain, vcpu, false);
}

void traffic_rest(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	if (traffic)
		rest(&monitor->shared->traffic[domain][vcpu].now, &traffic->vcpus[vcpu].level);
}

enum policy_level traffic_level_of_vcpu(struct channel_monitor *monitor, uint32_t domain,
					uint32_t vcpu)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	if (!traffic)
		return LEVEL_NONE;
	begin_wish(monitor, domain);
	return traffic_level_now(&traffic->vcpus[vcpu].level);
}

/* --- the same for the operator's policy ---------------------------------------------------------
 */

static enum policy_level step_domain(struct channel_monitor *monitor, uint32_t d, bool first)
{
	struct domain_traffic *traffic = traffic_of(monitor, d);
	const struct monitored_domain *domain = monitor->domains[d];
	const struct traffic_thresholds thresholds = {
		.medium = domain->policy_medium_pps,
		.high = domain->policy_high_pps,
	};
	traffic_mask named = traffic->slots.named;
	struct traffic_reading reading = {.known = false};
	enum policy_level level;

	if ((named & ~traffic->slots.counted) == 0)
		reading = traffic_slots_read(&traffic->slots, named, domain->policy_both,
					     monitor_now(monitor));
	if (first)
		reading.dropped = reading.ends_interval = false;
	level = traffic_level_next(&traffic->level, &thresholds, &reading, monitor_now(monitor));
	publish(&monitor->shared->domain_traffic[d], &traffic->level, &reading);
	return level;
}

void traffic_begin_domain(struct channel_monitor *monitor, uint32_t domain,
			  enum policy_level in_force)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	traffic_level_begin(&traffic->level, in_force);
	if (in_force == LEVEL_NONE)
		(void)step_domain(monitor, domain, true);
	begin_wish(monitor, domain);
}

enum policy_level traffic_step_domain(struct channel_monitor *monitor, uint32_t domain)
{
	return step_domain(monitor, domain, false);
}

enum policy_level traffic_level_of_domain(struct channel_monitor *monitor, uint32_t domain)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	if (!traffic)
		return LEVEL_NONE;
	begin_wish(monitor, domain);
	return traffic_level_now(&traffic->level);
}

void traffic_rest_domain(struct channel_monitor *monitor, uint32_t domain)
{
	struct domain_traffic *traffic = traffic_of(monitor, domain);

	if (traffic)
		rest(&monitor->shared->domain_traffic[domain], &traffic->level);
}
