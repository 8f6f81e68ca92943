/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/monitored_domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/operator_policies.h"
#include "helper/monitor/policies/traffic.h"

int monitored_domain_remove(struct channel_monitor *monitor, uint32_t id)
{
	struct monitored_domain *domain = monitor->domains[id];

	if (!domain)
		return -ENOENT;
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
		if (domain->channels[i])
			guest_channel_free(monitor, domain->channels[i]);
	(void)arbiter_end_session(monitor->arbiter, id, EVERY_CHANNEL);
	operator_policies_end(monitor, id);
	monitor_publish_votes(monitor, id);
	arbiter_remove_domain(monitor->arbiter, id);
	traffic_forget(monitor, id);
	monitor->domains[id] = NULL;
	free(domain);
	return 0;
}

int monitored_domain_set(struct channel_monitor *monitor, const struct link_domain *from)
{
	struct monitored_domain *domain = monitor->domains[from->id];
	int r;

	if (domain && domain->run != from->run) {
		(void)monitored_domain_remove(monitor, from->id);
		domain = NULL;
	}
	r = arbiter_set_domain(monitor->arbiter, from->id, from->n_vcpus, &from->settings);
	if (r < 0)
		return r;
	if (!domain) {
		domain = calloc(1, sizeof(*domain));
		if (!domain)
			return -ENOMEM;
		monitor->domains[from->id] = domain;
	}
	memcpy(domain->name, from->name, sizeof(domain->name));
	domain->run = from->run;
	domain->synced = true;
	domain->queries = from->settings.queries != 0;
	domain->commands = from->settings.commands;
	if (!(domain->commands & COMMAND_POLICY))
		guest_policies_forbid(monitor, from->id);
	operator_policies_set(monitor, from->id, &from->settings);
	domain->lifetime_ns = from->settings.vote_lifetime_s * NS_PER_S;
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
		if (domain->channels[i])
			guest_channel_limit_votes(monitor, domain->channels[i]);
	channel_rate_set(monitor, domain, from->settings.rate, from->settings.burst);
	return 0;
}

int monitored_domain_silence(struct channel_monitor *monitor, uint32_t id)
{
	if (!monitor->domains[id]) /* the manager can't know which ones we have from a former one */
		return 0;
	(void)arbiter_end_session(monitor->arbiter, id, EVERY_CHANNEL);
	monitor_publish_votes(monitor, id);
	return 0;
}
