/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The domains that run on this host and their channels, as data. No I/O except hanging up:
 * domains/channel_manager.h connects channels, monitor/view.h sends them to the monitor.
 */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_REGISTRY_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/config/domain_rules.h"
#include "helper/manager/loop/loop.h"
#include "xml/domain_description.h"

enum channel_state {
	CHANNEL_REMOVED,      /* the operator removed it: known, not served */
	CHANNEL_CONNECTING,   /* retried until it works or the domain ends */
	CHANNEL_CONNECTED,    /* fd is valid and the monitor serves it */
	CHANNEL_DISCONNECTED, /* QEMU hung up */
	CHANNEL_UNSERVED,     /* the domain's settings say serve = no */
	N_CHANNEL_STATES
};

struct channel {
	uint32_t id;	 /* domain's id * MAX_DOMAIN_CHANNELS + slot in the domain; constant */
	uint32_t number; /* n of virtio.serial.port.poweragent.<n> */
	enum channel_state state;
	bool enabled;
	bool hung_up;	   /* QEMU hung up since the channel was last connected */
	bool fresh;	   /* the counters under its id are still a former channel's */
	int fd;		   /* socket to QEMU, -1 unless CONNECTED */
	uint64_t cookie;   /* SO_COOKIE of fd, unique until the host reboots */
	int last_error;	   /* -errno of the last attempt to connect */
	uint32_t attempts; /* to connect since it became CONNECTING */
	uint64_t next_attempt_ns;
	char path[108];
	struct domain *domain;
};

struct domain {
	uint32_t id;				/* 0..MAX_DOMAINS - 1, reused after it ends */
	struct domain_description *description; /* owned */
	struct domain_rules rules;		/* in force: domain_find_rules() sets them */
	uint32_t n_channels;
	struct channel *channels; /* by ascending number; valid until registry_update() */
	uint64_t registered_ns;
	uint64_t last_report_ns; /* asked_ns of the last report that it runs */
	bool paused;		 /* its votes do not count until it resumes */
	uint32_t *overrides;	 /* kHz by vCPU, 0: none; NULL until one is set */
};

/* Fields of struct log_about (log/journal.h). */
#define ABOUT_DOMAIN(description) .domain = (description)->name, .domain_uuid = (description)->uuid
#define ABOUT_CHANNEL(c) ABOUT_DOMAIN((c)->domain->description), .channel = &(c)->number

struct registry;

/* A domain as the previous manager had it (saved_domain.h). */
struct saved_domain {
	uint32_t id; /* as before: the monitor publishes the votes under it */
	bool paused;
	struct domain_description *description; /* owned */
	struct saved_channel {
		uint32_t slot; /* in the domain; determines the channel's id */
		bool enabled, removed;
		uint64_t cookie;	 /* SO_COOKIE of its socket; 0: it was not connected */
	} channels[MAX_DOMAIN_CHANNELS]; /* in the order of description->channels */
	uint32_t *overrides;		 /* owned; kHz by vCPU, 0: none; NULL: none at all */
};

int registry_new(struct registry **registry);
void registry_free(struct registry *registry); /* closes the channels' fds */

/**
 * registry_add() - add a domain with all channels CONNECTING and enabled
 * @description:	taken over on success
 *
 * Return: 0; -EEXIST (UUID already registered); -ENOSPC (MAX_DOMAINS); -ENOMEM.
 */
int registry_add(struct registry *registry, struct domain_description *description,
		 struct domain **domain);

/**
 * registry_restore() - add a domain as the previous manager had it
 * @saved:	its description is taken over on success; channels are CONNECTING or REMOVED
 *
 * Return: 0; -EEXIST (UUID or id already in use); -ENOMEM.
 */
int registry_restore(struct registry *registry, struct saved_domain *saved, struct domain **domain);

/**
 * registry_update() - replace a domain's description
 * @description:	same UUID and number of vCPUs; taken over on success
 *
 * Channels with the same number and path keep their state and id; new ones are CONNECTING;
 * the others are hung up.
 *
 * Return: 0; -ENOMEM.
 */
int registry_update(struct domain *domain, struct domain_description *description);

/** registry_remove() - hang up a domain's channels and free it */
void registry_remove(struct registry *registry, struct domain *domain);

struct domain *registry_find_uuid(struct registry *registry, const char *uuid);

/** registry_find() - by name or UUID; NULL: not registered */
struct domain *registry_find(struct registry *registry, const char *name_or_uuid);

/**
 * channel_hang_up() - shut the socket down, and close it
 *
 * The shutdown also ends the copies that the monitor and systemd's fd store hold.
 */
void channel_hang_up(struct channel *channel);

/** registry_channel() - the channel with this id, or NULL */
struct channel *registry_channel(struct registry *registry, uint32_t id);

/** registry_next() - the domain after @domain, the first after NULL; NULL: no more */
struct domain *registry_next(struct registry *registry, const struct domain *domain);

/** registry_for_each() - declares @d and visits each domain; @d must not be removed meanwhile */
#define registry_for_each(d, registry)                                                             \
	for (struct domain * (d) = registry_next((registry), NULL); (d);                           \
	     (d) = registry_next((registry), (d)))

uint32_t registry_count(const struct registry *registry);

/** domain_channel() - the domain's channel with this number, or NULL */
struct channel *domain_channel(struct domain *domain, uint32_t number);

/**
 * domain_set_override() - store the operator's override of a vCPU, until the domain ends
 * @vcpu:	less than the domain's n_vcpus, here and below
 * @khz:	0: none
 *
 * Return: 0; -ENOMEM.
 */
int domain_set_override(struct domain *domain, uint32_t vcpu, uint32_t khz);

/** domain_override() - kHz; 0: none */
uint32_t domain_override(const struct domain *domain, uint32_t vcpu);

/** domain_count_connected() - how many of its channels are CONNECTED */
uint32_t domain_count_connected(const struct domain *domain);

/** domain_connected() - is any of its channels CONNECTED? */
static inline bool domain_connected(const struct domain *domain)
{
	return domain_count_connected(domain) > 0;
}

const char *channel_state_name(enum channel_state state);

/** channel_shown_state() - as users see it: DISCONNECTED while it reconnects after a hang-up */
enum channel_state channel_shown_state(const struct channel *channel);

#endif
