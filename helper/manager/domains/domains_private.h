/* SPDX-License-Identifier: BSD-3-Clause */
/* What domains.c and reports.c share. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_PRIVATE_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_PRIVATE_H

#include "helper/manager/domains/ended.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/monitor/local_hour.h"
#include "helper/manager/monitor/view.h"

/* What is done to all domains, a few of them in each turn of the loop: sweep.c */
struct sweep {
	bool due;
	struct registry_walk walk;
};

struct domains {
	struct loop *loop;
	struct registry *registry;
	struct cpufreq *cpufreq;
	struct events *events;
	struct channel_manager *channels;
	struct succession *succession; /* not owned; may be NULL */
	bool listing;		       /* will libvirt list the running domains? */
	bool begun;		       /* what a predecessor has left is taken over */
	struct monitor_view view;
	struct frequency_control frequency_control;
	struct traffic *traffic;
	bool area_sent; /* to the monitor that is attached */
	struct local_hour local_hour;
	bool hour_due;		/* the monitor asked for it, and the link had no room */
	struct khz_range range; /* of the host's CPUs, when it was last looked at */
	bool allow_unpinned;	/* as the vCPUs were last sent */
	struct ended ended;
	struct sweep rules; /* rules are found and applied anew, */
	bool send_vcpus;    /* and vCPUs sent again */
	struct sweep unlisted;
	struct {
		uint64_t asked_ns;
		size_t n;
		char (*uuids)[UUID_SIZE]; /* sorted, owned */
	} listed;
	struct loop_timer sweeping; /* set: a sweep is due */
};

void sweep_init(struct domains *domains);
void sweep_clear(struct domains *domains);

/** wishes_new() - have interfaces counted as the monitor wishes. Return: 0; -ENOMEM */
int wishes_new(struct domains *domains, const struct config *config);

/** wishes_reconfigure() - the intervals after a reload */
void wishes_reconfigure(struct domains *domains);

/** wishes_begin() - a monitor is attached: it gets the area before it hears of domains */
void wishes_begin(struct domains *domains);

/** wishes_set() - the monitor wants a domain's traffic counted, or no longer */
void wishes_set(struct domains *domains, const struct link_traffic_wanted *wanted);

/** wishes_update() - a domain's interfaces, as its XML has them now */
void wishes_update(struct domains *domains, const struct domain *domain);

/** sweep_rules() - find and apply the rules of all domains. @send_vcpus: send all vCPUs, too */
void sweep_rules(struct domains *domains, bool send_vcpus);

#endif
