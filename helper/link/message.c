/* SPDX-License-Identifier: BSD-3-Clause */
/* The link's messages: sizes, validation, sending and receiving. */
#include "helper/link/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/unix_socket.h"

#define HEADER_SIZE offsetof(struct link_message, id)
#define VCPUS_SIZE offsetof(struct link_vcpus, said)

/* --- checks on arrival: the last column of LINK_TYPES --------------------------------------- */

static bool check_any(const struct link_message *message)
{
	(void)message;
	return true;
}

static bool check_setup(const struct link_message *message)
{
	return message->setup.version == LINK_VERSION;
}

static bool check_domain_id(const struct link_message *message)
{
	return message->id < MAX_DOMAINS;
}

static bool check_channel_id(const struct link_message *message)
{
	return message->id < MAX_CHANNELS;
}

static bool check_frequency_domain_id(const struct link_message *message)
{
	return message->id < MAX_FREQUENCY_DOMAINS;
}

static bool check_log_level(const struct link_message *message)
{
	return message->id >= LOG_ERR && message->id <= LOG_DEBUG;
}

static bool check_frequency_domain(const struct link_message *message)
{
	const struct link_frequency_domain *fdom = &message->frequency_domain;
	const struct frequency_table *table = &fdom->table;

	if (fdom->id >= MAX_FREQUENCY_DOMAINS)
		return false;
	if (fdom->method != METHOD_SETSPEED && fdom->method != METHOD_LIMITS)
		return false;
	if (table->n_steps < 1 || table->n_steps > MAX_FREQUENCY_STEPS ||
	    table->non_turbo >= table->n_steps)
		return false;
	if (fdom->floor > fdom->ceiling || fdom->ceiling >= table->n_steps)
		return false;
	/* Refuse 0 kHz too: elsewhere it means "none". */
	for (uint32_t step = 0; step < table->n_steps; step++)
		if (table->khz[step] <= (step > 0 ? table->khz[step - 1] : 0))
			return false;
	return true;
}

static bool is_policy(const struct domain_settings *settings)
{
	uint32_t hours = settings->policy_low_hours | settings->policy_medium_hours |
			 settings->policy_high_hours | settings->policy_traffic_hours;

	return settings->policy <= OPERATOR_TRAFFIC && settings->policy_level <= OPERATOR_HIGH &&
	       hours < UINT32_C(1) << POLICY_HOURS &&
	       settings->policy_direction <= DIRECTION_BOTH &&
	       settings->policy_rank <= RANK_ABOVE_GUEST && !settings->policy_interfaces[0];
}

static bool check_domain(const struct link_message *message)
{
	const struct link_domain *domain = &message->domain;

	return domain->id < MAX_DOMAINS && domain->n_vcpus >= 1 &&
	       domain->n_vcpus <= MAX_DOMAIN_VCPUS &&
	       !(domain->settings.commands & ~COMMANDS_ALL) && is_policy(&domain->settings) &&
	       memchr(domain->name, '\0', sizeof(domain->name));
}

static bool check_vcpus(const struct link_message *message)
{
	const struct link_vcpus *vcpus = &message->vcpus;
	struct vote vote;

	if (vcpus->domain >= MAX_DOMAINS || vcpus->n < 1 || vcpus->first >= MAX_DOMAIN_VCPUS ||
	    vcpus->n > MAX_DOMAIN_VCPUS - vcpus->first || (vcpus->flags & ~VCPU_FLAGS) ||
	    cpuset_next(&vcpus->frequency_domains, MAX_FREQUENCY_DOMAINS) < MAX_CPUS)
		return false;
	for (uint32_t i = 0; i < vcpus->n; i++)
		if (!vote_unpack(vcpus->said[i], &vote))
			return false;
	return true;
}

static bool check_channel(const struct link_message *message)
{
	return message->channel.id < MAX_CHANNELS && message->channel.number <= MAX_CHANNEL_NUMBER;
}

static bool check_acquired(const struct link_message *message)
{
	const struct link_acquired *acquired = &message->acquired;

	return acquired->frequency_domain < MAX_FREQUENCY_DOMAINS && acquired->error <= 0 &&
	       acquired->reason >= ACQUIRED_ANSWER && acquired->reason <= ACQUIRED_RENEWED &&
	       acquired->decides < N_DECIDING_LIMITS;
}

static bool check_override(const struct link_message *message)
{
	return message->override.domain < MAX_DOMAINS && message->override.vcpu < MAX_DOMAIN_VCPUS;
}

static bool check_hour(const struct link_message *message)
{
	return message->hour.hour < POLICY_HOURS;
}

static bool check_interfaces(const struct link_message *message)
{
	const struct link_interfaces *interfaces = &message->interfaces;

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		uint8_t flags = interfaces->slots[i].flags;

		if ((flags & ~INTERFACE_FLAGS) || (flags != 0 && !(flags & INTERFACE_PRESENT)))
			return false;
	}
	return interfaces->domain < MAX_DOMAINS;
}

static bool check_traffic_wanted(const struct link_message *message)
{
	return message->traffic_wanted.domain < MAX_DOMAINS && message->traffic_wanted.wanted <= 1;
}

static bool check_write_failed(const struct link_message *message)
{
	const struct link_write_failed *failed = &message->write_failed;

	return failed->frequency_domain < MAX_FREQUENCY_DOMAINS && failed->error < 0 &&
	       failed->error >= -LINK_MAX_ERRNO;
}

static bool check_refused(const struct link_message *message)
{
	const struct link_refused *refused = &message->refused;

	return refused->channel < MAX_CHANNELS && refused->refusal > REFUSAL_NONE &&
	       refused->refusal < N_REFUSALS && refused->vcpu <= MAX_DOMAIN_VCPUS;
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct rule {
	const char *name; /* NULL: no such type */
	bool (*check)(const struct link_message *message);
	size_t size;
	enum link_direction direction;
	unsigned int min_fds, max_fds;
} rules[] = {
#define RULE(type, number, whom, field, fewest, most, content)                                     \
	[number] = {                                                                               \
		.name = &#type[sizeof("LINK_") - 1],                                               \
		.check = check_##content,                                                          \
		.size = HEADER_SIZE + sizeof(((struct link_message *)NULL)->field),                \
		.direction = (whom),                                                               \
		.min_fds = (fewest),                                                               \
		.max_fds = (most),                                                                 \
	},
	LINK_TYPES(RULE)
#undef RULE
};

static const struct rule *find_rule(uint32_t type)
{
	return type < array_size(rules) && rules[type].name ? &rules[type] : NULL;
}

const char *link_type_name(uint32_t type)
{
	const struct rule *rule = find_rule(type);

	return rule ? rule->name : "unknown";
}

size_t link_size(const struct link_message *message)
{
	const struct rule *rule = find_rule(message->type);

	if (!rule)
		return HEADER_SIZE;
	if (message->type == LINK_VCPUS_SET)
		return HEADER_SIZE + VCPUS_SIZE + message->vcpus.n * sizeof(uint32_t);
	return rule->size;
}

int link_validate(const struct link_message *message, size_t size, unsigned int n_fds,
		  enum link_direction direction)
{
	const struct rule *rule = size < HEADER_SIZE ? NULL : find_rule(message->type);

	if (!rule || rule->direction != direction)
		return -EPROTO;
	/* The one length that depends on a field: make sure that field was received. */
	if (message->type == LINK_VCPUS_SET &&
	    (size < HEADER_SIZE + VCPUS_SIZE || message->vcpus.n > LINK_VCPUS))
		return -EPROTO;
	if (size != link_size(message) || n_fds < rule->min_fds || n_fds > rule->max_fds)
		return -EPROTO;
	/* files, or the reason why there are none */
	if (message->type == LINK_ACQUIRED && (message->acquired.error == 0) != (n_fds > 0))
		return -EPROTO;
	return rule->check(message) ? 0 : -EPROTO;
}

int link_send(int fd, const struct link_message *message, const int *fds, unsigned int n_fds)
{
	ASSERT(find_rule(message->type));
	return unix_send(fd, message, link_size(message), fds, n_fds, MSG_DONTWAIT);
}

/* ETOOMANYREFS: too many fds are in flight, until the other side reads. */
bool link_is_full(int error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ETOOMANYREFS;
}

int link_receive(int fd, struct link_message *message, int *fds, unsigned int *n_fds,
		 enum link_direction direction)
{
	ssize_t size;

	*n_fds = UNIX_MAX_FDS;
	size = unix_receive(fd, message, sizeof(*message), fds, n_fds, MSG_DONTWAIT);
	if (size <= 0) {
		*n_fds = 0;
		if (size == -EMSGSIZE)
			return -EPROTO;
		/* The peer died before reading our messages. */
		return size == -ECONNRESET ? 0 : (int)size;
	}
	if (link_validate(message, (size_t)size, *n_fds, direction) < 0) {
		close_fds(fds, *n_fds);
		*n_fds = 0;
		return -EPROTO;
	}
	return 1;
}
