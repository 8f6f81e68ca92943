/* SPDX-License-Identifier: BSD-3-Clause */
/* The link: what validation accepts and refuses, and messages with fds over a real socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"
#include "helper/link/message.h"
#include "tests/unit/runner.h"

static struct link_message message;

/* A valid message of each type, for the tests to spoil. */
static void make(enum link_type type)
{
	memset(&message, 0, sizeof(message));
	message.type = type;
	switch (type) {
	case LINK_FREQUENCY_DOMAIN_SET:
		message.frequency_domain = (struct link_frequency_domain){
			.id = MAX_FREQUENCY_DOMAINS - 1,
			.method = METHOD_LIMITS,
			.floor = 1,
			.ceiling = 2,
			.table = {.n_steps = 3, .non_turbo = 1, .khz = {800000, 900000, 1000000}},
		};
		break;
	case LINK_DOMAIN_ADD:
		message.domain.id = MAX_DOMAINS - 1;
		message.domain.n_vcpus = MAX_DOMAIN_VCPUS;
		message.domain.settings.commands = COMMANDS_ALL;
		memset(message.domain.name, 'x', sizeof(message.domain.name) - 1);
		break;
	case LINK_VCPUS_SET:
		message.vcpus.domain = MAX_DOMAINS - 1;
		message.vcpus.first = MAX_DOMAIN_VCPUS - 2;
		message.vcpus.n = 2;
		message.vcpus.flags = VCPU_MAY_VOTE | VCPU_PROTECTED;
		cpuset_add(&message.vcpus.frequency_domains, MAX_FREQUENCY_DOMAINS - 1);
		break;
	case LINK_DOMAIN_REMOVE:
	case LINK_DOMAIN_SILENCE:
		message.id = MAX_DOMAINS - 1;
		break;
	case LINK_CHANNEL_ADD:
	case LINK_CHANNEL_ENABLE:
		message.channel.id = MAX_CHANNELS - 1;
		message.channel.number = MAX_CHANNEL_NUMBER;
		break;
	case LINK_CHANNEL_REMOVE:
	case LINK_CHANNEL_GONE:
		message.id = MAX_CHANNELS - 1;
		break;
	case LINK_ACQUIRED:
		message.acquired.frequency_domain = MAX_FREQUENCY_DOMAINS - 1;
		message.acquired.reason = ACQUIRED_RENEWED;
		break;
	case LINK_OVERRIDE:
		message.override.domain = MAX_DOMAINS - 1;
		message.override.vcpu = MAX_DOMAIN_VCPUS - 1;
		message.override.khz = UINT32_MAX;
		break;
	case LINK_ACQUIRE:
	case LINK_RELEASE:
		message.id = MAX_FREQUENCY_DOMAINS - 1;
		break;
	case LINK_REFUSED:
		message.refused.channel = MAX_CHANNELS - 1;
		message.refused.refusal = N_REFUSALS - 1;
		message.refused.vcpu = MAX_DOMAIN_VCPUS;
		message.refused.more = UINT32_MAX;
		break;
	case LINK_WRITE_FAILED:
		message.write_failed.frequency_domain = MAX_FREQUENCY_DOMAINS - 1;
		message.write_failed.error = -EINVAL;
		break;
	case LINK_LOG_LEVEL:
		message.id = 7; /* LOG_DEBUG */
		break;
	case LINK_HOUR:
		message.hour.hour = 23;
		message.hour.until_ns = UINT64_MAX;
		break;
	case LINK_SETUP:
		message.setup.version = LINK_VERSION;
		break;
	case LINK_CHANNEL_HELD:
		message.id = MAX_CHANNELS - 1;
		break;
	case LINK_INTERFACES:
		message.interfaces.domain = MAX_DOMAINS - 1;
		message.interfaces.slots[MAX_DOMAIN_INTERFACES - 1].flags = INTERFACE_FLAGS;
		break;
	case LINK_TRAFFIC_WANTED:
		message.traffic_wanted.domain = MAX_DOMAINS - 1;
		message.traffic_wanted.wanted = 1;
		break;
	case LINK_TRAFFIC_AREA:
	case LINK_SETTINGS:
	case LINK_SYNCED:
	case LINK_HELLO:
	case LINK_HELLO_END:
	case LINK_END:
	case LINK_READY:
	case LINK_PING:
	case LINK_PONG:
	case LINK_HOUR_WANTED:
	case LINK_VIOLATION:
		break;
	}
}

static const struct {
	enum link_type type;
	enum link_direction direction;
	unsigned int n_fds;
	size_t size; /* of the wire format */
} types[] = {
	{LINK_HELLO, LINK_TO_MANAGER, 1, 8 + 8 + 4 * 8},
	{LINK_CHANNEL_HELD, LINK_TO_MANAGER, 1, 12},
	{LINK_HELLO_END, LINK_TO_MANAGER, 0, 8},
	{LINK_END, LINK_TO_MONITOR, 0, 8},
	{LINK_SETUP, LINK_TO_MONITOR, 1, 8 + 4 + 12},
	{LINK_SYNCED, LINK_TO_MONITOR, 0, 8},
	{LINK_SETTINGS, LINK_TO_MONITOR, 0, 8 + 12},
	{LINK_FREQUENCY_DOMAIN_SET, LINK_TO_MONITOR, 0, 8 + 24 + 8 + 4 * 256},
	{LINK_DOMAIN_ADD, LINK_TO_MONITOR, 0, 8 + 16 + 80 + 128 + 288 + 256},
	{LINK_VCPUS_SET, LINK_TO_MONITOR, 0, 8 + 16 + 4096 / 8 + 2 * 4},
	{LINK_DOMAIN_REMOVE, LINK_TO_MONITOR, 0, 12},
	{LINK_DOMAIN_SILENCE, LINK_TO_MONITOR, 0, 12},
	{LINK_CHANNEL_ADD, LINK_TO_MONITOR, 1, 8 + 12},
	{LINK_CHANNEL_ENABLE, LINK_TO_MONITOR, 0, 8 + 12},
	{LINK_CHANNEL_REMOVE, LINK_TO_MONITOR, 0, 12},
	{LINK_ACQUIRED, LINK_TO_MONITOR, 1, 8 + 20},
	{LINK_OVERRIDE, LINK_TO_MONITOR, 0, 8 + 12},
	{LINK_READY, LINK_TO_MANAGER, 0, 8},
	{LINK_VIOLATION, LINK_TO_MANAGER, 0, 12},
	{LINK_PING, LINK_TO_MONITOR, 0, 8},
	{LINK_LOG_LEVEL, LINK_TO_MONITOR, 0, 12},
	{LINK_PONG, LINK_TO_MANAGER, 0, 8},
	{LINK_HOUR, LINK_TO_MONITOR, 0, 8 + 16},
	{LINK_HOUR_WANTED, LINK_TO_MANAGER, 0, 8},
	{LINK_TRAFFIC_AREA, LINK_TO_MONITOR, 1, 8},
	{LINK_INTERFACES, LINK_TO_MONITOR, 0, 8 + 8 + 16 * 8},
	{LINK_TRAFFIC_WANTED, LINK_TO_MANAGER, 0, 8 + 8},
	{LINK_ACQUIRE, LINK_TO_MANAGER, 0, 12},
	{LINK_RELEASE, LINK_TO_MANAGER, 0, 12},
	{LINK_CHANNEL_GONE, LINK_TO_MANAGER, 0, 12},
	{LINK_WRITE_FAILED, LINK_TO_MANAGER, 0, 8 + 12},
	{LINK_REFUSED, LINK_TO_MANAGER, 0, 8 + 16},
};

static int validate(unsigned int n_fds, enum link_direction direction)
{
	return link_validate(&message, link_size(&message), n_fds, direction);
}

TEST_EACH(valid_and_no_other_size, types)
{
	enum link_direction direction = types[_i].direction;

	make(types[_i].type);
	ck_assert_str_ne(link_type_name(message.type), "unknown");
	ck_assert_uint_eq(link_size(&message), types[_i].size);
	ck_assert_int_eq(validate(types[_i].n_fds, direction), 0);
	for (size_t size = 0; size < 3000; size++)
		if (size != types[_i].size)
			ck_assert_int_eq(link_validate(&message, size, types[_i].n_fds, direction),
					 -EPROTO);
	ck_assert_int_eq(link_validate(&message, sizeof(message) + 1, types[_i].n_fds, direction),
			 -EPROTO);
	/* not in the other direction, not with other fds */
	ck_assert_int_eq(validate(types[_i].n_fds,
				  direction == LINK_TO_MONITOR ? LINK_TO_MANAGER : LINK_TO_MONITOR),
			 -EPROTO);
	ck_assert_int_eq(validate(3, direction), -EPROTO);
	ck_assert_int_eq(validate(types[_i].n_fds == 0 ? 1 : 0, direction),
			 types[_i].type == LINK_SETUP || types[_i].type == LINK_HELLO ? 0
										      : -EPROTO);
}

/* With these a manager takes over from a monitor of any version: they never change. */
TEST(greeting_is_for_ever)
{
	static const unsigned char hello[] = {
		60, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, /* type, pad, versions */
		3,  0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, /* device, inode */
		5,  0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, /* size, time */
	};
	static const unsigned char held[] = {61, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0};

	memset(&message, 0, sizeof(message));
	message.type = LINK_HELLO;
	message.hello = (struct link_hello){1, 2, {3, 4, 5, 6}};
	ck_assert_uint_eq(link_size(&message), sizeof(hello));
	ck_assert_mem_eq(&message, hello, sizeof(hello));
	memset(&message, 0, sizeof(message));
	message.type = LINK_CHANNEL_HELD;
	message.id = 7;
	ck_assert_uint_eq(link_size(&message), sizeof(held));
	ck_assert_mem_eq(&message, held, sizeof(held));
	ck_assert_int_eq(LINK_HELLO_END, 62);
	ck_assert_int_eq(LINK_END, 63);
}

#define EACH_SPOILT(X)                                                                             \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.id = MAX_FREQUENCY_DOMAINS)          \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.method = 0)                          \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.method = 3)                          \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.floor = 3)                           \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.ceiling = 0)                         \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.ceiling = 3)                         \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.n_steps = 0)                   \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.n_steps = 257)                 \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.non_turbo = 3)                 \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.khz[0] = 0)                    \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.khz[1] = 800000)               \
	X(LINK_FREQUENCY_DOMAIN_SET, message.frequency_domain.table.khz[2] = 1)                    \
	X(LINK_SETUP, message.setup.version = LINK_VERSION + 1)                                    \
	X(LINK_DOMAIN_ADD, message.domain.id = MAX_DOMAINS)                                        \
	X(LINK_DOMAIN_ADD, message.domain.n_vcpus = 0)                                             \
	X(LINK_DOMAIN_ADD, message.domain.settings.commands = COMMANDS_ALL + 1)                    \
	X(LINK_DOMAIN_ADD, message.domain.n_vcpus = MAX_DOMAIN_VCPUS + 1)                          \
	X(LINK_DOMAIN_ADD, message.domain.name[MAX_DOMAIN_NAME - 1] = 'x')                         \
	X(LINK_VCPUS_SET, message.vcpus.domain = MAX_DOMAINS)                                      \
	X(LINK_VCPUS_SET, message.vcpus.first = MAX_DOMAIN_VCPUS)                                  \
	X(LINK_VCPUS_SET, message.vcpus.first = MAX_DOMAIN_VCPUS - 1)                              \
	X(LINK_VCPUS_SET, message.vcpus.first = UINT32_MAX - 1) /* first + n is 0 */               \
	X(LINK_VCPUS_SET, message.vcpus.n = 0)                                                     \
	X(LINK_VCPUS_SET, message.vcpus.flags = 8)                                                 \
	X(LINK_VCPUS_SET, message.vcpus.said[0] = 32) /* no vote */                                \
	X(LINK_VCPUS_SET, message.vcpus.said[1] = 1 | MAX_DOMAIN_CHANNELS << 8)                    \
	X(LINK_DOMAIN_REMOVE, message.id = MAX_DOMAINS)                                            \
	X(LINK_DOMAIN_SILENCE, message.id = UINT32_MAX)                                            \
	X(LINK_CHANNEL_ADD, message.channel.id = MAX_CHANNELS)                                     \
	X(LINK_CHANNEL_ADD, message.channel.number = MAX_CHANNEL_NUMBER + 1)                       \
	X(LINK_CHANNEL_ENABLE, message.channel.id = MAX_CHANNELS)                                  \
	X(LINK_CHANNEL_REMOVE, message.id = MAX_CHANNELS)                                          \
	X(LINK_ACQUIRED, message.acquired.frequency_domain = MAX_FREQUENCY_DOMAINS)                \
	X(LINK_ACQUIRED, message.acquired.error = -EBUSY) /* with an fd */                         \
	X(LINK_ACQUIRED, message.acquired.error = 1)                                               \
	X(LINK_ACQUIRED, message.acquired.reason = 0)                                              \
	X(LINK_ACQUIRED, message.acquired.reason = ACQUIRED_RENEWED + 1)                           \
	X(LINK_OVERRIDE, message.override.domain = MAX_DOMAINS)                                    \
	X(LINK_OVERRIDE, message.override.vcpu = MAX_DOMAIN_VCPUS)                                 \
	X(LINK_HOUR, message.hour.hour = 24)                                                       \
	X(LINK_INTERFACES, message.interfaces.domain = MAX_DOMAINS)                                \
	X(LINK_INTERFACES, message.interfaces.slots[0].flags = 9)                                  \
	X(LINK_INTERFACES, message.interfaces.slots[1].flags = INTERFACE_COUNTED)                  \
	X(LINK_TRAFFIC_WANTED, message.traffic_wanted.domain = MAX_DOMAINS)                        \
	X(LINK_TRAFFIC_WANTED, message.traffic_wanted.wanted = 2)                                  \
	X(LINK_LOG_LEVEL, message.id = 2)                                                          \
	X(LINK_LOG_LEVEL, message.id = 8)                                                          \
	X(LINK_ACQUIRE, message.id = MAX_FREQUENCY_DOMAINS)                                        \
	X(LINK_RELEASE, message.id = MAX_FREQUENCY_DOMAINS)                                        \
	X(LINK_CHANNEL_GONE, message.id = MAX_CHANNELS)                                            \
	X(LINK_WRITE_FAILED, message.write_failed.frequency_domain = UINT32_MAX)                   \
	X(LINK_REFUSED, message.refused.channel = MAX_CHANNELS)                                    \
	X(LINK_REFUSED, message.refused.refusal = REFUSAL_NONE)                                    \
	X(LINK_REFUSED, message.refused.refusal = N_REFUSALS)                                      \
	X(LINK_REFUSED, message.refused.vcpu = MAX_DOMAIN_VCPUS + 1)                               \
	X(LINK_WRITE_FAILED, message.write_failed.error = -4096)                                   \
	X(LINK_WRITE_FAILED, message.write_failed.error = INT32_MIN)                               \
	X(LINK_WRITE_FAILED, message.write_failed.error = 0)

TEST(out_of_bounds)
{
#define REFUSE(message_type, spoil)                                                                \
	for (size_t i = 0; i < array_size(types); i++) {                                           \
		if (types[i].type != (message_type))                                               \
			continue;                                                                  \
		make(message_type);                                                                \
		spoil;                                                                             \
		ck_assert_msg(validate(types[i].n_fds, types[i].direction) == -EPROTO, "%s",       \
			      #spoil);                                                             \
	}
	EACH_SPOILT(REFUSE)
}

TEST(unknown_types)
{
	static const uint32_t unknown[] = {0, 19, 31, 42, 59, 64, 1000, UINT32_MAX};

	for (size_t i = 0; i < array_size(unknown); i++) {
		memset(&message, 0, sizeof(message));
		message.type = unknown[i];
		ck_assert_str_eq(link_type_name(message.type), "unknown");
		ck_assert_int_eq(validate(0, LINK_TO_MONITOR), -EPROTO);
		ck_assert_int_eq(validate(0, LINK_TO_MANAGER), -EPROTO);
	}
}

TEST(most_vcpus)
{
	make(LINK_VCPUS_SET);
	message.vcpus.first = MAX_DOMAIN_VCPUS - LINK_VCPUS;
	message.vcpus.n = LINK_VCPUS;
	ck_assert_int_eq(link_validate(&message, link_size(&message), 0, LINK_TO_MONITOR), 0);
	ck_assert_uint_le(link_size(&message), sizeof(message));
	/* counts that overflow the size, or exceed what was received */
	message.vcpus.first = 0;
	message.vcpus.n = LINK_VCPUS + 1;
	ck_assert_int_eq(link_validate(&message, link_size(&message), 0, LINK_TO_MONITOR), -EPROTO);
	message.vcpus.n = UINT32_MAX;
	ck_assert_int_eq(link_validate(&message, sizeof(message), 0, LINK_TO_MONITOR), -EPROTO);
}

static void make_pair(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

TEST(carries_fds)
{
	int pair[2], sent[2], fds[UNIX_MAX_FDS];
	unsigned int n_fds;

	make_pair(pair);
	sent[0] = memfd_create("a", MFD_CLOEXEC);
	sent[1] = memfd_create("b", MFD_CLOEXEC);
	make(LINK_ACQUIRED);
	ck_assert_int_eq(link_send(pair[0], &message, sent, 2), 0);
	memset(&message, 0xff, sizeof(message));
	ck_assert_int_eq(link_receive(pair[1], &message, fds, &n_fds, LINK_TO_MONITOR), 1);
	ck_assert_uint_eq(message.type, LINK_ACQUIRED);
	ck_assert_uint_eq(n_fds, 2);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(link_receive(pair[1], &message, fds, &n_fds, LINK_TO_MONITOR), -EAGAIN);
	ck_assert_uint_eq(n_fds, 0);
	(void)close(pair[0]);
	ck_assert_int_eq(link_receive(pair[1], &message, fds, &n_fds, LINK_TO_MONITOR), 0);
}

TEST(refused_message_leaves_no_fd_open)
{
	int pair[2], sent, fds[UNIX_MAX_FDS], next_before, next_after;
	unsigned int n_fds;

	make_pair(pair);
	sent = memfd_create("a", MFD_CLOEXEC);
	next_before = dup(sent);
	(void)close(next_before);
	make(LINK_DOMAIN_REMOVE);
	ck_assert_int_eq(link_send(pair[0], &message, &sent, 1), 0);
	ck_assert_int_eq(link_receive(pair[1], &message, fds, &n_fds, LINK_TO_MONITOR), -EPROTO);
	ck_assert_uint_eq(n_fds, 0);
	next_after = dup(sent);
	ck_assert_int_eq(next_before, next_after);
}

TEST(full_link_is_no_error)
{
	int pair[2], r;

	make_pair(pair);
	make(LINK_ACQUIRE);
	do
		r = link_send(pair[0], &message, NULL, 0);
	while (r == 0);
	ck_assert_int_eq(r, -EAGAIN);
}
