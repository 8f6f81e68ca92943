/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/unix_socket.h"
#include "guest/port/ports.h"

#define NAP_NS (2 * NS_PER_MS)

int port_open(const char *directory, unsigned int number, struct port *port)
{
	char path[PORT_PATH_SIZE];
	struct stat st;
	int r = ports_path(directory, number, path);

	port->fd = -1;
	port->agent = false;
	port->number = number;
	replies_reset(&port->replies);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	port->socket = S_ISSOCK(st.st_mode);
	if (port->socket) {
		r = unix_connect(path, SOCK_STREAM);
		/* its one connection is taken */
		return r == -EAGAIN ? -EBUSY : r < 0 ? r : (port->fd = r, 0);
	}
	port->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (port->fd >= 0)
		return 0;
	return errno == EMFILE ? -EBUSY : -errno; /* EMFILE: older kernels */
}

void port_close(struct port *port)
{
	close_fd(&port->fd);
}

/*
 * Wait for poll @events. A port whose host is away is always ready: sleep a little instead.
 * Return: 0: look again; -ENOTCONN, -EAGAIN: the time is over.
 */
static int wait_for(const struct port *port, short events, uint64_t until_ns)
{
	struct pollfd polled = {.fd = port->fd, .events = events};
	const struct timespec nap = {.tv_nsec = NAP_NS};
	uint64_t now_ns = monotonic_ns();
	struct timespec left = {0};
	bool over = now_ns >= until_ns;

	if (!over) {
		left.tv_sec = (time_t)((until_ns - now_ns) / NS_PER_S);
		left.tv_nsec = (long)((until_ns - now_ns) % NS_PER_S);
	}
	if (ppoll(&polled, 1, &left, NULL) < 0 && errno != EINTR)
		return -errno;
	if (over)
		return polled.revents & POLLHUP ? -ENOTCONN : -EAGAIN;
	if (polled.revents & POLLHUP)
		(void)nanosleep(&nap, NULL);
	return 0;
}

int port_send(struct port *port, const unsigned char *bytes, size_t size, uint64_t until_ns)
{
	for (;;) {
		ssize_t n = port->socket ? send(port->fd, bytes, size, MSG_NOSIGNAL)
					 : write(port->fd, bytes, size);
		int r;

		if (n == (ssize_t)size)
			return 0;
		if (n >= 0)
			return -EIO; /* the kernel takes up to 32 KiB whole */
		if (errno == EPIPE || errno == ECONNRESET)
			return -ENOTCONN;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(port, POLLOUT, until_ns);
		if (r < 0)
			return r;
	}
}

/* An agent has taken the replies apart already. */
static int receive_whole(struct port *port, uint64_t until_ns, struct reply *reply)
{
	for (;;) {
		ssize_t n = recv(port->fd, reply, sizeof(*reply), 0);
		int r;

		if (n == (ssize_t)sizeof(*reply))
			return 0;
		if (n >= 0 || errno == ECONNRESET)
			return -ENOTCONN;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(port, POLLIN, until_ns);
		if (r < 0)
			return r;
	}
}

int port_receive(struct port *port, uint64_t until_ns, struct reply *reply)
{
	if (port->agent)
		return receive_whole(port, until_ns, reply);
	while (!replies_next(&port->replies, reply)) {
		size_t room;
		unsigned char *bytes = replies_room(&port->replies, &room);
		ssize_t n = read(port->fd, bytes, room);
		int r;

		if (n > 0) {
			replies_commit(&port->replies, (size_t)n);
			continue;
		}
		if (n == 0 && port->socket)
			return -ENOTCONN;
		if (n < 0 && errno == ECONNRESET)
			return -ENOTCONN;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(port, POLLIN, until_ns); /* n == 0: no host is connected */
		if (r < 0)
			return r;
	}
	return 0;
}
