/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains as the types of org.vmpower.Manager. Each function that returns JSON returns a new
 * reference; NULL: out of memory.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_DOMAIN_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_DOMAIN_JSON_H

#include <jansson.h>

#include "helper/link/shared_state.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/report/decision.h"
#include "helper/manager/traffic/traffic.h"

/** control_json_error() - the text of a -errno; null: @error is not a -errno */
json_t *control_json_error(int error);

/** control_count_requests() - of all channels. @state: NULL: all are 0 */
void control_count_requests(const struct domain *domain, const struct shared_state *state,
			    int64_t *requests, int64_t *nacks);

/**
 * control_json_summary() - type DomainSummary
 * @state:	what the monitor publishes; NULL: all counters are 0
 */
json_t *control_json_summary(const struct domain *domain, const struct shared_state *state);

/** control_json_domain() - type Domain */
json_t *control_json_domain(const struct domain *domain, const struct decision_sources *sources);

/**
 * control_json_claim_traffic() - type Traffic: what the policy goes by whose vote counts, and what
 * comes of it; null: that is none by traffic
 */
json_t *control_json_claim_traffic(const struct shared_state *state, const struct claim *claim);

/** control_json_interfaces() - an array of type Interface. @traffic: NULL: it is empty */
json_t *control_json_interfaces(const struct traffic *traffic, const struct domain *domain);

#endif
