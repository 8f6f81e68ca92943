/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policies that guests have sent: kept in the shared state, one a vCPU, and turned into votes
 * when they come, when the hour changes, by traffic, and when their vCPU may vote again.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_GUEST_POLICIES_H
#define VMPOWER_HELPER_MONITOR_POLICIES_GUEST_POLICIES_H

#include <stddef.h>
#include <stdint.h>

#include "helper/monitor/state/monitor_state.h"

/**
 * guest_policies_take() - put a policy that a guest has sent in force, for all its vCPUs or none
 * @frame:	@size bytes with command GUEST_POLICY
 * @n_moved:	increased by the number of frequency domains on which votes have moved
 *
 * It replaces earlier policies and requests of these vCPUs.
 *
 * Return: REFUSAL_NONE or why it is refused.
 */
enum refusal guest_policies_take(struct channel_monitor *monitor, struct guest_channel *channel,
				 const uint8_t *frame, size_t size, uint32_t *n_moved);

/**
 * guest_policies_remove() - end the policies of the vCPUs that a removal names, or of all
 * @frame:	@size bytes with command GUEST_POLICY_REMOVE
 *
 * Return: as guest_policies_take().
 */
enum refusal guest_policies_remove(struct channel_monitor *monitor,
				   const struct guest_channel *channel, const uint8_t *frame,
				   size_t size, uint32_t *n_moved);

/** guest_policies_forbid() - end all policies of a domain that may send none any more */
void guest_policies_forbid(struct channel_monitor *monitor, uint32_t domain);

/**
 * guest_policies_taken_over() - go on with the policy that a vCPU's vote is of: the vCPU was set
 *
 * The vote may be one that a predecessor heard: it holds until the hour, or traffic, is known.
 */
void guest_policies_taken_over(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu);

/**
 * guest_policies_follow_traffic() - after a look at a domain's traffic: have a vCPU vote by it
 *
 * Return: what it has cost; 0: its policy does not go by traffic now, or is not in force.
 */
uint32_t guest_policies_follow_traffic(struct channel_monitor *monitor, uint32_t domain,
				       uint32_t vcpu);

/**
 * guest_policies_follow_hour() - have a vCPU's policy vote by the hour as it is
 *
 * Return: what it has cost, as POLICY_WORK_PER_TURN counts; 0: none that is in force goes by it.
 */
uint32_t guest_policies_follow_hour(struct channel_monitor *monitor, uint32_t domain,
				    uint32_t vcpu);

#endif
