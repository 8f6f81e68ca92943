/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpower-monitor: serves guests' channels, with managers that come and go. A service manager, or
 * vmpowerd where there is none, starts it with a listening socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd_limit.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/link/message.h"
#include "helper/monitor/channel_monitor.h"
#include "helper/monitor/sandbox.h"

#define LEASE_S 60u
#define LONGEST_LEASE_S 86400u
#define CONFINE_PAUSE_S 1u

static void ignore_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* Ctrl-C is for the manager, which ends the monitor after it has restored everything. */
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
}

static bool is_listener(int fd)
{
	socklen_t length = sizeof(int);
	int type = 0, listens = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens;
}

/* The manager's user owns the socket to which it connects. */
static uid_t owner_of(int listen_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(address) - 1; /* always ends with a NUL */
	struct stat st;

	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0 ||
	    stat(address.sun_path, &st) < 0)
		return (uid_t)-1;
	return st.st_uid;
}

static struct link_program own_program(void)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return (struct link_program){0};
	return link_program_of(&st);
}

/* Return: a socket that is connected to $NOTIFY_SOCKET; -1: there is none */
static int connect_notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	cleanup_close int fd = -1;

	if (length == 0 || length >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -1;
	return take_fd(&fd);
}

/* Half of WatchdogSec=; 0: none */
static uint64_t watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	uint32_t n;

	return usec && parse_u32(usec, UINT32_MAX, &n) == 0 ? n * NS_PER_US / 2 : 0;
}

/*
 * systemd starts a monitor that can't be confined anew in a moment, again and again: it has a
 * back-off since version 254 only. vmpowerd has one.
 */
static int confine(void *user)
{
	int r = sandbox_enter(user);

	if (r < 0 && getenv("NOTIFY_SOCKET"))
		(void)sleep(CONFINE_PAUSE_S);
	return r;
}

static int usage(const char *what)
{
	(void)fprintf(stderr,
		      "vmpower-monitor: %s\n"
		      "usage: vmpower-monitor [--lease SECONDS] [--user UID] [--group GID]\n"
		      "       vmpower-monitor --version | --syscalls\n"
		      "vmpower-monitor.socket or vmpowerd starts it; by itself it does nothing\n",
		      what);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"lease", required_argument, NULL, 'l'}, {"user", required_argument, NULL, 'u'},
		{"group", required_argument, NULL, 'g'}, {"version", no_argument, NULL, 'v'},
		{"syscalls", no_argument, NULL, 's'},	 {0},
	};
	struct sandbox_user user = {0};
	uint32_t lease_s = LEASE_S;
	struct monitor_options monitor = MONITOR_OPTIONS_NONE;
	int option, r = 0;

	log_init("vmpower-monitor", LOG_INFO);
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'l':
			r = parse_u32(optarg, LONGEST_LEASE_S, &lease_s);
			break;
		case 'u':
			r = parse_u32(optarg, UINT32_MAX, &user.uid);
			break;
		case 'g':
			r = parse_u32(optarg, UINT32_MAX, &user.gid);
			break;
		case 'v':
			printf("vmpower-monitor %s\n", VMPOWER_VERSION);
			return EXIT_SUCCESS;
		case 's':
			sandbox_print(stdout);
			return EXIT_SUCCESS;
		default:
			return usage("no such option");
		}
		if (r < 0)
			return usage("a number is wrong");
	}
	if (!is_listener(LINK_LISTEN_FD))
		return usage("fd 3 is no listening socket");
	ignore_signals();
	(void)close_range(LINK_FD, ~0u, 0);
	r = raise_fd_limit();
	if (r < 0)
		log_warning("can't raise the limit of open files: %s", strerror(-r));
	monitor.listen_fd = LINK_LISTEN_FD;
	/* nothing can be done with these */
	monitor.reserved_fd = eventfd(0, EFD_CLOEXEC);
	monitor.spare_fd = eventfd(0, EFD_CLOEXEC);
	monitor.lease_ns = lease_s * NS_PER_S;
	monitor.manager_uid = owner_of(LINK_LISTEN_FD);
	monitor.program = own_program();
	monitor.confine = confine;
	monitor.context = &user;
	monitor.notify_fd = connect_notify();
	monitor.alive_ns = monitor.notify_fd >= 0 ? watchdog_ns() : 0;
	/* listen(2): who connects learns who we are, even if we hang */
	if (monitor.reserved_fd != LINK_FD || monitor.spare_fd != LINK_FD + 1 ||
	    listen(LINK_LISTEN_FD, SOMAXCONN) < 0 || fcntl(LINK_LISTEN_FD, F_SETFL, O_NONBLOCK) < 0)
		return usage("its fds are not as expected");
	r = channel_monitor_main(&monitor);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
