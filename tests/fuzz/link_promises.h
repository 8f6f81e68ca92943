/* SPDX-License-Identifier: BSD-3-Clause */
/* What link_validate() accepts is as message.h says, in both directions. */
#ifndef VMPOWER_TESTS_FUZZ_LINK_PROMISES_H
#define VMPOWER_TESTS_FUZZ_LINK_PROMISES_H

#include <errno.h>
#include <stdbool.h>

#include "helper/link/message.h"
#include "tests/fuzz/fuzz.h"

static inline void check_table(const struct link_frequency_domain *set)
{
	const struct frequency_table *table = &set->table;

	require(set->id < MAX_FREQUENCY_DOMAINS);
	require(set->method == METHOD_SETSPEED || set->method == METHOD_LIMITS);
	require(table->n_steps >= 1 && table->n_steps <= MAX_FREQUENCY_STEPS);
	require(table->non_turbo < table->n_steps);
	require(set->floor <= set->ceiling && set->ceiling < table->n_steps);
	require(table->khz[0] > 0);
	for (uint32_t i = 1; i < table->n_steps; i++)
		require(table->khz[i] > table->khz[i - 1]);
}

/* Not more than a vCPU can say, and each way to say it has one word. */
static inline void check_word(uint32_t said)
{
	struct vote vote;

	require(vote_unpack(said, &vote) && vote_pack(&vote) == said);
	require(vote.from != VOTE_NONE || vote.steps == 0);
	require(vote.steps > -MAX_FREQUENCY_STEPS && vote.steps < MAX_FREQUENCY_STEPS);
	require(vote.channel < MAX_DOMAIN_CHANNELS || vote.channel == VOTE_NO_CHANNEL);
	require(said == 0 || vote.from != VOTE_NONE || vote.turbo_off || vote.policy);
}

static inline void check_to_monitor(const struct link_message *message, unsigned int n_fds)
{
	switch ((enum link_type)message->type) {
	case LINK_SETUP:
		require(n_fds <= 1 && message->setup.version == LINK_VERSION);
		return;
	case LINK_ACQUIRED:
		require(message->acquired.frequency_domain < MAX_FREQUENCY_DOMAINS);
		require(message->acquired.error <= 0);
		require(message->acquired.reason >= ACQUIRED_ANSWER &&
			message->acquired.reason <= ACQUIRED_RENEWED);
		require(message->acquired.error < 0 ? n_fds == 0 : n_fds == 1 || n_fds == 2);
		return;
	case LINK_CHANNEL_ADD:
	case LINK_CHANNEL_ENABLE:
		require(message->channel.id < MAX_CHANNELS);
		require(message->channel.number <= MAX_CHANNEL_NUMBER);
		require(n_fds == (message->type == LINK_CHANNEL_ADD));
		return;
	case LINK_CHANNEL_REMOVE:
		require(message->id < MAX_CHANNELS);
		break;
	case LINK_DOMAIN_REMOVE:
	case LINK_DOMAIN_SILENCE:
		require(message->id < MAX_DOMAINS);
		break;
	case LINK_FREQUENCY_DOMAIN_SET:
		check_table(&message->frequency_domain);
		break;
	case LINK_SETTINGS:
		break;
	case LINK_DOMAIN_ADD:
		require((message->domain.settings.commands & ~COMMANDS_ALL) == 0);
		require(message->domain.id < MAX_DOMAINS && message->domain.n_vcpus >= 1);
		require(message->domain.n_vcpus <= MAX_DOMAIN_VCPUS);
		require(memchr(message->domain.name, '\0', sizeof(message->domain.name)));
		break;
	case LINK_VCPUS_SET:
		require(message->vcpus.domain < MAX_DOMAINS);
		require(message->vcpus.n >= 1 && message->vcpus.n <= LINK_VCPUS);
		require(message->vcpus.first < MAX_DOMAIN_VCPUS);
		require(message->vcpus.first + message->vcpus.n <= MAX_DOMAIN_VCPUS);
		require((message->vcpus.flags & ~VCPU_FLAGS) == 0);
		for (uint32_t i = 0; i < message->vcpus.n; i++)
			check_word(message->vcpus.said[i]);
		break;
	case LINK_OVERRIDE:
		require(message->override.domain < MAX_DOMAINS);
		require(message->override.vcpu < MAX_DOMAIN_VCPUS);
		break;
	case LINK_HOUR:
		require(message->hour.hour < 24);
		break;
	case LINK_TRAFFIC_AREA:
		require(n_fds == 1);
		return;
	case LINK_INTERFACES:
		require(message->interfaces.domain < MAX_DOMAINS);
		for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
			uint8_t flags = message->interfaces.slots[i].flags;

			require(flags < 8 && (flags == 0 || (flags & INTERFACE_PRESENT)));
		}
		break;
	case LINK_PING:
	case LINK_SYNCED:
	case LINK_END:
		break;
	case LINK_LOG_LEVEL:
		require(message->id >= 3 && message->id <= 7);
		break;
	default:
		require(false); /* never sent to the monitor */
	}
	require(n_fds == 0);
}

static inline void check_to_manager(const struct link_message *message, unsigned int n_fds)
{
	require(n_fds == (message->type == LINK_CHANNEL_HELD) ||
		(message->type == LINK_HELLO && n_fds == 1));
	switch ((enum link_type)message->type) {
	case LINK_CHANNEL_HELD:
		require(message->id < MAX_CHANNELS);
		break;
	case LINK_HELLO:
	case LINK_HELLO_END:
	case LINK_READY:
	case LINK_PONG:
	case LINK_HOUR_WANTED:
	case LINK_VIOLATION: /* the number of any system call */
		break;
	case LINK_TRAFFIC_WANTED:
		require(message->traffic_wanted.domain < MAX_DOMAINS);
		require(message->traffic_wanted.wanted <= 1);
		break;
	case LINK_ACQUIRE:
	case LINK_RELEASE:
		require(message->id < MAX_FREQUENCY_DOMAINS);
		break;
	case LINK_CHANNEL_GONE:
		require(message->id < MAX_CHANNELS);
		break;
	case LINK_REFUSED:
		require(message->refused.channel < MAX_CHANNELS);
		require(message->refused.refusal > REFUSAL_NONE);
		require(message->refused.refusal < N_REFUSALS);
		require(message->refused.vcpu <= MAX_DOMAIN_VCPUS);
		break;
	case LINK_WRITE_FAILED:
		require(message->write_failed.frequency_domain < MAX_FREQUENCY_DOMAINS);
		require(message->write_failed.error < 0);
		require(message->write_failed.error >= -4095);
		break;
	default:
		require(false); /* never sent to the manager */
	}
}

/* Each type has one direction. */
static inline void check_link(const struct link_message *message, size_t size, unsigned int n_fds)
{
	int to_monitor = link_validate(message, size, n_fds, LINK_TO_MONITOR);
	int to_manager = link_validate(message, size, n_fds, LINK_TO_MANAGER);

	require(to_monitor == 0 || to_monitor == -EPROTO);
	require(to_manager == 0 || to_manager == -EPROTO);
	require(to_monitor < 0 || to_manager < 0);
	require((to_monitor < 0 && to_manager < 0) || size == link_size(message));
	if (to_monitor == 0)
		check_to_monitor(message, n_fds);
	if (to_manager == 0)
		check_to_manager(message, n_fds);
}

#endif
