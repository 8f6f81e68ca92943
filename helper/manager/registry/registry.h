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
	bool hung_up; /* QEMU hung up since the channel was last connected */
	bool fresh;   /* the counters under its id are another domain's */
	bool held;    /* the monitor serves fd already */
	bool doubted; /* taken over before it was known whether its peer's user is trusted */
	int fd;	      /* socket to QEMU, -1 unless CONNECTED */
	/* SO_COOKIE of fd, or of its socket under a former manager; unique until the host reboots
	 */
	uint64_t cookie;
	uint32_t peer_uid, peer_pid; /* of fd's other end, as the kernel recorded them */
	int last_error;		     /* -errno of the last attempt to connect */
	const char *hidden_by;	     /* the unit's setting that hides path; NULL: none known */
	uint32_t attempts;	     /* to connect since it became CONNECTING */
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
	uint64_t slots; /* bits: of its channels, also of former ones: their counters count */
	uint64_t run;	/* under this id: see struct link_domain */
	uint64_t registered_ns;
	uint64_t last_report_ns; /* asked_ns of the last report that it runs */
	uint64_t paused_ns;	 /* asked_ns of the last report that says whether it is paused */
	bool paused;		 /* its votes do not count until it resumes */
	uint32_t *overrides;	 /* kHz by vCPU, 0: none; NULL until one is set */
	struct domain_settings *policy; /* owned; that the operator has set; NULL: none */
};

/* Fields of struct log_about (log/journal.h). */
#define ABOUT_DOMAIN(description) .domain = (description)->name, .domain_uuid = (description)->uuid
#define ABOUT_CHANNEL(c) ABOUT_DOMAIN((c)->domain->description), .channel = &(c)->number

/** domain_slot_channel() - id of a slot's channel, present or past; -1: it has had none there */
static inline int64_t domain_slot_channel(const struct domain *domain, uint32_t slot)
{
	return domain->slots >> slot & 1 ? (int64_t)domain->id * MAX_DOMAIN_CHANNELS + slot : -1;
}

/** channel_error_text() - why it is not connected: last_error in words, and what hides its path */
void channel_error_text(const struct channel *channel, char *text, size_t size);

struct registry;

/* A domain as the previous manager had it (saved_domain.h). */
struct saved_domain {
	uint32_t id; /* as before: the monitor publishes the votes under it */
	bool paused;
	uint64_t run;
	uint64_t reported_ns;			/* its last_report_ns */
	struct domain_description *description; /* owned */
	struct saved_channel {
		uint32_t slot; /* in the domain; determines the channel's id */
		bool enabled, removed;
		uint64_t cookie; /* SO_COOKIE of its socket; 0: it was not connected */
		uint32_t peer_uid, peer_pid;
	} channels[MAX_DOMAIN_CHANNELS]; /* in the order of description->channels */
	uint64_t slots;			 /* as its slots: bits, also of former channels */
	uint32_t *overrides;		 /* owned; kHz by vCPU, 0: none; NULL: none at all */
	struct domain_settings *policy;	 /* owned; as the domain's */
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

/** registry_find_uuid() - by UUID, in lower case with dashes; NULL: not registered */
struct domain *registry_find_uuid(struct registry *registry, const char *uuid);

/** registry_find_name() - by name alone: for a source that knows no UUID */
struct domain *registry_find_name(struct registry *registry, const char *name);

/**
 * registry_find() - by what a person typed: a UUID in any form, else a name; NULL: not registered
 */
struct domain *registry_find(struct registry *registry, const char *name_or_uuid);

/**
 * channel_hang_up() - shut the socket down, and close it
 *
 * The shutdown also ends the copy that the monitor holds.
 */
void channel_hang_up(struct channel *channel);

/** channel_begin() - connect it as if for the first time: at once, and until it works */
static inline void channel_begin(struct channel *channel)
{
	channel->hung_up = false;
	channel->attempts = 0;
	channel->next_attempt_ns = 0;
}

/** registry_get() - the domain with this id, or NULL */
struct domain *registry_get(struct registry *registry, uint32_t id);

/** registry_channel() - the channel with this id, or NULL */
struct channel *registry_channel(struct registry *registry, uint32_t id);

/** registry_next() - the domain after @domain, the first after NULL; NULL: no more */
struct domain *registry_next(struct registry *registry, const struct domain *domain);

/** registry_for_each() - declares @d and visits each domain; @d must not be removed meanwhile */
#define registry_for_each(d, registry)                                                             \
	for (struct domain * (d) = registry_next((registry), NULL); (d);                           \
	     (d) = registry_next((registry), (d)))

/*
 * A walk over domains, or over their vCPUs, that goes on in later turns of the loop: domains may
 * come and go meanwhile. It visits those that were registered when it began and are still there, so
 * none twice.
 */
struct registry_walk {
	uint64_t began_ns;
	uint32_t domain, vcpu; /* the next: id, number */
};

struct registry_walk registry_walk(void);

/** registry_walk_domain() - the next domain; NULL: no more */
struct domain *registry_walk_domain(struct registry *registry, struct registry_walk *walk);

/** registry_walk_vcpu() - as above, and its next vCPU */
struct domain *registry_walk_vcpu(struct registry *registry, struct registry_walk *walk,
				  uint32_t *vcpu);

/* Tells a domain from all others, before and after it. */
struct domain_key {
	uint32_t id;
	uint64_t registered_ns; /* 0: no domain */
};

static inline struct domain_key domain_key(const struct domain *domain)
{
	return (struct domain_key){.id = domain->id, .registered_ns = domain->registered_ns};
}

/** registry_find_key() - NULL: it has gone */
struct domain *registry_find_key(struct registry *registry, struct domain_key key);

uint32_t registry_count(const struct registry *registry);

/** domain_channel() - the domain's channel with this number, or NULL */
struct channel *domain_channel(struct domain *domain, uint32_t number);

/**
 * domain_doubt() - its vCPUs may run elsewhere by now: they may not vote until registry_update()
 * @reason:	why its XML can't be read, for the description's problem
 *
 * Return: was that unknown before?
 */
bool domain_doubt(struct domain *domain, const char *reason);

/**
 * domain_set_override() - store the operator's override of a vCPU, until the domain ends
 * @vcpu:	less than the domain's n_vcpus, here and below
 * @khz:	0: none
 *
 * Return: 0; -ENOMEM.
 */
int domain_set_override(struct domain *domain, uint32_t vcpu, uint32_t khz);

/**
 * domain_set_policy() - store the policy that the operator has set, until the domain ends
 * @policy:	its given settings; NULL: none
 *
 * domain_find_rules() puts it in force.
 *
 * Return: 0; -ENOMEM.
 */
int domain_set_policy(struct domain *domain, const struct domain_settings *policy);

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
