/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goes over domains and their vCPUs to have policies follow the hour, or traffic: in as many turns
 * as it takes, each bounded.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_POLICY_PASS_H
#define VMPOWER_HELPER_MONITOR_POLICIES_POLICY_PASS_H

#include "helper/monitor/state/monitor_state.h"

/* What a pass may cost in one turn: vCPUs looked at and votes moved, some 2 ms. */
#define POLICY_WORK_PER_TURN 16384u

/* What is done in a pass. */
struct policy_pass_kind {
	/* is there a domain with this id that it goes over? Asked in each turn. */
	bool (*is_due)(const struct channel_monitor *monitor, uint32_t domain);
	/* once, before its vCPUs. Return: what it has cost; @follows: see end() */
	uint32_t (*begin)(struct channel_monitor *monitor, uint32_t domain, bool *follows);
	/* how many of its vCPUs to go over */
	uint32_t (*n_vcpus)(const struct channel_monitor *monitor, uint32_t domain);
	/* Return: what it has cost; 0: the vCPU's policy does not follow this */
	uint32_t (*follow)(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu);
	/* @follows: begin() has said so, or a vCPU does */
	void (*end)(struct channel_monitor *monitor, uint32_t domain, bool follows);
};

/**
 * policy_pass_go_on() - as far as a turn goes
 * @pass:	zeroed to begin with
 *
 * Return: true: it is complete, and pass->domain is MAX_DOMAINS; false: call it in another turn.
 */
bool policy_pass_go_on(struct channel_monitor *monitor, struct policy_pass *pass,
		       const struct policy_pass_kind *kind);

/** policy_pass_join() - a policy follows from now on, though its vCPU may have been gone over */
static inline void policy_pass_join(struct policy_pass *pass, uint32_t domain)
{
	if (pass->domain == domain)
		pass->follows = true;
}

#endif
