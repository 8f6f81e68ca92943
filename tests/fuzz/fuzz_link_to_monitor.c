/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real monitor, turn by turn, on a fake clock. The input is a list of steps: what the manager
 * sends (with files and sockets), what guests write, time that passes. An honest manager is never
 * refused, and gets acquisition messages as message.h says. A dishonest one may at worst make the
 * monitor exit. After each turn votes, counts and targets are recomputed and compared.
 */
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/monitor_host.h"

#define MAX_STEPS 200

/* --- steps ------------------------------------------------------------------------------- */

static void set_frequency_domain(struct host *host, struct input *input)
{
	static struct link_message message;
	struct link_frequency_domain *set = &message.frequency_domain;
	uint32_t id = take_id(input, USED_OUTPUTS), khz = 0;
	uint8_t bits = take_u8(input);

	memset(&message, 0, sizeof(message));
	message.type = LINK_FREQUENCY_DOMAIN_SET;
	set->id = host->honest ? id % USED_OUTPUTS : id;
	set->policy = set->id;
	set->method = bits & 1 ? METHOD_LIMITS : METHOD_SETSPEED;
	set->table.n_steps = bits & 2 ? 1u + take_u8(input) : 1u + bits / 16;
	for (uint32_t i = 0; i < set->table.n_steps; i++) {
		khz += 1u + (bits & 4 ? take_u8(input) : 99999u);
		set->table.khz[i] = khz;
	}
	set->table.non_turbo = take_u8(input) % set->table.n_steps;
	set->floor = take_u8(input) % set->table.n_steps;
	set->ceiling = set->floor + take_u8(input) % (set->table.n_steps - set->floor);
	if (host->honest) {
		/* other limits while not acquired; the method does not change */
		if (host->owner[set->id] != NOT_OURS)
			set->method = host->method[set->id];
		if (host->known[set->id] && set->method != host->method[set->id])
			return;
		host->known[set->id] = true;
		host->method[set->id] = set->method;
	}
	send_link(host, &message, NULL, 0);
}

static void add_domain(struct host *host, struct input *input)
{
	uint32_t id = take_id(input, USED_DOMAINS);
	uint8_t n = take_u8(input), limits = take_u8(input);
	struct link_message message = {
		.type = LINK_DOMAIN_ADD,
		.domain = {.id = id,
			   .n_vcpus = n > 250 ? 1024u : 1u + n % 12,
			   .settings = {.min_khz = (limits & 0xfu) * 150000u,
					.max_khz = (limits >> 4) * 150000u,
					.turbo = n & 1,
					.queries = host->like.settings.queries,
					.commands = n & 128 ? n >> 5 & COMMANDS_ALL : COMMANDS_ALL,
					.rate = n & 64 ? n * 10u : host->like.settings.rate,
					.burst = host->like.settings.burst},
			   .name = "guest"},
	};

	if (host->honest) {
		message.domain.id = id %= USED_DOMAINS;
		if (host->n_vcpus[id] > 0)
			message.domain.n_vcpus = host->n_vcpus[id];
		host->n_vcpus[id] = message.domain.n_vcpus;
	}
	send_link(host, &message, NULL, 0);
}

static void set_vcpu(struct host *host, struct input *input)
{
	static struct link_message message;
	struct link_vcpu *vcpu = &message.vcpu;
	uint8_t bits;

	memset(&message, 0, sizeof(message));
	message.type = LINK_VCPU_SET;
	vcpu->domain = take_id(input, USED_DOMAINS);
	vcpu->vcpu = take_id(input, 12);
	bits = take_u8(input);
	vcpu->flags = bits & VCPU_FLAGS;
	vcpu->vote_khz = bits & 0x80 ? take_u8(input) * 10000u : 0;
	for (vcpu->n_frequency_domains = 0; vcpu->n_frequency_domains < (bits >> 2 & 7);
	     vcpu->n_frequency_domains++)
		vcpu->frequency_domains[vcpu->n_frequency_domains] = take_id(input, USED_OUTPUTS);
	if (host->honest) {
		vcpu->domain %= USED_DOMAINS;
		if (host->n_vcpus[vcpu->domain] == 0)
			return;
		vcpu->vcpu %= host->n_vcpus[vcpu->domain];
		for (uint32_t i = 0; i < vcpu->n_frequency_domains; i++) {
			vcpu->frequency_domains[i] %= USED_OUTPUTS;
			if (!host->known[vcpu->frequency_domains[i]])
				return;
		}
	}
	send_link(host, &message, NULL, 0);
}

static void set_override(struct host *host, struct input *input)
{
	struct link_message message = {
		.type = LINK_OVERRIDE,
		.override = {.domain = take_id(input, USED_DOMAINS),
			     .vcpu = take_id(input, 12),
			     .khz = take_u8(input) * 10000u},
	};

	if (host->honest) {
		message.override.domain %= USED_DOMAINS;
		if (host->n_vcpus[message.override.domain] == 0)
			return;
		message.override.vcpu %= host->n_vcpus[message.override.domain];
	}
	send_link(host, &message, NULL, 0);
}

static void close_guests(struct host *host, uint32_t domain)
{
	for (uint32_t i = 0; i < USED_CHANNELS; i++)
		close_fd(&host->guests[domain][i]);
}

static void name_domain(struct host *host, struct input *input, enum link_type type)
{
	struct link_message message = {.type = type, .id = take_id(input, USED_DOMAINS)};

	if (host->honest) {
		message.id %= USED_DOMAINS;
		if (host->n_vcpus[message.id] == 0)
			return;
		if (type == LINK_DOMAIN_REMOVE) {
			host->n_vcpus[message.id] = 0;
			close_guests(host, message.id);
		}
	}
	send_link(host, &message, NULL, 0);
}

static void name_channel(struct host *host, struct input *input, enum link_type type)
{
	uint8_t bits = take_u8(input);
	uint32_t domain = bits % USED_DOMAINS, channel = bits / 16 % USED_CHANNELS;
	struct link_message message = {
		.type = type,
		.channel = {.id = domain * MAX_DOMAIN_CHANNELS + channel,
			    .number = channel,
			    .enabled = type == LINK_CHANNEL_ADD || (bits & 8)},
	};
	int pair[2];

	if (type != LINK_CHANNEL_ADD) {
		if (type == LINK_CHANNEL_REMOVE)
			close_fd(&host->guests[domain][channel]);
		send_link(host, &message, NULL, 0);
		return;
	}
	if (host->honest && (host->n_vcpus[domain] == 0 || host->guests[domain][channel] >= 0))
		return;
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	send_link(host, &message, pair, 1);
	(void)close(pair[0]);
	close_fd(&host->guests[domain][channel]);
	host->guests[domain][channel] = pair[1];
}

/* Sockets and files, also of the wrong kind for the message. */
static void send_raw(struct host *host, struct input *input)
{
	static struct link_message message;
	uint8_t n_fds = take_u8(input) % 4, size = take_u8(input);
	int fds[3];

	memset(&message, 0, sizeof(message));
	(void)take_bytes(input, &message, size);
	check_link(&message, size, n_fds);
	if (host->honest)
		return;
	for (uint8_t i = 0; i < n_fds; i++)
		fds[i] = output_file(take_u8(input));
	(void)unix_send(host->link, &message, size, fds, n_fds, MSG_DONTWAIT);
	for (uint8_t i = 0; i < n_fds; i++)
		(void)close(fds[i]);
}

static void write_guest(struct host *host, struct input *input)
{
	static const uint16_t sizes[] = {GUEST_FRAME_G1, GUEST_FRAME_G2, GUEST_FRAME_G3_I386,
					 GUEST_FRAME_G3};
	uint8_t bits = take_u8(input), n = 0;
	int fd = host->guests[bits % USED_DOMAINS][bits / 16 % USED_CHANNELS];
	uint8_t frames[4 * GUEST_FRAME_MAX] = {0};
	size_t frame_size = sizes[bits / 4 % 4], size = 0;

	if (bits & 0x80) {
		size = take_bytes(input, frames, take_u8(input));
	} else {
		do {
			uint8_t *frame = frames + n * frame_size, what = take_u8(input);

			frame[0] = take_u8(input) % 16;
			frame[8] = what & 7;
			frame[12] = what & 0x40 ? what >> 3 & 15 : GUEST_CPU_POWER;
			size += frame_size;
			if (!(what & 0x80))
				break;
		} while (++n < 4);
	}
	if (fd >= 0 && size > 0)
		(void)send(fd, frames, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void read_guests(struct host *host)
{
	char replies[4096];

	for (uint32_t i = 0; i < USED_DOMAINS * USED_CHANNELS; i++) {
		int fd = host->guests[i / USED_CHANNELS][i % USED_CHANNELS];

		while (fd >= 0 && recv(fd, replies, sizeof(replies), MSG_DONTWAIT) > 0)
			;
	}
}

static void hang_up(struct host *host, struct input *input)
{
	uint8_t bits = take_u8(input);
	uint32_t domain = bits % USED_DOMAINS, channel = bits / 16 % USED_CHANNELS;
	struct link_message message = {.type = LINK_CHANNEL_REMOVE,
				       .id = domain * MAX_DOMAIN_CHANNELS + channel};

	if (host->guests[domain][channel] < 0)
		return;
	close_fd(&host->guests[domain][channel]);
	/* an honest manager removes the channel before it adds another */
	run(host);
	send_link(host, &message, NULL, 0);
}

static void change_settings(struct host *host, struct input *input)
{
	uint8_t bits = take_u8(input);
	struct link_message message = {
		.type = LINK_SETTINGS,
		.settings = {.silence_protects = bits & 1,
			     .total_rate = bits & 2 ? 1u + bits : 0,
			     .transition_interval_us = bits & 4 ? bits * 100u : 0},
	};

	send_link(host, &message, NULL, 0);
}

static void pass(struct input *input)
{
	uint8_t time = take_u8(input);

	pass_time((uint64_t)(time & 0x3f) * (time & 0x40 ? 10000000u : 1000u) + 1);
}

static void step(struct host *host, struct input *input)
{
	uint8_t what = take_u8(input);

	switch (what % 16) {
	case 0:
		if ((what & 0x70) == 0x70)
			set_override(host, input);
		else
			set_frequency_domain(host, input);
		break;
	case 1:
		add_domain(host, input);
		break;
	case 2:
	case 3:
		set_vcpu(host, input);
		break;
	case 4:
		name_domain(host, input, what & 16 ? LINK_DOMAIN_REMOVE : LINK_DOMAIN_SILENCE);
		break;
	case 5:
		name_channel(host, input, LINK_CHANNEL_ADD);
		break;
	case 6:
		name_channel(host, input, what & 16 ? LINK_CHANNEL_REMOVE : LINK_CHANNEL_ENABLE);
		break;
	case 7:
	case 8:
		if (host->honest)
			answer_acquisition(host, input, what / 16u % USED_OUTPUTS);
		else
			send_acquired(host, input, take_id(input, USED_OUTPUTS), what / 16 % 3);
		break;
	case 9:
		send_raw(host, input);
		break;
	case 10:
	case 11:
	case 12:
		write_guest(host, input);
		break;
	case 13:
		if (what & 16)
			read_guests(host);
		else
			hang_up(host, input);
		break;
	case 14:
		pass(input);
		break;
	default:
		if ((what & 0x70) == 0x70)
			change_settings(host, input);
		else
			read_link(host);
	}
	/* else it shares a turn with the next step */
	if (!(what & 0x80))
		run(host);
}

/* --- set-up ------------------------------------------------------------------------------ */

static int shared_state(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("shared", MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, 0) == 0);
	require(ftruncate(fd, sizeof(struct shared_state)) == 0);
	return fd;
}

static void start(struct host *host, struct input *input)
{
	uint8_t bits = take_u8(input);
	struct link_message message = {
		.type = LINK_SETUP,
		.setup.settings = {.silence_protects = !(bits & 4),
				   .transition_interval_us = bits & 32 ? 1000 : 0},
	};
	uint32_t rate = bits & 16 ? 1u + take_u8(input) * 100u : 0, burst = take_u8(input);
	int pair[2], fd = shared_state(), small = 1;

	fake_now_ns = NS_PER_S;
	memset(host, 0, sizeof(*host));
	memset(host->guests, 0xff, sizeof(host->guests));
	host->like = (struct link_domain){
		.settings = {.queries = bits & 8, .rate = rate, .burst = burst}};
	host->honest = !(bits & 1);
	host->lazy = bits & 2;
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	host->link = pair[0];
	if (host->lazy) /* a few messages fill it */
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	host->monitor = calloc(1, sizeof(*host->monitor));
	require(host->monitor);
	host->monitor->link_fd = pair[1];
	send_link(host, &message, &fd, 1);
	require(set_up(host->monitor, NULL) == 0);
}

/* Lines are discarded, but the level makes the monitor report refusals. */
static bool drop_line(const struct log_about *about, int priority, const char *text)
{
	(void)about;
	(void)priority;
	(void)text;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct host host;
	int link_fd;

	log_set_level(LOG_WARNING);
	log_set_sink(drop_line);
	start(&host, &input);
	for (int i = 0; i < MAX_STEPS && input.size > 0 && !host.ended; i++)
		step(&host, &input);
	if (!host.ended) {
		host.lazy = false;
		read_link(&host);
		run(&host);
	}
	/* everything at once: a manager that exits removes nothing first */
	link_fd = host.monitor->link_fd;
	monitor_free(host.monitor);
	(void)close(link_fd);
	(void)close(host.link);
	for (uint32_t d = 0; d < USED_DOMAINS; d++)
		close_guests(&host, d);
	return 0;
}
