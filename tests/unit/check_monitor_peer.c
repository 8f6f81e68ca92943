/* SPDX-License-Identifier: BSD-3-Clause */
/* Which process may be killed for a monitor that hangs: that monitor, and no other. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/path.h"
#include "tests/unit/runner.h"

static bool old_kernel; /* before 6.5: without SO_PEERPIDFD */

static int get_option(int fd, int level, int option, void *value, socklen_t *length);

#define getsockopt(fd, level, option, value, length) get_option(fd, level, option, value, length)
#include "helper/manager/monitor/peer.c"
#undef getsockopt

static int get_option(int fd, int level, int option, void *value, socklen_t *length)
{
	if (old_kernel && option == SO_PEERPIDFD) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return getsockopt(fd, level, option, value, length);
}

static char directory[] = "/tmp/vmpower-peer-XXXXXX";
static char path[PATH_MAX];
static struct monitor_peer peer;
static int link_fd, listener;
static pid_t child;

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(path_join(path, directory, "socket"), 0);
	listener = unix_listen(path, SOCK_SEQPACKET, 0600);
	ck_assert_int_ge(listener, 0);
	monitor_peer_init(&peer);
	link_fd = -1;
	child = 0;
	old_kernel = false;
}

static void end_child(void)
{
	if (child > 0) {
		(void)kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
	child = 0;
}

static void tear_down(void)
{
	end_child();
	monitor_peer_clear(&peer);
	close_fd(&link_fd);
	close_fd(&listener);
	(void)unlink(path);
	(void)rmdir(directory);
}

static void go_on(int fd)
{
	char byte = 'x';

	ck_assert_int_eq(write(fd, &byte, 1), 1);
}

/* A process that listens, and if it @accepts says something. */
static void start_child(bool accepts)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int fd;

		(void)listen(listener, 1);
		(void)fcntl(listener, F_SETFL, 0);
		go_on(ready[1]);
		fd = accepts ? accept(listener, NULL, NULL) : -1;
		if (fd >= 0)
			go_on(fd);
		for (;;)
			(void)pause();
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	link_fd = unix_connect_asking(path, SOCK_SEQPACKET);
	ck_assert_int_ge(link_fd, 0);
}

static bool is_killed(void)
{
	siginfo_t info;

	return monitor_peer_kill(&peer) &&
	       waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0;
}

FIXTURE(set_up, tear_down)

TEST(the_one_that_greets)
{
	struct pollfd message = {.events = POLLIN};

	start_child(true);
	message.fd = link_fd;
	ck_assert_int_eq(poll(&message, 1, 10000), 1);
	ck_assert_int_eq(monitor_peer_greets(&peer, link_fd), 0);
	ck_assert_int_eq(peer.pid, child);
	ck_assert(is_killed());
}

TEST(nothing_was_said)
{
	start_child(false);
	ck_assert_int_eq(monitor_peer_greets(&peer, link_fd), -EAGAIN);
	ck_assert(!monitor_peer_kill(&peer));
}

TEST(it_greets_and_ends)
{
	struct pollfd message = {.events = POLLIN};

	start_child(true);
	message.fd = link_fd;
	ck_assert_int_eq(poll(&message, 1, 10000), 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	message.events = POLLRDHUP;
	ck_assert_int_eq(poll(&message, 1, 10000), 1);
	/* not reaped yet, so its pid is nobody else's: but nobody knows that */
	ck_assert_int_eq(monitor_peer_greets(&peer, link_fd), 0);
	ck_assert_int_eq(peer.pid, child);
	ck_assert_int_eq(peer.pidfd, -1);
	ck_assert(!monitor_peer_kill(&peer));
}

TEST(the_one_that_listens)
{
	start_child(false);
	if (!monitor_peer_listens(&peer, link_fd))
		return; /* an old kernel */
	ck_assert_int_eq(peer.pid, child);
	ck_assert(is_killed());
}

TEST(the_one_that_listened_has_ended)
{
	for (int old = 0; old < 2; old++) {
		old_kernel = old;
		start_child(false);
		end_child();
		ck_assert(!monitor_peer_listens(&peer, link_fd));
		ck_assert_int_eq(peer.pid, 0);
		ck_assert(!monitor_peer_kill(&peer));
		close_fd(&link_fd);
	}
}

/* On an old kernel the pid may be another process's. */
TEST(another_program_has_the_pid)
{
	old_kernel = true;
	start_child(false);
	ck_assert(!monitor_peer_listens(&peer, link_fd));
	ck_assert(!monitor_peer_kill(&peer));
	ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0);
}

TEST(we_listen_ourselves)
{
	link_fd = unix_connect_asking(path, SOCK_SEQPACKET);
	ck_assert_int_ge(link_fd, 0);
	ck_assert(!monitor_peer_listens(&peer, link_fd));
	ck_assert(!monitor_peer_kill(&peer));
}

/* Return: is a process with a program of this name a monitor? */
static bool runs_monitor(const char *name, bool deleted)
{
	char program[PATH_MAX], command[2 * PATH_MAX];
	int started[2];
	bool is;

	ck_assert_int_eq(path_join(program, directory, name), 0);
	(void)snprintf(command, sizeof(command), "cp /bin/sleep %s", program);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(pipe2(started, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		(void)execl(program, name, "600", NULL);
		_exit(1);
	}
	(void)close(started[1]);
	ck_assert_int_eq(read(started[0], command, 1), 0); /* it was executed */
	(void)close(started[0]);
	if (deleted)
		(void)unlink(program);
	is = is_monitor(child);
	end_child();
	(void)unlink(program);
	return is;
}

TEST(name_of_the_program)
{
	ck_assert(runs_monitor("vmpower-monitor", false));
	ck_assert(runs_monitor("vmpower-monitor", true));
	ck_assert(!runs_monitor("sleep", false));
	ck_assert(!runs_monitor("another-vmpower-monitor", false));
	ck_assert(!is_monitor(getpid()));
}
