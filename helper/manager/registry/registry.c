/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/value.h"

/* A plain array: look-ups are rare, and comparing 2,048 UUIDs takes microseconds. */
struct registry {
	struct domain *domains[MAX_DOMAINS]; /* by id */
	uint32_t n_domains;
};

int registry_new(struct registry **out)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	*out = registry;
	return 0;
}

static void domain_free(struct domain *domain)
{
	if (!domain)
		return;
	for (uint32_t i = 0; i < domain->n_channels; i++)
		close_fd(&domain->channels[i].fd);
	free(domain->channels);
	free(domain->overrides);
	free(domain->policy);
	domain_description_free(domain->description);
	free(domain);
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	for (uint32_t id = 0; id < MAX_DOMAINS; id++)
		domain_free(registry->domains[id]);
	free(registry);
}

/* The domain's channel with the same number and path, or NULL. */
static struct channel *same_channel(struct domain *domain, const struct channel_description *like)
{
	struct channel *channel = domain_channel(domain, like->number);

	return channel && strcmp(channel->path, like->path) == 0 ? channel : NULL;
}

/* A channel keeps its slot while it exists: the monitor knows it by its id. */
static uint64_t kept_slots(struct domain *domain, const struct domain_description *description)
{
	uint64_t slots = 0;

	for (uint32_t i = 0; i < description->n_channels; i++) {
		const struct channel *kept = same_channel(domain, &description->channels[i]);

		if (kept)
			slots |= UINT64_C(1) << kept->id % MAX_DOMAIN_CHANNELS;
	}
	return slots;
}

static int set_channels(struct domain *domain, const struct domain_description *description)
{
	struct channel *channels = NULL;
	uint64_t used = kept_slots(domain, description);

	_Static_assert(MAX_DOMAIN_CHANNELS == 64, "slots are bits of used");
	ASSERT(description->n_channels <= MAX_DOMAIN_CHANNELS); /* so a slot is free for each */
	if (description->n_channels > 0) {
		channels = calloc(description->n_channels, sizeof(*channels));
		if (!channels)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < description->n_channels; i++) {
		const struct channel_description *from = &description->channels[i];
		struct channel *kept = same_channel(domain, from);
		uint32_t slot;

		if (kept) {
			channels[i] = *kept;
			kept->fd = -1;
			continue;
		}
		/* as long as there is one, a slot whose counters are nobody's yet */
		slot = (uint32_t)__builtin_ctzll(~domain->slots ? ~domain->slots : ~used);
		used |= UINT64_C(1) << slot;
		channels[i] = (struct channel){
			.id = domain->id * MAX_DOMAIN_CHANNELS + slot,
			.number = from->number,
			.state = CHANNEL_CONNECTING,
			.enabled = true,
			.fresh = !(domain->slots >> slot & 1),
			.fd = -1,
			.domain = domain,
		};
		memcpy(channels[i].path, from->path, sizeof(channels[i].path));
		domain->slots |= UINT64_C(1) << slot;
	}
	for (uint32_t i = 0; i < domain->n_channels; i++)
		channel_hang_up(&domain->channels[i]);
	free(domain->channels);
	domain->channels = channels;
	domain->n_channels = description->n_channels;
	return 0;
}

static int enter(struct registry *registry, struct domain_description *description, uint32_t id,
		 struct domain **out)
{
	struct domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return -ENOMEM;
	domain->id = id;
	if (set_channels(domain, description) < 0) {
		free(domain);
		return -ENOMEM;
	}
	domain->description = description;
	domain->registered_ns = domain->run = monotonic_ns();
	domain->last_report_ns = domain->registered_ns;
	registry->domains[id] = domain;
	registry->n_domains++;
	*out = domain;
	return 0;
}

int registry_add(struct registry *registry, struct domain_description *description,
		 struct domain **out)
{
	uint32_t id = 0;

	if (registry_find_uuid(registry, description->uuid))
		return -EEXIST;
	while (id < MAX_DOMAINS && registry->domains[id])
		id++;
	return id == MAX_DOMAINS ? -ENOSPC : enter(registry, description, id, out);
}

int registry_restore(struct registry *registry, struct saved_domain *saved, struct domain **out)
{
	struct domain *domain;
	int r;

	ASSERT(saved->id < MAX_DOMAINS);
	if (registry->domains[saved->id] || registry_find_uuid(registry, saved->description->uuid))
		return -EEXIST;
	r = enter(registry, saved->description, saved->id, &domain);
	if (r < 0)
		return r;
	saved->description = NULL;
	domain->run = saved->run;
	domain->paused = saved->paused;
	/* What was reported since, and waited for this manager, counts. */
	if (saved->reported_ns < domain->registered_ns)
		domain->last_report_ns = saved->reported_ns;
	domain->overrides = take_ptr(saved->overrides);
	domain->policy = take_ptr(saved->policy);
	domain->slots = saved->slots;
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		channel->id = domain->id * MAX_DOMAIN_CHANNELS + saved->channels[i].slot;
		channel->enabled = saved->channels[i].enabled;
		domain->slots |= UINT64_C(1) << saved->channels[i].slot;
		channel->fresh = false;
		channel->cookie = saved->channels[i].cookie;
		channel->peer_uid = saved->channels[i].peer_uid;
		channel->peer_pid = saved->channels[i].peer_pid;
		if (saved->channels[i].removed)
			channel->state = CHANNEL_REMOVED;
	}
	*out = domain;
	return 0;
}

int registry_update(struct domain *domain, struct domain_description *description)
{
	int r;

	ASSERT(strcmp(domain->description->uuid, description->uuid) == 0);
	/* overrides has n_vcpus elements */
	ASSERT(domain->description->n_vcpus == description->n_vcpus);
	r = set_channels(domain, description);
	if (r < 0)
		return r;
	domain_description_free(domain->description);
	domain->description = description;
	return 0;
}

void registry_remove(struct registry *registry, struct domain *domain)
{
	ASSERT(registry->domains[domain->id] == domain);
	registry->domains[domain->id] = NULL;
	registry->n_domains--;
	for (uint32_t i = 0; i < domain->n_channels; i++)
		channel_hang_up(&domain->channels[i]);
	domain_free(domain);
}

struct domain *registry_find_uuid(struct registry *registry, const char *uuid)
{
	registry_for_each (d, registry) {
		if (strcmp(d->description->uuid, uuid) == 0)
			return d;
	}
	return NULL;
}

struct domain *registry_find_name(struct registry *registry, const char *name)
{
	registry_for_each (d, registry) {
		if (strcmp(d->description->name, name) == 0)
			return d;
	}
	return NULL;
}

struct domain *registry_find(struct registry *registry, const char *name_or_uuid)
{
	char uuid[UUID_SIZE];
	struct domain *domain = NULL;

	/* A domain's name may be the UUID of another one. */
	if (value_uuid(name_or_uuid, uuid))
		domain = registry_find_uuid(registry, uuid);
	return domain ? domain : registry_find_name(registry, name_or_uuid);
}

bool domain_doubt(struct domain *domain, const char *reason)
{
	struct domain_description *description = domain->description;
	char problem[sizeof(description->problem)];
	bool changed;

	(void)snprintf(problem, sizeof(problem),
		       "requests are refused, since its XML can't be read: %s", reason);
	changed = strcmp(problem, description->problem) != 0;
	memcpy(description->problem, problem, sizeof(problem));
	for (uint32_t i = 0; i < description->n_vcpus; i++) {
		changed = changed || !description->vcpus[i].uncertain;
		description->vcpus[i].uncertain = true;
	}
	return changed;
}

void channel_hang_up(struct channel *channel)
{
	if (channel->fd >= 0)
		(void)shutdown(channel->fd, SHUT_RDWR);
	close_fd(&channel->fd);
}

struct domain *registry_get(struct registry *registry, uint32_t id)
{
	return id < MAX_DOMAINS ? registry->domains[id] : NULL;
}

struct channel *registry_channel(struct registry *registry, uint32_t id)
{
	struct domain *domain;

	if (id >= MAX_CHANNELS)
		return NULL;
	domain = registry->domains[id / MAX_DOMAIN_CHANNELS];
	if (!domain)
		return NULL;
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (domain->channels[i].id == id)
			return &domain->channels[i];
	}
	return NULL;
}

struct domain *registry_next(struct registry *registry, const struct domain *domain)
{
	for (uint32_t id = domain ? domain->id + 1 : 0; id < MAX_DOMAINS; id++) {
		if (registry->domains[id])
			return registry->domains[id];
	}
	return NULL;
}

struct registry_walk registry_walk(void)
{
	return (struct registry_walk){.began_ns = monotonic_ns()};
}

struct domain *registry_walk_vcpu(struct registry *registry, struct registry_walk *walk,
				  uint32_t *vcpu)
{
	for (; walk->domain < MAX_DOMAINS; walk->domain++, walk->vcpu = 0) {
		struct domain *domain = registry->domains[walk->domain];

		if (!domain || domain->registered_ns > walk->began_ns ||
		    walk->vcpu >= domain->description->n_vcpus)
			continue;
		*vcpu = walk->vcpu++;
		return domain;
	}
	return NULL;
}

struct domain *registry_walk_domain(struct registry *registry, struct registry_walk *walk)
{
	while (walk->domain < MAX_DOMAINS) {
		struct domain *domain = registry->domains[walk->domain++];

		if (domain && domain->registered_ns <= walk->began_ns)
			return domain;
	}
	return NULL;
}

struct domain *registry_find_key(struct registry *registry, struct domain_key key)
{
	struct domain *domain = key.registered_ns > 0 ? registry_get(registry, key.id) : NULL;

	return domain && domain->registered_ns == key.registered_ns ? domain : NULL;
}

uint32_t registry_count(const struct registry *registry)
{
	return registry->n_domains;
}

struct channel *domain_channel(struct domain *domain, uint32_t number)
{
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (domain->channels[i].number == number)
			return &domain->channels[i];
	}
	return NULL;
}

int domain_set_override(struct domain *domain, uint32_t vcpu, uint32_t khz)
{
	ASSERT(vcpu < domain->description->n_vcpus);
	if (!domain->overrides && khz > 0) {
		domain->overrides =
			calloc(domain->description->n_vcpus, sizeof(domain->overrides[0]));
		if (!domain->overrides)
			return -ENOMEM;
	}
	if (domain->overrides)
		domain->overrides[vcpu] = khz;
	return 0;
}

int domain_set_policy(struct domain *domain, const struct domain_settings *policy)
{
	struct domain_settings *copy = NULL;

	if (policy) {
		copy = malloc(sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *policy;
	}
	free(domain->policy);
	domain->policy = copy;
	return 0;
}

uint32_t domain_override(const struct domain *domain, uint32_t vcpu)
{
	ASSERT(vcpu < domain->description->n_vcpus);
	return domain->overrides ? domain->overrides[vcpu] : 0;
}

uint32_t domain_count_connected(const struct domain *domain)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < domain->n_channels; i++)
		n += domain->channels[i].state == CHANNEL_CONNECTED;
	return n;
}

const char *channel_state_name(enum channel_state state)
{
	static const char *const names[] = {
		[CHANNEL_REMOVED] = "removed",	   [CHANNEL_CONNECTING] = "connecting",
		[CHANNEL_CONNECTED] = "connected", [CHANNEL_DISCONNECTED] = "disconnected",
		[CHANNEL_UNSERVED] = "unserved",
	};
	_Static_assert(array_size(names) == N_CHANNEL_STATES, "each state has a name");

	ASSERT(state < N_CHANNEL_STATES);
	return names[state];
}

void channel_error_text(const struct channel *channel, char *text, size_t size)
{
	const char *error = strerror(-channel->last_error);

	if (channel->hidden_by)
		(void)snprintf(text, size,
			       "%s: %s in vmpowerd's unit hides it, see vmpower-domain(5)", error,
			       channel->hidden_by);
	else if (channel->last_error == -EACCES)
		(void)snprintf(text, size, "%s: SELinux, AppArmor or a file's mode forbids it",
			       error);
	else
		(void)snprintf(text, size, "%s", error);
}

enum channel_state channel_shown_state(const struct channel *channel)
{
	if (channel->state == CHANNEL_CONNECTING && channel->hung_up)
		return CHANNEL_DISCONNECTED;
	return channel->state;
}
