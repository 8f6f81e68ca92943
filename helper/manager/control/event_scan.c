/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/event_scan.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/control/cpu_json.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/report/decision.h"

/* Events in one look. */
#define MAX_TARGET_EVENTS 256
#define MAX_DOMAIN_EVENTS 256

/* A domain as last reported. */
struct seen_domain {
	uint64_t registered_ns; /* tells domains apart that have the same id */
	int64_t requests, nacks;
	uint32_t said[MAX_DOMAIN_VCPUS];
};

struct event_scan {
	const struct control_context *control;
	bool libvirt_connected;
	uint32_t next_frequency_domain, next_domain; /* where the last look stopped */
	uint32_t target_khz[MAX_FREQUENCY_DOMAINS];
	struct seen_domain domains[MAX_DOMAINS]; /* pages of unused ids are never touched */
};

/* One look. */
struct look {
	struct event_scan *scan;
	struct event_ring *ring; /* NULL: only remember */
	const struct shared_state *state;
	unsigned int left;	    /* events that may still be put */
	struct decision *decisions; /* NULL: not needed yet, or out of memory */
};

static json_t *decides_json(struct look *look, uint32_t id)
{
	const struct decision_sources sources = control_decision_sources(look->scan->control);

	if (!look->decisions)
		look->decisions = decision_all(&sources);
	return look->decisions ? control_json_decider(&look->decisions[id]) : NULL;
}

/* Return: false: no more events in this look */
static bool report(struct look *look, enum event_kind kind, const struct event *event)
{
	const struct frequency_domain *fdom = event->frequency_domain;

	if (!look->ring || !event_ring_wanted(look->ring, kind))
		return true;
	if (look->left == 0)
		return false;
	look->left--;
	event_ring_put(look->ring, kind, event, fdom ? decides_json(look, fdom->id) : NULL);
	return true;
}

static bool look_at_target(struct look *look, uint32_t id)
{
	uint32_t *seen = &look->scan->target_khz[id];
	uint32_t khz = shared_load(look->state->frequency_domains[id].target_khz);
	const struct event event = {
		.frequency_domain = cpufreq_get(look->scan->control->parts.cpufreq, id),
		.khz = khz,
		.previous_khz = *seen,
	};

	if (khz != *seen && !report(look, EVENT_TARGET, &event))
		return false;
	*seen = khz;
	return true;
}

static void look_at_targets(struct look *look)
{
	uint32_t n = cpufreq_count(look->scan->control->parts.cpufreq);
	uint32_t first = look->scan->next_frequency_domain;

	look->left = MAX_TARGET_EVENTS;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = (first + i) % n;

		if (!look_at_target(look, id)) {
			look->scan->next_frequency_domain = id;
			break;
		}
	}
}

static bool look_at_vote(struct look *look, const struct domain *domain, uint32_t vcpu)
{
	const struct decision_sources sources = control_decision_sources(look->scan->control);
	uint32_t *seen = &look->scan->domains[domain->id].said[vcpu];
	uint32_t said = shared_load(look->state->vcpus[domain->id][vcpu].said);
	struct event event = {.domain = domain, .vcpu = &vcpu};

	if (said == *seen)
		return true;
	event.khz = decision_vote_khz(&sources, domain, vcpu, said);
	event.previous_khz = decision_vote_khz(&sources, domain, vcpu, *seen);
	if (event.khz != event.previous_khz && !report(look, EVENT_VOTE, &event))
		return false;
	*seen = said;
	return true;
}

static bool look_at_requests(struct look *look, const struct domain *domain)
{
	struct seen_domain *seen = &look->scan->domains[domain->id];
	struct event event = {.domain = domain};

	control_count_requests(domain, look->state, &event.requests, &event.nacks);
	if ((event.requests != seen->requests || event.nacks != seen->nacks) &&
	    !report(look, EVENT_REQUESTS, &event))
		return false;
	seen->requests = event.requests;
	seen->nacks = event.nacks;
	return true;
}

static bool look_at_domain(struct look *look, const struct domain *domain)
{
	struct seen_domain *seen = &look->scan->domains[domain->id];

	if (seen->registered_ns != domain->registered_ns) {
		memset(seen, 0, sizeof(*seen));
		seen->registered_ns = domain->registered_ns;
	}
	for (uint32_t i = 0; i < domain->description->n_vcpus; i++) {
		if (!look_at_vote(look, domain, i))
			return false;
	}
	return look_at_requests(look, domain);
}

/* Domains with ids in [from, to). Return: false: stopped early */
static bool look_at_some(struct look *look, uint32_t from, uint32_t to)
{
	struct registry *registry = look->scan->control->parts.registry;

	registry_for_each (d, registry) {
		if (d->id < from || d->id >= to || look_at_domain(look, d))
			continue;
		look->scan->next_domain = d->id;
		return false;
	}
	return true;
}

static void look_at_domains(struct look *look)
{
	uint32_t first = look->scan->next_domain;

	look->left = MAX_DOMAIN_EVENTS;
	if (look_at_some(look, first, MAX_DOMAINS))
		(void)look_at_some(look, 0, first);
}

static void look_at_libvirt(struct look *look)
{
	const struct virt *virt = look->scan->control->parts.virt;
	bool connected = virt_connected(virt);
	const struct event event = {.text = connected ? "connected" : "connection lost"};

	if (connected != look->scan->libvirt_connected && look->ring)
		event_ring_put(look->ring, EVENT_LIBVIRT, &event, NULL);
	look->scan->libvirt_connected = connected;
}

void event_scan_look(struct event_scan *scan, struct event_ring *ring)
{
	struct look look = {.scan = scan, .ring = ring, .state = control_state(scan->control)};

	look_at_libvirt(&look);
	if (!look.state)
		return;
	look_at_domains(&look);
	look_at_targets(&look);
	free(look.decisions);
}

struct event_scan *event_scan_new(const struct control_context *control)
{
	struct event_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->control = control;
	event_scan_look(scan, NULL);
	return scan;
}

void event_scan_free(struct event_scan *scan)
{
	free(scan);
}
