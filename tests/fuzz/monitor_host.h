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

enum ownership { NOT_OURS, ASKED_FOR, OURS };

struct host {
	struct channel_monitor *monitor;
	int link;	   /* the manager's end */
	bool honest, lazy; /* reads the link only when told to */
	bool ended;
	int guests[USED_DOMAINS][USED_CHANNELS]; /* QEMU's ends; -1: none */
	struct link_domain like;		 /* every new domain */
	/* what an honest manager knows */
	uint32_t n_vcpus[USED_DOMAINS];
	bool known[USED_OUTPUTS];
	uint32_t method[USED_OUTPUTS];
	enum ownership owner[USED_OUTPUTS];
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
				 uint32_t n_files)
{
	struct link_message message = {.type = LINK_ACQUIRED, .acquired.frequency_domain = id};
	uint8_t kind = take_u8(input);
	int fds[2] = {-1, -1};

	message.acquired.reason = (uint8_t)(host->honest ? ACQUIRED_ANSWER : kind % 4);
	if (kind >= 0xe0) {
		message.acquired.error = -EBUSY;
		n_files = 0;
	}
	for (uint32_t i = 0; i < n_files; i++)
		fds[i] = output_file((uint8_t)(kind >> i));
	send_link(host, &message, fds, n_files);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	if (host->honest)
		host->owner[id] = n_files > 0 ? OURS : NOT_OURS;
}

static inline void answer_acquisition(struct host *host, struct input *input, uint32_t id)
{
	if (host->owner[id] == ASKED_FOR)
		send_acquired(host, input, id, host->method[id] == METHOD_LIMITS ? 2 : 1);
}

static inline void heed(struct host *host, const struct link_message *message)
{
	uint32_t id = message->id;

	if (!host->honest)
		return;
	switch ((enum link_type)message->type) {
	case LINK_ACQUIRE:
		require(id < USED_OUTPUTS && host->owner[id] == NOT_OURS);
		host->owner[id] = ASKED_FOR;
		break;
	case LINK_RELEASE:
		require(id < USED_OUTPUTS && host->owner[id] == OURS);
		host->owner[id] = NOT_OURS;
		break;
	case LINK_FOREIGN:
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
	default:
		require(message->type == LINK_READY);
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

/* Run turns until there is nothing to do; that must happen. */
static inline void run(struct host *host)
{
	struct pollfd pollfd = {.fd = host->monitor->epoll_fd, .events = POLLIN};

	if (host->ended)
		return;
	for (int i = 0; !list_empty(&host->monitor->ready) || poll(&pollfd, 1, 0) > 0; i++) {
		require(i < MAX_IDLE_TURNS);
		if (turn(host->monitor) != 0) {
			require(!host->honest);
			host->ended = true;
			return;
		}
		if (!host->lazy)
			read_link(host);
	}
	check_monitor(host->monitor, host->honest ? USED_DOMAINS : MAX_DOMAINS,
		      host->honest ? USED_OUTPUTS : MAX_FREQUENCY_DOMAINS);
}

#endif
