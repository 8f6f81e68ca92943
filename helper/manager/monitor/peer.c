/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"

#define NAME "/vmpower-monitor"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

void monitor_peer_init(struct monitor_peer *peer)
{
	*peer = (struct monitor_peer){.pid = 0, .pidfd = -1};
}

void monitor_peer_clear(struct monitor_peer *peer)
{
	close_fd(&peer->pidfd);
	peer->pid = 0;
}

static int open_pid(pid_t pid)
{
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static bool has_ended(int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	return poll(&end, 1, 0) != 0;
}

int monitor_peer_greets(struct monitor_peer *peer, int fd)
{
	struct ucred sender;
	int r = unix_sender(fd, &sender);

	if (r < 0)
		return r == -EAGAIN ? r : 0;
	peer->pid = sender.pid;
	peer->pidfd = open_pid(sender.pid);
	/* it had the connection then: if it has it now, the pid was its own all the time */
	if (peer->pidfd >= 0 && unix_has_hung_up(fd))
		close_fd(&peer->pidfd);
	return 0;
}

/* Is this our monitor's program, or was it until an upgrade? */
static bool is_monitor(pid_t pid)
{
	static const char deleted[] = " (deleted)";
	char link[32], path[PATH_MAX];
	ssize_t n;
	size_t size;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, path, sizeof(path));
	size = n > 0 ? (size_t)n : 0;
	if (size > strlen(deleted) &&
	    memcmp(path + size - strlen(deleted), deleted, strlen(deleted)) == 0)
		size -= strlen(deleted);
	return size >= strlen(NAME) && memcmp(path + size - strlen(NAME), NAME, strlen(NAME)) == 0;
}

/* Return: a pidfd of the process that called listen(); -1 */
static int open_listener(int fd, pid_t pid)
{
	cleanup_close int pidfd = -1;
	socklen_t length = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) < 0) {
		pidfd = -1;
		if (errno != ENOPROTOOPT)
			return -1;
		/* in this order: then it is the process that was looked at */
		pidfd = open_pid(pid);
		if (pidfd < 0 || !is_monitor(pid))
			return -1;
	}
	return has_ended(pidfd) ? -1 : take_fd(&pidfd);
}

bool monitor_peer_listens(struct monitor_peer *peer, int fd)
{
	struct ucred listener;

	monitor_peer_clear(peer);
	/* our own pid: we have made the socket, and the monitor has not come that far */
	if (unix_peer(fd, &listener) < 0 || listener.pid <= 1 || listener.pid == getpid())
		return false;
	peer->pidfd = open_listener(fd, listener.pid);
	if (peer->pidfd >= 0)
		peer->pid = listener.pid;
	return peer->pidfd >= 0;
}

bool monitor_peer_kill(const struct monitor_peer *peer)
{
	return peer->pidfd >= 0 &&
	       syscall(SYS_pidfd_send_signal, peer->pidfd, SIGKILL, NULL, 0) == 0;
}
