/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real monitor, turn by turn, on a fake clock. The input is a list of steps: what the manager
 * sends (with files and sockets), what guests write, time that passes. An honest manager is never
 * refused, and gets acquisition messages as message.h says. A dishonest one may at worst make the
 * monitor exit. After each turn votes, decisions, counts and timers are recomputed and compared.
 */
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "guest/protocol/frame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/monitor_host.h"
#include "tests/fuzz/traffic_steps.h"

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
					.burst = host->like.settings.burst,
					.vote_lifetime_s = n >> 5 & 1,
					.policy = limits & 3,
					.policy_level = n >> 1 & 3,
					.policy_traffic_hours = n & 32 ? 0xff0000u : 0,
					.policy_medium_packets = 50000,
					.policy_high_packets = 150000,
					.policy_low_hours = n & 4 ? 0xffu : 0,
					.policy_high_hours = 0xff00u,
					.policy_rank = n >> 3 & 1,
					.policy_vcpus.bits = {limits & 16 ? ~UINT64_C(0) : n}},
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

/*
 * What a predecessor heard through one of the domain's channels. An honest manager sets vCPUs
 * before it adds channels.
 */
static uint32_t take_said(struct host *host, struct input *input, uint32_t domain)
{
	uint8_t bits = take_u8(input);
	struct vote vote = {
		.from = bits & 3,
		.turbo_off = bits & 4,
		.channel = bits / 64 % USED_CHANNELS,
		.steps = (int16_t)((bits >> 3 & 7) - 4),
	};

	if (!host->honest && bits > 250)
		return take_u32(input);
	if (host->honest && (host->added[domain] >> vote.channel & 1))
		return 0;
	if (vote.from == VOTE_HIGHEST)
		vote.turbo_off = false;
	if (vote.from == VOTE_NONE)
		vote.steps = 0;
	if (vote_pack(&vote) != 0)
		host->taken_over[domain % MAX_DOMAINS] |= UINT64_C(1) << vote.channel;
	return vote_pack(&vote);
}

/* The low ids stand for more than one vCPU. */
static void set_vcpus(struct host *host, struct input *input)
{
	static struct link_message message;
	struct link_vcpus *vcpus = &message.vcpus;
	uint32_t which, id;
	uint8_t bits;

	memset(&message, 0, sizeof(message));
	message.type = LINK_VCPUS_SET;
	vcpus->domain = take_id(input, USED_DOMAINS);
	which = take_id(input, 48);
	vcpus->first = which < 48 ? which % 12 : which;
	vcpus->n = which < 48 ? 1 + which / 12 : 1;
	bits = take_u8(input);
	vcpus->flags = (bits & (VCPU_MAY_VOTE | VCPU_PROTECTED)) | (bits & 0x20 ? VCPU_PAUSED : 0);
	if (host->honest)
		vcpus->domain %= USED_DOMAINS;
	for (uint32_t i = 0; i < vcpus->n && (bits & 0x80); i++)
		vcpus->said[i] = take_said(host, input, vcpus->domain);
	for (uint32_t i = 0; i < (bits >> 2 & 7); i++) {
		id = take_id(input, USED_OUTPUTS);
		cpuset_add(&vcpus->frequency_domains, host->honest ? id % USED_OUTPUTS : id);
		if (host->honest && !host->known[id % USED_OUTPUTS])
			return;
	}
	if (host->honest) {
		uint32_t n_vcpus = host->n_vcpus[vcpus->domain];

		if (n_vcpus == 0)
			return;
		vcpus->first %= n_vcpus;
		if (vcpus->n > n_vcpus - vcpus->first)
			vcpus->n = n_vcpus - vcpus->first;
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
			host->taken_over[message.id] = host->added[message.id] = 0;
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
			    .enabled = (bits & 8) || (type == LINK_CHANNEL_ADD && !(bits & 4))},
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
	host->states[domain][channel] = (struct guest){0};
	host->added[domain] |= UINT64_C(1) << channel;
	host->taken_over[domain] &= ~(UINT64_C(1) << channel);
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
	static const uint8_t commands[] = {
		GUEST_QUERY_FREQ, GUEST_QUERY_CAPS_LIST, GUEST_QUERY_CAPS,     0, GUEST_CONNECT,
		GUEST_POLICY,	  GUEST_POLICY_REMOVE,	 GUEST_QUERY_FREQ_LIST};
	uint8_t bits = take_u8(input), n = 0;
	uint32_t domain = bits % USED_DOMAINS, channel = bits / 16 % USED_CHANNELS;
	struct guest *guest = &host->states[domain][channel];
	uint8_t frames[4 * GUEST_FRAME_MAX] = {0};
	size_t frame_size = sizes[bits / 4 % 4], size = 0;

	if (bits & 0x80) {
		size = take_bytes(input, frames, take_u8(input));
		guest->patient |= memchr(frames, GUEST_TAG[0], sizeof(frames)) != NULL;
	} else {
		do {
			uint8_t what = take_u8(input);
			struct frame frame = {.resource_id = take_u8(input) % 16, .unit = what & 7};

			frame.command = what & 0x40 ? commands[what >> 3 & 7] : GUEST_CPU_POWER;
			if ((what & 0x60) == 0x20 && frame_size > GUEST_FRAME_G1) {
				memcpy(frame.vm_name, FRAME_TAG, FRAME_TAG_LENGTH);
				guest->patient = true;
			}
			if (frame.command == GUEST_POLICY)
				take_policy(input, &frame);
			frame_build(&frame, frame_size, frames + n * frame_size);
			size += frame_size;
			if (!(what & 0x80))
				break;
		} while (++n < 4);
	}
	if (host->guests[domain][channel] < 0 || size == 0)
		return;
	(void)send(host->guests[domain][channel], frames, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	guest->wrote_ns = fake_now_ns;
}

static void read_guests(struct host *host)
{
	char replies[4096];

	for (uint32_t i = 0; i < USED_DOMAINS * USED_CHANNELS; i++) {
		int fd = host->guests[i / USED_CHANNELS][i % USED_CHANNELS];

		while (fd >= 0 && recv(fd, replies, sizeof(replies), MSG_DONTWAIT) > 0)
			;
		host->states[i / USED_CHANNELS][i % USED_CHANNELS].unread = 0;
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

/* The monitor waits, so it serves first what is there. */
static void pass(struct host *host, struct input *input)
{
	uint8_t time = take_u8(input);

	run(host);
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
		set_vcpus(host, input);
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
			send_acquired(host, input, take_id(input, USED_OUTPUTS), what / 16 % 3,
				      ACQUIRED_ANSWER);
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
		pass(host, input);
		break;
	default:
		switch (what >> 4 & 7) {
		case 7:
			change_settings(host, input);
			break;
		case 6:
			name_interfaces(host, input);
			break;
		case 5:
			give_area(host, input);
			break;
		case 4:
			count_packets(input);
			break;
		default:
			read_link(host);
		}
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

static void hear_greeting(const struct host *host)
{
	static const enum link_type types[] = {LINK_HELLO, LINK_HELLO_END};
	struct link_message message;
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];

	for (size_t i = 0; i < array_size(types); i++) {
		require(link_receive(host->link, &message, fds, &n_fds, LINK_TO_MANAGER) == 1);
		require(message.type == types[i] && n_fds == 0);
	}
}

static void start(struct host *host, struct input *input)
{
	uint8_t bits = take_u8(input);
	struct link_message message = {
		.type = LINK_SETUP,
		.setup.version = LINK_VERSION,
		.setup.settings = {.silence_protects = !(bits & 4),
				   .transition_interval_us = bits & 32 ? 1000 : 0},
	};
	uint32_t rate = bits & 16 ? 1u + take_u8(input) * 100u : 0, burst = take_u8(input);
	struct monitor_options options = MONITOR_OPTIONS_NONE;
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
	host->monitor = calloc(1, sizeof(*host->monitor));
	require(host->monitor);
	options.link_fd = pair[1];
	begin(host->monitor, &options);
	require(set_up(host->monitor, &options) == 0);
	require(turn(host->monitor) == 0);
	hear_greeting(host);
	if (host->lazy) /* a few messages fill it */
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	send_link(host, &message, &fd, 1);
	require(turn(host->monitor) == 0);
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
	monitor_free(host.monitor);
	(void)close(host.link);
	for (uint32_t d = 0; d < USED_DOMAINS; d++)
		close_guests(&host, d);
	return 0;
}
