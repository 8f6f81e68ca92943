/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/traffic_json.h"

#include "common/clock.h"
#include "common/json/build.h"
#include "common/policy_settings.h"
#include "helper/link/policy.h"

static json_t *macs_json(const struct policy_traffic *rule)
{
	json_t *macs = json_array();

	for (uint32_t i = 0; i < rule->n_macs; i++) {
		const uint8_t *mac = rule->macs[i];

		json_add(&macs, json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
					     mac[2], mac[3], mac[4], mac[5]));
	}
	return macs;
}

/* The monitor is not trusted: what it publishes is bounded. @macs: taken over */
static json_t *traffic_json(uint32_t medium_pps, uint32_t high_pps, json_t *macs,
			    const struct shared_traffic_level *now)
{
	uint32_t level = shared_load(now->level);
	uint64_t pps = shared_load(now->pps), since_ns = shared_load(now->below_since_ns);
	uint64_t now_ns = monotonic_ns();
	json_t *json = json_object();

	json_put_int(&json, "medium_packets", medium_pps);
	json_put_int(&json, "high_packets", high_pps);
	json_put(&json, "macs", macs);
	json_put_text(&json, "level",
		      policy_level_name(level < LEVEL_TRAFFIC ? level : LEVEL_NONE));
	json_put_int(&json, "packets", pps > INT64_MAX ? INT64_MAX : (json_int_t)pps);
	json_put(&json, "below_ms",
		 since_ns > 0 && since_ns <= now_ns
			 ? json_integer((json_int_t)((now_ns - since_ns) / NS_PER_MS))
			 : json_null());
	return json;
}

json_t *control_json_guest_traffic(const struct shared_state *state, uint32_t domain, uint32_t vcpu)
{
	struct policy_traffic rule;
	struct policy policy;

	if (!state || !policy_load(&state->vcpus[domain][vcpu].policy, &policy) ||
	    !policy_uses_traffic(&policy))
		return json_null();
	(void)policy_traffic_load(&state->traffic[domain][vcpu], &rule);
	return traffic_json(rule.medium_pps, rule.high_pps, macs_json(&rule),
			    &state->traffic[domain][vcpu].now);
}

json_t *control_json_operator_traffic(const struct shared_state *state, const struct domain *domain)
{
	const struct domain_settings *settings = &domain->rules.settings;

	if (!state || !policy_by_traffic(settings))
		return json_null();
	return traffic_json(settings->policy_medium_packets, settings->policy_high_packets,
			    json_null(), &state->domain_traffic[domain->id]);
}

json_t *control_json_claim_traffic(const struct shared_state *state, const struct claim *claim)
{
	if (claim->by_operator)
		return control_json_operator_traffic(state, claim->domain);
	if (claim->by_policy)
		return control_json_guest_traffic(state, claim->domain->id, claim->vcpu);
	return json_null();
}
