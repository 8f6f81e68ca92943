/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What concerns all domains is done to a few of them in each turn of the loop; to the first at
 * once, so on most hosts to all. One that is registered meanwhile needs none of it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/domains/domain_change.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/domains/domains_private.h"

/* No domain is begun when this has taken so long. */
#define SLICE_NS (2 * NS_PER_MS)

static void apply_rules(struct domains *domains, struct domain *domain)
{
	domain_apply_rules(&domains->view, domains->events, &domains->range, domain);
	if (domains->send_vcpus)
		view_send_vcpus(&domains->view, domain);
}

static void rules_applied(struct domains *domains)
{
	domains->send_vcpus = false;
	channel_manager_kick_all(domains->channels);
}

static int compare_uuids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void end_if_unlisted(struct domains *domains, struct domain *domain)
{
	const struct domain_report report = {
		.source = "libvirt does not list it",
		.asked_ns = domains->listed.asked_ns,
		.uuid = domain->description->uuid,
	};

	if (!bsearch(report.uuid, domains->listed.uuids, domains->listed.n,
		     sizeof(*domains->listed.uuids), compare_uuids))
		(void)domains_report(domains, &report);
}

static void forget_list(struct domains *domains)
{
	free(domains->listed.uuids);
	domains->listed.uuids = NULL;
	domains->listed.n = 0;
}

/* Until @end_ns. Return: false: there are more */
static bool sweep(struct domains *domains, struct sweep *sweep, uint64_t end_ns,
		  void (*visit)(struct domains *domains, struct domain *domain),
		  void (*done)(struct domains *domains))
{
	struct domain *domain;

	while (sweep->due) {
		domain = registry_walk_domain(domains->registry, &sweep->walk);
		if (domain) {
			visit(domains, domain);
		} else {
			sweep->due = false;
			done(domains);
		}
		if (sweep->due && monotonic_ns() >= end_ns)
			return false;
	}
	return true;
}

static void sweep_some(struct domains *domains)
{
	uint64_t end_ns = monotonic_ns() + SLICE_NS;

	loop_timer_cancel(domains->loop, &domains->sweeping);
	/* what has ended needs no rules */
	if (!sweep(domains, &domains->unlisted, end_ns, end_if_unlisted, forget_list) ||
	    !sweep(domains, &domains->rules, end_ns, apply_rules, rules_applied))
		loop_timer_set(domains->loop, &domains->sweeping, 0);
}

static void on_sweeping(struct loop_timer *timer)
{
	sweep_some(container_of(timer, struct domains, sweeping));
}

void sweep_init(struct domains *domains)
{
	domains->sweeping = (struct loop_timer){.on_expiry = on_sweeping, .name = "all domains"};
}

void sweep_clear(struct domains *domains)
{
	loop_timer_cancel(domains->loop, &domains->sweeping);
	forget_list(domains);
}

void sweep_rules(struct domains *domains, bool send_vcpus)
{
	domains->rules = (struct sweep){.due = true, .walk = registry_walk()};
	domains->send_vcpus = domains->send_vcpus || send_vcpus;
	sweep_some(domains);
}

void domains_report_listing(struct domains *domains, const char (*uuids)[UUID_SIZE], size_t n,
			    uint64_t asked_ns)
{
	char(*sorted)[UUID_SIZE] = calloc(n + 1, sizeof(*sorted));

	if (!sorted) {
		log_error("can't compare libvirt's list of domains: out of memory");
		return;
	}
	memcpy(sorted, uuids, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_uuids);
	/* a newer list says all that an older one would */
	forget_list(domains);
	domains->listed.uuids = sorted;
	domains->listed.n = n;
	domains->listed.asked_ns = asked_ns;
	domains->unlisted = (struct sweep){.due = true, .walk = registry_walk()};
	sweep_some(domains);
}
