/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/policy_pass.h"

/* Return: false: it has to go on in another turn */
static bool go_over(struct channel_monitor *monitor, struct policy_pass *pass,
		    const struct policy_pass_kind *kind, uint32_t *work)
{
	uint32_t n_vcpus;

	if (*work >= POLICY_WORK_PER_TURN)
		return false;
	if (!pass->begun) {
		*work += kind->begin(monitor, pass->domain, &pass->follows);
		pass->begun = true;
	}
	n_vcpus = kind->n_vcpus(monitor, pass->domain);
	for (; pass->vcpu < n_vcpus; pass->vcpu++) {
		uint32_t cost;

		if (*work >= POLICY_WORK_PER_TURN)
			return false;
		cost = kind->follow(monitor, pass->domain, pass->vcpu);
		pass->follows = pass->follows || cost > 0;
		*work += cost + 1;
	}
	kind->end(monitor, pass->domain, pass->follows);
	return true;
}

bool policy_pass_go_on(struct channel_monitor *monitor, struct policy_pass *pass,
		       const struct policy_pass_kind *kind)
{
	uint32_t work = 0;

	while (pass->domain < MAX_DOMAINS) {
		if (kind->is_due(monitor, pass->domain) && !go_over(monitor, pass, kind, &work))
			return false;
		*pass = (struct policy_pass){.domain = pass->domain + 1};
	}
	return true;
}
