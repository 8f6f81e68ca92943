/* SPDX-License-Identifier: BSD-3-Clause */
/* What domains.c and reports.c share. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_PRIVATE_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_PRIVATE_H

#include "helper/manager/domains/ended.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/monitor/local_hour.h"
#include "helper/manager/monitor/view.h"

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
	struct local_hour local_hour;
	bool hour_due;		/* the monitor asked for it, and the link had no room */
	struct khz_range range; /* of the host's CPUs, when it was last looked at */
	bool allow_unpinned;	/* as the vCPUs were last sent */
	struct ended ended;
};

#endif
