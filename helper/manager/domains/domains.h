/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's life on this host: registered, its channels connected and handed to the monitor,
 * re-pinned, unregistered. Hook, libvirt and operator all come here, with the same effect.
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
	struct succession *succession; /* from a predecessor, to a successor; NULL: neither */
	struct events *events;	       /* who watches is told; NULL: nobody */
};

int domains_new(const struct domains_parts *parts, struct domains **domains);

/**
 * domains_free() - stop the monitor, which ends what it is about
 * @keep:	for a successor; else every baseline is put back
 */
void domains_free(struct domains *domains, bool keep);

/* What the hook, libvirt or the operator says of one domain. */
struct domain_report {
	const char *source; /* for the log: "hook started", "libvirt", "operator" */
	uint64_t asked_ns;  /* monotonic_ns() before the source looked: it knows nothing later */
	bool tells_paused;  /* does the source know whether the vCPUs run? */
	bool paused;	    /* they do not */
	const char *uuid;   /* of a domain that does not run; NULL: only its name is known */
	const char *name;   /* of a domain that does not run, or its UUID */
	struct domain_description *running; /* of a domain that runs, else NULL; taken over */
};

/**
 * domains_report() - register, update or unregister a domain, as the report says
 *
 * A report that says nothing new changes nothing. An older report never undoes a newer one: it
 * neither ends a domain nor replaces the domain's present run by another one.
 *
 * Return: 0, also where the report is too old; -ENOSPC; -ENOMEM; -ESRCH (the description is of a
 * domain that does not run); -ENOENT (a domain has ended that was not registered).
 */
int domains_report(struct domains *domains, const struct domain_report *report);

/**
 * domains_report_listing() - libvirt has listed all domains that run: unregister all others
 * @uuids:	@n of them, in lower case
 * @asked_ns:	monotonic_ns() before the listing began
 */
void domains_report_listing(struct domains *domains, const char (*uuids)[37], size_t n,
			    uint64_t asked_ns);

/* The operator's: a channel's requests are answered with NACK while it is disabled ... */
void domains_channel_enable(struct domains *domains, struct channel *channel, bool enabled);
/* ... and it is not connected at all while it is removed. */
void domains_channel_remove(struct domains *domains, struct channel *channel);
void domains_channel_add(struct domains *domains, struct channel *channel);

/**
 * domains_set_override() - fix the frequency of the frequency domains below a vCPU
 * @vcpu:	of the domain; of one that is not pinned (any more) the override rests
 * @khz:	beats all votes until it is released (0) or the domain ends
 *
 * Return: 0; -ENOMEM.
 */
int domains_set_override(struct domains *domains, struct domain *domain, uint32_t vcpu,
			 uint32_t khz);

/** domains_cpus_changed() - pCPUs went offline or online, came or went; all: not known which */
void domains_cpus_changed(struct domains *domains, const struct cpuset *changed);

/**
 * domains_set_log_level() - what manager and monitor log from now on
 * @level:	LOG_ERR..LOG_DEBUG
 */
void domains_set_log_level(struct domains *domains, int level);

/**
 * domains_reconfigure() - the config that it was made with says something else now
 *
 * To be called before what the config said until now is freed. The monitor is told all; channels of
 * domains that are to be served are connected, of others let go. No other channel is disconnected,
 * no vote is lost.
 */
void domains_reconfigure(struct domains *domains);

struct monitor_process *domains_monitor(struct domains *domains);

#endif
