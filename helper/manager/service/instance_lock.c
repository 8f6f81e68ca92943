/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/instance_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"
#include "common/value.h"

#define POLL_MS 10
#define POLLS_BEFORE_KILL 400 /* 4 s, twice as long as a manager waits for its monitor to end */
#define POLLS 1000
#define COMM "vmpower-monitor\n" /* 15 characters: not truncated */

/* The pid in the file; 0: none. */
static pid_t read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	uint32_t pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return parse_u32(text, INT32_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

/* The pid may have been reused: only kill a process of that name. */
static void kill_monitor(int fd)
{
	char path[64], comm[32] = "";
	pid_t pid = read_pid(fd);
	cleanup_close int proc = -1;

	if (pid <= 1)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	proc = open(path, O_RDONLY | O_CLOEXEC);
	if (proc < 0 || read(proc, comm, sizeof(comm) - 1) <= 0 || strcmp(comm, COMM) != 0)
		return;
	log_warning("monitor (pid %d) of a predecessor has not ended: it is killed", (int)pid);
	(void)kill(pid, SIGKILL);
}

int instance_lock(const char *runtime_dir)
{
	cleanup_close int fd = -1;
	char path[PATH_MAX];
	int r = path_join(path, runtime_dir, "lock");

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < POLLS; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return take_fd(&fd);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (i == 0)
			log_notice("a predecessor has not ended yet; waiting");
		if (i == POLLS_BEFORE_KILL)
			kill_monitor(fd);
		(void)poll(NULL, 0, POLL_MS);
	}
	return -EBUSY;
}

void instance_lock_write_pid(int fd, pid_t monitor)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)monitor);

	if (fd >= 0 && (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n))
		log_warning("can't write the monitor's pid to the lock: %s", strerror(errno));
}
