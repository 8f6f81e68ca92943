/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends the monitor its view of the host: translates domains, vCPUs and pCPUs into ids and
 * frequency domains of link messages.
 *
 * What is to be sent is only marked. Messages are formed while the link has room, a limited number
 * in each turn of the loop: what waits takes no memory, and a monitor that is slow is waited for.
 * Order is as message.h demands: what a message needs was formed before.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_VIEW_H
#define VMPOWER_HELPER_MANAGER_MONITOR_VIEW_H

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/monitor/claims.h"
#include "helper/manager/monitor/process.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/traffic/traffic.h"

/* What is marked of one domain. */
struct view_domain {
	bool known;    /* a DOMAIN_ADD was formed */
	bool settings; /* a DOMAIN_ADD is due */
	bool vcpus;    /* vCPUs from next_vcpu on are due */
	uint32_t next_vcpu;
	bool interfaces;     /* INTERFACES is due */
	bool has_interfaces; /* or has had some, of which the monitor was told */
	uint64_t channels;   /* slots whose CHANNEL_ADD is due */
};

struct monitor_view {
	const struct config *config;
	struct cpufreq *cpufreq;
	struct registry *registry;
	const struct traffic *traffic; /* NULL: no interface is told of */
	struct loop *loop;	       /* NULL: everything is formed at once */
	void (*sent)(void *context);   /* called when there is room, and nothing is due here */
	void *context;
	struct monitor_process *monitor;
	struct claims *claims;		      /* not owned: frequency_control_init() sets it */
	struct link_message message;	      /* large, so reused for all messages */
	bool priority[MAX_FREQUENCY_DOMAINS]; /* as last sent */

	struct cpuset due_frequency_domains;	/* ids */
	uint64_t due_domains[MAX_DOMAINS / 64]; /* bits: ids */
	struct view_domain domains[MAX_DOMAINS];
	uint64_t turn;		/* of the loop, that "cost" is about */
	uint32_t cost;		/* of what was formed in this turn */
	struct loop_timer more; /* set: the turn's limit was reached */
};

/** view_init() - the fields up to "context" are the caller's, and set */
void view_init(struct monitor_view *view);
void view_clear(struct monitor_view *view);

/** view_begin() - a monitor is attached: mark everything, as for one that knows nothing */
void view_begin(struct monitor_view *view);

/** view_go_on() - the link has room again */
void view_go_on(struct monitor_view *view);

/** view_is_sent() - is nothing marked that has not been sent? */
bool view_is_sent(const struct monitor_view *view);

/** view_settings() - the settings of all domains, with which each monitor starts */
struct link_settings view_settings(const struct config *config);

/** view_send_settings() - the settings that may change while the monitor runs */
void view_send_settings(struct monitor_view *view);

/** view_send_synced() - all that was marked at first is sent */
void view_send_synced(struct monitor_view *view);

/** view_send_log_level() - the log level in force */
void view_send_log_level(struct monitor_view *view);

/** view_send_frequency_domain() - a new frequency domain, or a changed one */
void view_send_frequency_domain(struct monitor_view *view, uint32_t id);

/** view_send_frequency_domain_first() - if it is marked, before a message that needs it */
void view_send_frequency_domain_first(struct monitor_view *view, uint32_t id);

/** view_send_priorities() - frequency domains whose priority has changed since they were sent */
void view_send_priorities(struct monitor_view *view);

/** view_send_domain() - a new domain and its vCPUs, with their overrides and last votes */
void view_send_domain(struct monitor_view *view, const struct domain *domain);

/**
 * view_send_domain_settings() - a domain's name, limits and rates, and the interfaces that its
 * policy names, without its vCPUs
 */
void view_send_domain_settings(struct monitor_view *view, const struct domain *domain);

/** view_send_vcpus() - a domain's vCPUs, for instance after their pinning changed */
void view_send_vcpus(struct monitor_view *view, const struct domain *domain);

/** view_send_interfaces() - a domain's interfaces: others, or counted otherwise */
void view_send_interfaces(struct monitor_view *view, const struct domain *domain);

/** view_send_traffic_area() - before all that may go by it. @fd: stays the caller's */
void view_send_traffic_area(struct monitor_view *view, int fd);

/** view_remove_domain() - it has ended: its id may be reused at once */
void view_remove_domain(struct monitor_view *view, uint32_t id);

/** view_silence_domain() - what its guest has said ends */
void view_silence_domain(struct monitor_view *view, uint32_t id);

/** view_send_override() - a vCPU's override, set or released */
void view_send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu);

/** view_send_channel() - a connected channel, with its socket */
void view_send_channel(struct monitor_view *view, const struct channel *channel);

/** view_send_enable() - are a channel's requests acted upon? */
void view_send_enable(struct monitor_view *view, const struct channel *channel);

/** view_remove_channel() - it is not to be served any more */
void view_remove_channel(struct monitor_view *view, uint32_t id);

#endif
