/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operators' policies: settings of domains, turned into votes that stand beside what guests
 * say. They need no channel. The settings come from the manager, which keeps them.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_OPERATOR_POLICIES_H
#define VMPOWER_HELPER_MONITOR_POLICIES_OPERATOR_POLICIES_H

#include <stdint.h>

#include "helper/monitor/state/monitor_state.h"

/** operator_policy_from() - the policy that settings give; its kind is POLICY_NONE: none. Pure. */
struct policy operator_policy_from(const struct domain_settings *settings);

/**
 * operator_policies_set() - a domain's settings are new
 *
 * The arbiter knows them already. While the hour or the interfaces are unknown, the vote that is
 * published holds, which may be a predecessor's.
 */
void operator_policies_set(struct channel_monitor *monitor, uint32_t domain,
			   const struct domain_settings *settings);

/** operator_policies_end() - the domain ends */
void operator_policies_end(struct channel_monitor *monitor, uint32_t domain);

/**
 * operator_policies_follow() - have a domain's policy vote by the hour and the traffic as they are
 *
 * Return: what it has cost, as POLICY_WORK_PER_TURN counts; 0: it has no such policy.
 */
uint32_t operator_policies_follow(struct channel_monitor *monitor, uint32_t domain);

/**
 * operator_policies_follow_traffic() - after a look at a domain's traffic: vote by it
 *
 * Return: as operator_policies_follow(); 0: its policy does not go by traffic now.
 */
uint32_t operator_policies_follow_traffic(struct channel_monitor *monitor, uint32_t domain);

/** operator_policies_interfaces() - a domain's interfaces are known for the first time */
void operator_policies_interfaces(struct channel_monitor *monitor, uint32_t domain);

/** operator_policies_synced() - SYNCED: a domain without interfaces has no vote by traffic */
void operator_policies_synced(struct channel_monitor *monitor, uint32_t domain);

#endif
