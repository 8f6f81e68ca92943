/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's life on this host: registered, channels connected and sent to the monitor, re-pinned,
 * unregistered. Reports of the hook, libvirt and the operator all arrive here, and have the same
 * effect.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/succession.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/monitor/process.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"

struct domains;

struct domains_parts {
	struct loop *loop;
	const struct config *config;
	struct registry *registry;
	struct cpufreq *cpufreq;
	const char *monitor_path;
	int lock_fd;		       /* from instance_lock.h; -1: none */
	struct succession *succession; /* NULL: neither predecessor nor successor */
	struct events *events;	       /* may be NULL */
};

int domains_new(const struct domains_parts *parts, struct domains **domains);

/**
 * domains_free() - end the monitor
 * @keep:	leave the frequencies to a successor; else restore all baselines
 */
void domains_free(struct domains *domains, bool keep);

/* What the hook, libvirt or the operator reports about one domain. */
struct domain_report {
	const char *source; /* for the log: "hook started", "libvirt", "operator" */
	uint64_t asked_ns;  /* monotonic_ns() before the source looked: later changes are unknown */
	bool tells_paused;  /* is paused set? */
	bool paused;	    /* the vCPUs do not run */
	const char *uuid;   /* of a domain that has ended; NULL: only its name is known */
	const char *name;   /* of a domain that has ended: name or UUID */
	struct domain_description *running; /* of a running domain, else NULL; taken over */
};

/**
 * domains_report() - register, update or unregister a domain, as the report says
 *
 * A report without news changes nothing. An older report never undoes a newer one: it neither ends
 * a domain nor replaces its present run.
 *
 * Return: 0, even if the report is too old; -ENOSPC; -ENOMEM; -ESRCH (the description says that the
 * domain does not run); -ENOENT (the domain that has ended was not registered).
 */
int domains_report(struct domains *domains, const struct domain_report *report);

/**
 * domains_report_listing() - libvirt has listed the running domains: unregister all others
 * @uuids:	@n UUIDs in lower case
 * @asked_ns:	monotonic_ns() before the listing began
 */
void domains_report_listing(struct domains *domains, const char (*uuids)[37], size_t n,
			    uint64_t asked_ns);

/* Enable or disable a channel: requests on a disabled one are answered with NACK. */
void domains_channel_enable(struct domains *domains, struct channel *channel, bool enabled);
/* Remove a channel: disconnect it until it is added again. */
void domains_channel_remove(struct domains *domains, struct channel *channel);
void domains_channel_add(struct domains *domains, struct channel *channel);

/**
 * domains_set_override() - override the votes of a vCPU
 * @vcpu:	of the domain; the override has no effect while the vCPU is not pinned
 * @khz:	in force until it is released (0) or the domain ends
 *
 * Return: 0; -ENOMEM.
 */
int domains_set_override(struct domains *domains, struct domain *domain, uint32_t vcpu,
			 uint32_t khz);

/** domains_cpus_changed() - see frequency_control_cpus_changed() */
void domains_cpus_changed(struct domains *domains, const struct cpuset *changed);

/**
 * domains_set_log_level() - set the log level of manager and monitor
 * @level:	LOG_ERR..LOG_DEBUG
 */
void domains_set_log_level(struct domains *domains, int level);

/**
 * domains_reconfigure() - apply a changed config; call it before the old one is freed
 *
 * Sends the changes to the monitor. Connects or disconnects channels only if their domain's setting
 * "serve" has changed. No vote is lost.
 */
void domains_reconfigure(struct domains *domains);

struct monitor_process *domains_monitor(struct domains *domains);

#endif
