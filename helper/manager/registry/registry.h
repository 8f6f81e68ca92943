/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The domains that run on this host and their channels, as data. It does no I/O beyond hanging up:
 * channel_manager.h connects channels, monitor_view.h sends them to the monitor.
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
	CHANNEL_CONNECTING,   /* connecting is tried until it works or the domain is gone */
	CHANNEL_CONNECTED,    /* fd is valid and the monitor serves it */
	CHANNEL_DISCONNECTED, /* QEMU hung up */
	CHANNEL_UNSERVED,     /* the domain's settings say serve = no */
	N_CHANNEL_STATES
};

struct channel {
	uint32_t id;	 /* domain's id * MAX_DOMAIN_CHANNELS + slot in the domain; never changes */
	uint32_t number; /* n of virtio.serial.port.poweragent.<n> */
	enum channel_state state;
	bool enabled;
	bool hung_up;	   /* QEMU hung up since the channel was last connected */
	bool fresh;	   /* the counters under its id are still those of another channel */
	int fd;		   /* our end of QEMU's socket, -1 unless CONNECTED */
	uint64_t cookie;   /* SO_COOKIE of fd, unique while the host runs */
	int last_error;	   /* of the last attempt to connect, -errno */
	uint32_t attempts; /* to connect, since it became CONNECTING */
	uint64_t next_attempt_ns;
	char path[108];
	struct domain *domain;
};

struct domain {
	uint32_t id;				/* 0..MAX_DOMAINS - 1, free again after it ends */
	struct domain_description *description; /* owned */
	struct domain_rules rules;		/* in force: domain_find_rules() sets them */
	uint32_t n_channels;
	struct channel *channels; /* by ascending number; valid until registry_update() */
	uint64_t registered_ns;
	uint64_t last_report_ns; /* asked_ns of the newest report that it runs */
	bool paused;		 /* its vCPUs do not run: their votes count again when they do */
	uint32_t *overrides;	 /* kHz by vCPU, 0: none; NULL until the first one */
};

/* Fields of struct log_about (journal.h). */
#define ABOUT_DOMAIN(description) .domain = (description)->name, .domain_uuid = (description)->uuid
#define ABOUT_CHANNEL(c) ABOUT_DOMAIN((c)->domain->description), .channel = &(c)->number

struct registry;

/* A domain as the previous manager had it, see saved_domain.h. */
struct saved_domain {
	uint32_t id; /* the domain keeps it: the monitor publishes its votes under it */
	bool paused;
	struct domain_description *description; /* owned */
	struct saved_channel {
		uint32_t slot; /* in the domain; gives the channel its id */
		bool enabled, removed;
		uint64_t cookie;	 /* of its connected socket; 0: it was not connected */
	} channels[MAX_DOMAIN_CHANNELS]; /* in the description's order */
	uint32_t *overrides;		 /* kHz by vCPU, 0: none; owned; NULL: no vCPU has one */
};

int registry_new(struct registry **registry);
void registry_free(struct registry *registry); /* closes the channels' fds */

/**
 * registry_add() - enter a domain, all channels CONNECTING and enabled
 * @description:	taken over on success
 *
 * Return: 0; -EEXIST (its UUID is there already); -ENOSPC (MAX_DOMAINS); -ENOMEM.
 */
int registry_add(struct registry *registry, struct domain_description *description,
		 struct domain **domain);

/**
 * registry_restore() - enter a domain as the previous manager had it
 * @saved:	its description is taken over on success; channels are CONNECTING or REMOVED
 *
 * Return: 0; -EEXIST (its UUID or its id is there already); -ENOMEM.
 */
int registry_restore(struct registry *registry, struct saved_domain *saved, struct domain **domain);

/**
 * registry_update() - replace a domain's description
 * @description:	same UUID; taken over on success
 *
 * Channels with the same number and path stay as they are, id included; new ones are
 * CONNECTING; those that are gone are hung up.
 *
 * Return: 0; -ENOMEM.
 */
int registry_update(struct domain *domain, struct domain_description *description);

/** registry_remove() - forget a domain; hangs up its channels, frees @domain */
void registry_remove(struct registry *registry, struct domain *domain);

struct domain *registry_find_uuid(struct registry *registry, const char *uuid);

/** registry_find() - by name or by UUID, as operators give either; NULL: unknown */
struct domain *registry_find(struct registry *registry, const char *name_or_uuid);

/**
 * channel_hang_up() - end the connection for everybody who has the socket open: the monitor,
 * and systemd, which then drops it from its fd store; close ours
 */
void channel_hang_up(struct channel *channel);

/** registry_channel() - the channel with this id, or NULL */
struct channel *registry_channel(struct registry *registry, uint32_t id);

/** registry_next() - iterate: NULL gives the first; NULL after the last */
struct domain *registry_next(struct registry *registry, const struct domain *domain);

uint32_t registry_count(const struct registry *registry);

/** domain_channel() - the domain's channel with this number, or NULL */
struct channel *domain_channel(struct domain *domain, uint32_t number);

/**
 * domain_set_override() - remember the operator's override for a vCPU, until the domain ends
 * @vcpu:	of the domain
 * @khz:	0: none
 *
 * Return: 0; -ENOMEM.
 */
int domain_set_override(struct domain *domain, uint32_t vcpu, uint32_t khz);

/** domain_override() - kHz; 0: none */
uint32_t domain_override(const struct domain *domain, uint32_t vcpu);

/** domain_connected() - is any of its channels CONNECTED? */
bool domain_connected(const struct domain *domain);

const char *channel_state_name(enum channel_state state);

/**
 * channel_shown_state() - what the operator is told: connecting anew is what is done about a
 * hang-up, what there is to see is the hang-up
 */
enum channel_state channel_shown_state(const struct channel *channel);

#endif
