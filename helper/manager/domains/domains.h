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
	const char *runtime_dir;       /* as monitor_process_new() has it */
	uint32_t lease_s;	       /* as monitor_process_new() has it */
	struct succession *succession; /* NULL: neither predecessor nor successor */
	struct events *events;	       /* may be NULL */
};

int domains_new(const struct domains_parts *parts, struct domains **domains);

/**
 * domains_free() - end
 * @leave:	leave the monitor, which goes on for a while; else end it and restore all baselines
 */
void domains_free(struct domains *domains, bool leave);

/* What the hook, libvirt or the operator reports about one domain. */
struct domain_report {
	const char *source; /* for the log: "hook started", "libvirt", "operator" */
	/* monotonic_ns() at which the source knew it: before libvirt was asked, as the hook began
	 */
	uint64_t asked_ns;
	bool starts;	   /* it starts, or should be looked at anew: given-up channels too */
	bool tells_paused; /* is paused set? */
	bool paused;	   /* the vCPUs do not run */
	/* The domain runs, and this is what it is: taken over. NULL: see below. */
	struct domain_description *running;
	/* Otherwise its UUID (lower case, with dashes); or NULL, and its exact name. */
	const char *uuid;
	const char *name;
	/* It runs, and its XML can't be read: why; NULL: see below. */
	const char *unreadable;
	bool rebooted; /* it was reset, and runs on; false: it has ended */
	int32_t id;    /* of rebooted: which run, as the description's */
};

/**
 * domains_report() - take over what is reported about a domain
 *
 * It is registered, updated or unregistered; its votes end at a reboot, and count no longer if its
 * XML can't be read. A report without news changes nothing. An older report never undoes a newer
 * one, whatever the order in which they are heard: it neither ends a domain nor brings one back,
 * and replaces neither its present run nor what is known of it.
 *
 * Return: 0, even if the report is too old; -ENOSPC; -ENOMEM; -ESRCH (the description says that the
 * domain does not run); -ENOENT (the domain is not registered).
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

/**
 * domains_set_policy() - set a domain's policy, in place of those of its settings
 * @policy:	in force until it is cleared (NULL) or the domain ends; given settings that make a
 *		policy, see common/policy_settings.h
 *
 * Return: 0; -ENOMEM.
 */
int domains_set_policy(struct domains *domains, struct domain *domain,
		       const struct domain_settings *policy);

/**
 * domains_cpus_changed() - see frequency_control_cpus_changed()
 *
 * Metadata that the CPUs can't do, or can do now, is looked at anew. So is the configuration, but
 * it stays in force: an error is logged.
 */
void domains_cpus_changed(struct domains *domains, const struct cpuset *changed);

/**
 * domains_set_log_level() - set the log level of manager and monitor
 * @level:	LOG_ERR..LOG_DEBUG
 */
void domains_set_log_level(struct domains *domains, int level);

/**
 * domains_reconfigure() - apply a changed config
 *
 * Sends the changes to the monitor; on a large host it takes some turns of the loop. Connects or
 * disconnects channels only if their domain's setting "serve" has changed. No vote is lost.
 */
void domains_reconfigure(struct domains *domains);

struct monitor_process *domains_monitor(struct domains *domains);

/** domains_traffic() - whose packets are counted, and whose can't be */
const struct traffic *domains_traffic(const struct domains *domains);

#endif
