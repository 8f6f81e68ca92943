/* SPDX-License-Identifier: BSD-3-Clause */
/* Type Traffic: what policies by traffic go by, and what comes of it. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_TRAFFIC_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_TRAFFIC_JSON_H

#include <jansson.h>

#include "helper/link/shared_state.h"
#include "helper/manager/report/decision.h"

/**
 * control_json_guest_traffic() - of a policy that a guest has sent; null: it does not go by traffic
 * @state:	as the monitor publishes it; NULL: null
 */
json_t *control_json_guest_traffic(const struct shared_state *state, uint32_t domain,
				   uint32_t vcpu);

/** control_json_operator_traffic() - likewise, of the operator's policy of a domain */
json_t *control_json_operator_traffic(const struct shared_state *state,
				      const struct domain *domain);

/** control_json_claim_traffic() - of the policy whose vote counts; null: that is none by traffic */
json_t *control_json_claim_traffic(const struct shared_state *state, const struct claim *claim);

#endif
