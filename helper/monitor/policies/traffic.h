/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains' traffic: the area that the manager's thread writes, the interfaces of each domain, and
 * the levels that follow for those who go by them. Whoever asks for a level wants it: the manager
 * is told so, and counts. traffic_pass.h looks at what is wanted, when it is due.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_H
#define VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_H

#include "helper/monitor/policies/traffic_level.h"
#include "helper/monitor/policies/traffic_slots.h"
#include "helper/monitor/state/monitor_state.h"

/* By what a vCPU's policy goes. */
struct vcpu_traffic {
	struct traffic_level level;
	uint32_t generation; /* of the slots that "which" is about; 0: of none yet */
	traffic_mask which;
};

struct domain_traffic {
	struct traffic_slots slots;
	bool synced;		    /* named by the manager since its SETUP */
	uint64_t look_ns;	    /* when to look at them next; 0: never */
	struct traffic_level level; /* of the operator's policy */
	uint32_t n_vcpus;
	struct vcpu_traffic vcpus[];
};

/** traffic_is_wanted() - does a policy of the domain go by its traffic? */
static inline bool traffic_is_wanted(const struct channel_monitor *monitor, uint32_t domain)
{
	return monitor->traffic.wanted[domain / 64] >> domain % 64 & 1;
}

/**
 * traffic_set_area() - the manager's area; the former one, which it replaces, is unmapped
 * @fd:		taken over
 *
 * Return: 0; -EPROTO: it is no area of this version, or not sealed; -errno.
 */
int traffic_set_area(struct channel_monitor *monitor, int fd);

/** traffic_set_interfaces() - the interfaces of a known domain. Return: 0; -ENOENT; -ENOMEM */
int traffic_set_interfaces(struct channel_monitor *monitor, const struct link_interfaces *from);

/** traffic_forget() - the domain ends; nothing is told, since the manager knows */
void traffic_forget(struct channel_monitor *monitor, uint32_t domain);

/** traffic_greet() - a manager is attached: it is to be told everything */
void traffic_greet(struct channel_monitor *monitor);

/** traffic_synced() - SYNCED: domains whose interfaces were not named have none any more */
void traffic_synced(struct channel_monitor *monitor);

/** traffic_unmap() - at the end of the process */
void traffic_unmap(struct channel_monitor *monitor);

/** traffic_arm() - have TIMER_TRAFFIC due when a domain is to be looked at */
void traffic_arm(struct channel_monitor *monitor);

/** traffic_end_wish() - no policy of the domain goes by its traffic any more */
void traffic_end_wish(struct channel_monitor *monitor, uint32_t domain);

/**
 * traffic_check() - can a policy go by these interfaces?
 *
 * Return: REFUSAL_NONE; REFUSAL_INTERFACE: one is not the domain's; REFUSAL_NO_COUNTER: of one that
 * is named, or of all, nothing counts packets.
 */
enum refusal traffic_check(const struct channel_monitor *monitor, uint32_t domain,
			   const struct policy_traffic *rule);

/** traffic_begin() - a vCPU's policy is new, or taken over with this level in force */
void traffic_begin(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
		   enum policy_level in_force);

/** traffic_step() - after a look: a vCPU's next level, which is published. Return: the level */
enum policy_level traffic_step(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu);

/*
 * Likewise, of the operator's policy: by the thresholds of the domain's settings, and all
 * interfaces that it names. If nothing counts one of these, nothing is known.
 */
void traffic_begin_domain(struct channel_monitor *monitor, uint32_t domain,
			  enum policy_level in_force);
enum policy_level traffic_step_domain(struct channel_monitor *monitor, uint32_t domain);
enum policy_level traffic_level_of_domain(struct channel_monitor *monitor, uint32_t domain);
void traffic_rest_domain(struct channel_monitor *monitor, uint32_t domain);

/** traffic_rest() - a vCPU's policy does not go by traffic now: it begins anew when it does */
void traffic_rest(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu);

/** traffic_level_of_vcpu() - the level of a vCPU's policy now, which is wanted from now on */
enum policy_level traffic_level_of_vcpu(struct channel_monitor *monitor, uint32_t domain,
					uint32_t vcpu);

#endif
