/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpower-monitor: serves guests' channels for vmpowerd, which starts it and owns its link. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd_limit.h"
#include "common/log.h"
#include "helper/link/message.h"
#include "helper/monitor/channel_monitor.h"
#include "helper/monitor/sandbox.h"

static void ignore_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/*
	 * The manager decides when the monitor ends, by closing the link. Signals to the whole
	 * group or service (Ctrl-C, systemctl stop) would end it too early: the manager still
	 * restores baselines, and must not take the monitor's end for a crash.
	 */
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGTERM, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static bool is_link(int fd)
{
	socklen_t length = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	int r;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("vmpower-monitor %s\n", VMPOWER_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc > 1 && strcmp(argv[1], "--syscalls") == 0) {
		sandbox_print(stdout);
		return EXIT_SUCCESS;
	}
	log_init("vmpower-monitor", LOG_INFO);
	if (!is_link(LINK_FD)) {
		log_error("vmpowerd starts this program; by itself it does nothing");
		return EXIT_FAILURE;
	}
	ignore_signals();
	r = raise_fd_limit();
	if (r < 0)
		log_warning("can't raise the limit of open files: %s", strerror(-r));
	return channel_monitor_main(LINK_FD, sandbox_enter) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
