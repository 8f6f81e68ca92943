/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends the monitor its view of the host: translates domains, vCPUs and pCPUs into ids and
 * frequency domains of link messages.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_VIEW_H
#define VMPOWER_HELPER_MANAGER_MONITOR_VIEW_H

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/monitor/process.h"
#include "helper/manager/registry/registry.h"

struct monitor_view {
	const struct config *config;
	struct cpufreq *cpufreq;
	struct monitor_process *monitor;
	struct link_message message;	      /* large, so reused for all messages */
	bool priority[MAX_FREQUENCY_DOMAINS]; /* as last sent */
};

/** view_setup() - the settings with which each monitor starts */
struct link_setup view_setup(const struct config *config);

/** view_send_settings() - the settings that may change while the monitor runs */
void view_send_settings(struct monitor_view *view);

/** view_send_frequency_domain() - a new frequency domain, or a changed one */
void view_send_frequency_domain(struct monitor_view *view, uint32_t id);
void view_send_frequency_domains(struct monitor_view *view);

/** view_send_priorities() - frequency domains whose priority has changed since they were sent */
void view_send_priorities(struct monitor_view *view);

/** view_send_domain() - a domain and its vCPUs, with their overrides and last votes */
void view_send_domain(struct monitor_view *view, const struct domain *domain);

/** view_send_domain_settings() - a domain's name, limits and rates, without its vCPUs */
void view_send_domain_settings(struct monitor_view *view, const struct domain *domain);

/** view_send_vcpus() - a domain's vCPUs, for instance after their pinning changed */
void view_send_vcpus(struct monitor_view *view, const struct domain *domain);

/** view_send_override() - a vCPU's override, set or released */
void view_send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu);

/** view_send_channel() - a connected channel, with its socket */
void view_send_channel(struct monitor_view *view, const struct channel *channel);

/** view_send_enable() - are a channel's requests acted upon? */
void view_send_enable(struct monitor_view *view, const struct channel *channel);

/** view_send_id() - a message that is only an id */
void view_send_id(struct monitor_view *view, enum link_type type, uint32_t id);

#endif
