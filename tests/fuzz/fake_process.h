/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * monitor_process.c without a process: the test holds the other end of the link. This includes the
 * source. The includer defines fake_killed(), called when the process ends.
 */
#ifndef VMPOWER_TESTS_FUZZ_FAKE_PROCESS_H
#define VMPOWER_TESTS_FUZZ_FAKE_PROCESS_H

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define FAKE_PID 4242

static int link_end = -1, exit_fd = -1;
static bool alive;

static void fake_killed(void);

static int fake_spawn(pid_t *pid, const char *path, char **argv)
{
	require(path[0] && argv[0] && !argv[1]);
	*pid = FAKE_PID;
	alive = true;
	return 0;
}

static int fake_dup2(int fd)
{
	if (link_end >= 0)
		(void)close(link_end);
	link_end = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	require(link_end >= 0);
	return 0;
}

static int fake_pidfd_open(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (exit_fd >= 0)
		(void)close(exit_fd);
	exit_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	require(exit_fd >= 0);
	return fd;
}

static int fake_kill(pid_t pid)
{
	require(pid == FAKE_PID);
	if (alive)
		require(eventfd_write(exit_fd, 1) == 0);
	alive = false;
	fake_killed();
	if (link_end >= 0)
		(void)close(link_end);
	link_end = -1;
	return 0;
}

/* Close its link and end it. */
static int fake_poll(void)
{
	(void)fake_kill(FAKE_PID);
	return 1;
}

static int fake_waitid(siginfo_t *info)
{
	info->si_pid = alive ? 0 : FAKE_PID;
	info->si_code = CLD_KILLED;
	info->si_status = 9;
	return 0;
}

#define posix_spawn(pid, path, actions, attributes, argv, envp) fake_spawn(pid, path, argv)
#define posix_spawn_file_actions_adddup2(actions, fd, to) fake_dup2(fd)
#define pidfd_open(pid, flags) fake_pidfd_open()
#define kill(pid, signal) fake_kill(pid)
#define poll(fds, n, timeout) fake_poll()
#define waitid(type, id, info, options) fake_waitid(info)
#define waitpid(pid, status, options) (pid)
#include "helper/manager/monitor/process.c"
#undef kill
#undef poll
#undef waitpid

#endif
