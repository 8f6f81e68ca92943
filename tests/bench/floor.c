/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor: the smallest program that serves a request: epoll_wait, read a frame, pwrite a
 * frequency, send the frame back. It trusts its input, and has no limits, votes or state.
 *
 * usage: floor DIR N FILE...	connects to DIR/0 ... DIR/<N-1>; channel <i> sets FILE <i mod n>
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/bench_frame.h"

#define MAX_EVENTS 64

struct channel {
	int fd, file;
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int connect_to(const char *dir, unsigned int i)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%u", dir, i);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(address.sun_path) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("floor: connect");
	return fd;
}

static void serve(const struct channel *channel)
{
	uint8_t frame[BENCH_FRAME_SIZE];
	ssize_t n = recv(channel->fd, frame, sizeof(frame), 0);

	if (n == 0)
		exit(0);
	if (n != sizeof(frame))
		return;
	if (frame[BENCH_UNIT_AT] == BENCH_MAX)
		n = pwrite(channel->file, "3600000\n", 8, 0);
	else
		n = pwrite(channel->file, "1200000\n", 8, 0);
	frame[BENCH_COMMAND_AT] = n == 8 ? BENCH_ACK : BENCH_NACK;
	(void)send(channel->fd, frame, sizeof(frame), MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAX_EVENTS];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), n_files = argc - 3, *files;
	struct channel *channels;
	unsigned int n_channels;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: floor DIR N FILE...\n");
		return 2;
	}
	bench_raise_fd_limit();
	n_channels = (unsigned int)strtoul(argv[2], NULL, 10);
	channels = calloc(n_channels, sizeof(*channels));
	files = calloc((size_t)n_files, sizeof(*files));
	if (epoll_fd < 0 || !channels || !files)
		die("floor");
	for (int i = 0; i < n_files; i++) {
		files[i] = open(argv[i + 3], O_RDWR | O_CLOEXEC);
		if (files[i] < 0)
			die(argv[i + 3]);
	}
	for (unsigned int i = 0; i < n_channels; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &channels[i]};

		channels[i] =
			(struct channel){connect_to(argv[1], i), files[i % (unsigned)n_files]};
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, channels[i].fd, &event) < 0)
			die("floor: epoll_ctl");
	}
	for (;;) {
		int n = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++)
			serve(events[i].data.ptr);
	}
}
