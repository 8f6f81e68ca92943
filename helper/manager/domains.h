/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's life on this host: registered, its channels connected and handed to the monitor,
 * re-pinned, unregistered. Hook, libvirt and operator all come here, with the same effect.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "cpufreq.h"
#include "events.h"
#include "loop.h"
#include "monitor_process.h"
#include "registry.h"
#include "succession.h"

struct domains;
struct libvirt_word;

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

/**
 * domains_register() - make sure that a running domain is registered as described
 * @description:	taken over, in any case
 * @source:	who says so, for the log: "hook started", "libvirt", "operator"
 *
 * Idempotent: known and unchanged is nothing; changed pinning and channels are taken over.
 *
 * Return: 0; -ENOSPC; -ENOMEM; -ESRCH (the description is of a domain that does not run).
 */
int domains_register(struct domains *domains, struct domain_description *description,
		     const char *source);

/**
 * domains_follow() - as domains_register(), but it is libvirt who says so
 *
 * Also takes over whether the domain is paused. Where the hook has told of another run of the
 * domain since libvirt was asked, that one runs: this is old news, and dropped.
 */
int domains_follow(struct domains *domains, struct domain_description *description,
		   const struct libvirt_word *word);

/** domains_ended() - libvirt, asked at @asked_ns, says that a domain runs no more */
void domains_ended(struct domains *domains, const char *uuid, uint64_t asked_ns);

/** domains_unregister() - Return: 0; -ENOENT (it was not registered) */
int domains_unregister(struct domains *domains, const char *name_or_uuid, const char *source);

/**
 * domains_keep_only() - unregister all but those listed
 * @uuids:	lower case
 * @since_ns:	when the listing began: what others have told of since it could not know of
 */
void domains_keep_only(struct domains *domains, const char (*uuids)[37], size_t n,
		       uint64_t since_ns);

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
 * @before:	what it said before
 *
 * The monitor is told all; channels of domains that are to be served are connected, of others
 * let go. No other channel is disconnected, no vote is lost.
 */
void domains_reconfigure(struct domains *domains, const struct config *before);

struct monitor_process *domains_monitor(struct domains *domains);

#endif
