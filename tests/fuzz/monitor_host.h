/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's end of a monitor that runs turn by turn. An honest manager keeps track of its
 * state, and checks that each message of the monitor is due.
 */
#ifndef VMPOWER_TESTS_FUZZ_MONITOR_HOST_H
#define VMPOWER_TESTS_FUZZ_MONITOR_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/link/shared_state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_monitor.h"
#include "tests/fuzz/link_promises.h"
#include "tests/fuzz/monitor_promises.h"

#define USED_DOMAINS 3u /* likely ids */
#define USED_OUTPUTS 4u
#define USED_CHANNELS 3u /* of each domain */
#define MAX_IDLE_TURNS 400

/* like enum frequency_output_state */
enum ownership { NOT_OURS, ASKED_FOR, OURS };

struct host {
	struct channel_monitor *monitor;
	int link;	   /* the manager's end */
	bool honest, lazy; /* reads the link only when told to */
	bool ended;
	int guests[USED_DOMAINS][USED_CHANNELS]; /* QEMU's ends; -1: none */
	struct guest {
		uint64_t wrote_ns; /* when it last wrote */
		bool patient;	   /* it may have said that it waits for late replies */
		int unread;	   /* bytes of replies */
	} states[USED_DOMAINS][USED_CHANNELS];
	struct link_domain like; /* every new domain */
	/* what an honest manager knows */
	uint32_t n_vcpus[USED_DOMAINS];
	bool known[USED_OUTPUTS];
	uint32_t method[USED_OUTPUTS];
	enum ownership owner[USED_OUTPUTS];
	bool handed_over[USED_OUTPUTS];
	bool under_way[USED_OUTPUTS]; /* TAKEN_OVER, which an ACQUIRE that crosses it makes void */
	/* by channel: a vote was taken over for it, and it was not added yet; it was added */
	uint64_t taken_over[MAX_DOMAINS], added[USED_DOMAINS];
};

static inline void run(struct host *host);

static inline void send_link(struct host *host, const struct link_message *message, const int *fds,
			     unsigned int n_fds)
{
	int r;

	check_link(message, link_size(message), n_fds);
	r = link_send(host->link, message, fds, n_fds);
	if (r == -EAGAIN) {
		run(host);
		r = link_send(host->link, message, fds, n_fds);
	}
	require(r == 0 || host->ended);
}

/* Files that accept writes, and some that do not. */
static inline int output_file(uint8_t kind)
{
	static const char text[] = "1000\n";
	int fd;

	switch (kind % 8) {
	case 0:
		return open("/dev/full", O_RDWR | O_CLOEXEC);
	case 1:
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	default:
		fd = memfd_create("scaling_max_freq", MFD_CLOEXEC);
		if (kind & 8)
			require(pwrite(fd, text, sizeof(text), 0) == sizeof(text));
		return fd;
	}
}

static inline void send_acquired(struct host *host, struct input *input, uint32_t id,
				 uint32_t n_files, enum acquired_reason reason)
{
	struct link_message message = {.type = LINK_ACQUIRED, .acquired.frequency_domain = id};
	uint8_t kind = take_u8(input);
	int fds[2] = {-1, -1};

	message.acquired.reason = (uint8_t)(host->honest ? reason : kind % 4);
	message.acquired.decides = kind / 64 % N_DECIDING_LIMITS;
	message.acquired.restarted = reason == ACQUIRED_RENEWED && (kind & 0x10);
	if (kind & 0x20)
		message.acquired.baseline_max_khz = 400000;
	if ((kind & 0x60) == 0x60) /* a minimum is known with its maximum */
		message.acquired.baseline_min_khz = 200000;
	if (kind >= 0xe0) {
		message.acquired.error = -EBUSY;
		n_files = 0;
	}
	for (uint32_t i = 0; i < n_files; i++)
		fds[i] = output_file((uint8_t)(kind >> i));
	send_link(host, &message, fds, n_files);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	if (host->honest && reason != ACQUIRED_RENEWED)
		host->owner[id] = n_files > 0 ? OURS : NOT_OURS;
}

/* An answer, if one is due; else new files; else, once, what a predecessor had. */
static inline void answer_acquisition(struct host *host, struct input *input, uint32_t id)
{
	uint32_t n_files = host->method[id] == METHOD_LIMITS ? 2 : 1;

	if (host->owner[id] != NOT_OURS) {
		send_acquired(host, input, id, n_files,
			      host->owner[id] == OURS ? ACQUIRED_RENEWED : ACQUIRED_ANSWER);
		return;
	}
	if (host->lazy || !host->known[id] || host->handed_over[id])
		return;
	run(host);
	host->handed_over[id] = true;
	if (host->owner[id] == NOT_OURS && !host->ended) {
		host->under_way[id] = true;
		send_acquired(host, input, id, n_files, ACQUIRED_TAKEN_OVER);
	}
}

static inline void heed(struct host *host, const struct link_message *message)
{
	uint32_t id = message->id;

	if (!host->honest)
		return;
	switch ((enum link_type)message->type) {
	case LINK_ACQUIRE:
		require(id < USED_OUTPUTS && (host->owner[id] == NOT_OURS || host->under_way[id]));
		host->owner[id] = ASKED_FOR;
		host->handed_over[id] = true; /* TAKEN_OVER would be too late */
		break;
	case LINK_RELEASE:
		require(id < USED_OUTPUTS && host->owner[id] == OURS);
		host->owner[id] = NOT_OURS;
		host->handed_over[id] = true;
		break;
	case LINK_WRITE_FAILED:
		id = message->write_failed.frequency_domain;
		require(id < USED_OUTPUTS && host->owner[id] == OURS);
		break;
	case LINK_REFUSED:
		require(message->refused.vcpu <= MAX_DOMAIN_VCPUS);
		/* fall through */
	case LINK_CHANNEL_GONE:
		require(id / MAX_DOMAIN_CHANNELS < USED_DOMAINS &&
			id % MAX_DOMAIN_CHANNELS < USED_CHANNELS);
		break;
	case LINK_TRAFFIC_WANTED:
		require(message->traffic_wanted.domain < USED_DOMAINS);
		break;
	default:
		require(message->type == LINK_READY || message->type == LINK_HOUR_WANTED);
	}
}

static inline void read_link(struct host *host)
{
	static struct link_message message;
	int fds[UNIX_MAX_FDS], r;
	unsigned int n_fds;

	while ((r = link_receive(host->link, &message, fds, &n_fds, LINK_TO_MANAGER)) > 0) {
		require(n_fds == 0);
		heed(host, &message);
	}
	require(r == -EAGAIN || (r == 0 && host->ended));
}

static inline int unread_replies(int fd)
{
	int n = 0;

	require(fd < 0 || ioctl(fd, FIONREAD, &n) == 0);
	return n;
}

/* Each guest was sent what it waits for, and nothing that it would take for something else. */
static inline void check_replies(struct host *host)
{
	for (uint32_t i = 0; i < USED_DOMAINS * USED_CHANNELS; i++) {
		uint32_t domain = i / USED_CHANNELS, channel = i % USED_CHANNELS;
		struct guest *guest = &host->states[domain][channel];
		int unread = unread_replies(host->guests[domain][channel]);

		require(unread <= guest->unread || guest->patient ||
			fake_now_ns - guest->wrote_ns <= GUEST_PATIENCE_NS);
		guest->unread = unread;
	}
}

static inline void check_host(struct host *host)
{
	struct checked checked = {
		.monitor = host->monitor,
		.n_domains = host->honest ? USED_DOMAINS : MAX_DOMAINS,
		.n_outputs = host->honest ? USED_OUTPUTS : MAX_FREQUENCY_DOMAINS,
		.taken_over = host->honest ? host->taken_over : NULL,
	};

	check_monitor(&checked);
	if (!host->honest)
		return;
	check_replies(host);
	/* both sides know whose it is, once all messages have arrived */
	for (uint32_t id = 0; !host->lazy && id < USED_OUTPUTS; id++)
		require(host->owner[id] ==
			(host->monitor->outputs[id]
				 ? (enum ownership)host->monitor->outputs[id]->state
				 : NOT_OURS));
}

/* Run turns until there is nothing to do; that must happen. */
static inline void run(struct host *host)
{
	struct pollfd pollfd = {.fd = host->monitor->epoll_fd, .events = POLLIN};

	if (host->ended)
		return;
	for (int i = 0; arbiter_is_dirty(host->monitor->arbiter) || poll(&pollfd, 1, 0) > 0; i++) {
		require(i < MAX_IDLE_TURNS);
		if (turn(host->monitor) != 0) {
			require(!host->honest);
			host->ended = true;
			return;
		}
		if (!host->lazy)
			read_link(host);
	}
	memset(host->under_way, 0, sizeof(host->under_way));
	check_host(host);
}

#endif
