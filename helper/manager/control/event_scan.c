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

enum phase {
	SCAN_BEGIN,
	SCAN_DOMAINS, /* one a step */
	SCAN_TARGETS,
	SCAN_NAMES, /* of those who decide on the targets that have changed; one vCPU a step */
	SCAN_PUT,   /* these targets; one a step */
};

/* A change of a target. */
struct changed_target {
	uint32_t id, khz, previous_khz;
};

struct event_scan {
	const struct control_context *control;
	bool libvirt_connected;
	uint32_t next_frequency_domain, next_domain; /* where the last look stopped */
	uint32_t target_khz[MAX_FREQUENCY_DOMAINS];
	struct seen_domain domains[MAX_DOMAINS]; /* pages of unused ids are never touched */

	/* of the look that is under way */
	enum phase phase;
	uint32_t n_visited; /* domains' ids */
	unsigned int left;  /* events that may still be put */
	bool has_cpus;
	struct host_cpus cpus;
	struct decision_naming *naming; /* NULL: not needed yet, or out of memory */
	struct changed_target changed[MAX_TARGET_EVENTS];
	uint32_t n_changed, n_put;
};

/* One step. */
struct look {
	struct event_scan *scan;
	struct event_ring *ring; /* NULL: only remember */
	struct decision_sources sources;
};

static bool is_wanted(const struct look *look, enum event_kind kind)
{
	return look->ring && event_ring_wanted(look->ring, kind);
}

/* Return: false: no more events in this look */
static bool report(struct look *look, enum event_kind kind, const struct event *event)
{
	if (!is_wanted(look, kind))
		return true;
	if (look->scan->left == 0)
		return false;
	look->scan->left--;
	event_ring_put(look->ring, kind, event, NULL);
	return true;
}

static const struct host_cpus *host_cpus(struct look *look)
{
	struct event_scan *scan = look->scan;

	if (!scan->has_cpus)
		(void)cpufreq_host_cpus(look->sources.cpufreq, &scan->cpus);
	scan->has_cpus = true;
	return &scan->cpus;
}

static bool look_at_vote(struct look *look, const struct domain *domain, uint32_t vcpu)
{
	uint32_t *seen = &look->scan->domains[domain->id].said[vcpu];
	const struct votes_of_vcpu votes = decision_votes(&look->sources, domain, vcpu);
	uint32_t said = vote_pack(&votes.counts);
	struct event event = {.domain = domain, .vcpu = &vcpu};

	if (said == *seen)
		return true;
	if (is_wanted(look, EVENT_VOTE)) {
		const struct host_cpus *cpus = host_cpus(look);
		struct vote before;

		(void)vote_unpack(*seen, &before);
		event.khz = decision_vote_khz(&look->sources, cpus, domain, vcpu, &votes.counts);
		event.previous_khz = decision_vote_khz(&look->sources, cpus, domain, vcpu, &before);
	}
	if (event.khz != event.previous_khz && !report(look, EVENT_VOTE, &event))
		return false;
	*seen = said;
	return true;
}

static bool look_at_requests(struct look *look, const struct domain *domain)
{
	struct seen_domain *seen = &look->scan->domains[domain->id];
	struct event event = {.domain = domain};

	control_count_requests(domain, look->sources.state, &event.requests, &event.nacks);
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

/* The next domain, beginning where the last look stopped. Return: are there more in this look? */
static bool look_at_next_domain(struct look *look)
{
	struct event_scan *scan = look->scan;

	while (scan->n_visited < MAX_DOMAINS) {
		uint32_t id = (scan->next_domain + scan->n_visited++) % MAX_DOMAINS;
		const struct domain *domain = registry_get(look->sources.registry, id);

		if (!domain)
			continue;
		if (look_at_domain(look, domain))
			return true;
		scan->next_domain = id;
		return false;
	}
	return false;
}

/* Return: false: no more changes in this look */
static bool look_at_target(struct look *look, uint32_t id)
{
	struct event_scan *scan = look->scan;
	uint32_t *seen = &scan->target_khz[id];
	uint32_t khz = shared_load(look->sources.state->frequency_domains[id].target_khz);

	if (khz != *seen && is_wanted(look, EVENT_TARGET)) {
		if (scan->n_changed == MAX_TARGET_EVENTS)
			return false;
		scan->changed[scan->n_changed++] =
			(struct changed_target){.id = id, .khz = khz, .previous_khz = *seen};
	}
	*seen = khz;
	return true;
}

/* Return: has any changed? */
static bool look_at_targets(struct look *look)
{
	struct event_scan *scan = look->scan;
	uint32_t n = cpufreq_count(look->sources.cpufreq);
	uint32_t first = scan->next_frequency_domain;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = (first + i) % n;

		if (!look_at_target(look, id)) {
			scan->next_frequency_domain = id;
			break;
		}
	}
	if (scan->n_changed > 0)
		scan->naming = decision_naming_new(&look->sources);
	return scan->n_changed > 0;
}

/* Return: are there more? */
static bool put_target(struct look *look)
{
	struct event_scan *scan = look->scan;
	const struct changed_target *changed = &scan->changed[scan->n_put++];
	const struct event event = {
		.frequency_domain = cpufreq_get(look->sources.cpufreq, changed->id),
		.khz = changed->khz,
		.previous_khz = changed->previous_khz,
	};

	event_ring_put(look->ring, EVENT_TARGET, &event,
		       scan->naming ? control_json_decider(&scan->naming->decisions[changed->id],
							   look->sources.registry)
				    : NULL);
	return scan->n_put < scan->n_changed;
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

static void begin(struct event_scan *scan)
{
	scan->phase = SCAN_DOMAINS;
	scan->n_visited = 0;
	scan->left = MAX_DOMAIN_EVENTS;
	scan->has_cpus = false;
}

static void end(struct event_scan *scan)
{
	scan->phase = SCAN_BEGIN;
	scan->n_changed = scan->n_put = 0;
	free(scan->naming);
	scan->naming = NULL;
}

bool event_scan_step(struct event_scan *scan, struct event_ring *ring)
{
	struct look look = {
		.scan = scan,
		.ring = ring,
		.sources = control_decision_sources(scan->control),
	};
	bool more = look.sources.state != NULL;

	if (scan->phase == SCAN_BEGIN) {
		look_at_libvirt(&look);
		begin(scan);
	} else if (!more) {
		/* the monitor has gone */
	} else if (scan->phase == SCAN_DOMAINS) {
		if (!look_at_next_domain(&look))
			scan->phase = SCAN_TARGETS;
	} else if (scan->phase == SCAN_TARGETS) {
		more = look_at_targets(&look);
		scan->phase = SCAN_NAMES;
	} else if (scan->phase == SCAN_NAMES) {
		if (!scan->naming || !decision_naming_step(scan->naming, &look.sources))
			scan->phase = SCAN_PUT;
	} else {
		more = put_target(&look);
	}
	if (!more)
		end(scan);
	return more;
}

struct event_scan *event_scan_new(const struct control_context *control)
{
	struct event_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->control = control;
	while (event_scan_step(scan, NULL))
		;
	return scan;
}

void event_scan_free(struct event_scan *scan)
{
	if (scan)
		free(scan->naming);
	free(scan);
}
