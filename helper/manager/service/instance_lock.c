/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/instance_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"

#define POLL_MS 10
#define POLLS 1000

/* Return: 0; -EWOULDBLOCK: someone else holds it; -errno */
static int try_lock(int fd)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int open_lock(const char *runtime_dir)
{
	char path[PATH_MAX];
	int r = path_join(path, runtime_dir, MANAGER_LOCK);

	if (r < 0)
		return r;
	r = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	return r < 0 ? -errno : r;
}

int instance_lock_try(const char *runtime_dir)
{
	cleanup_close int fd = open_lock(runtime_dir);
	int r = fd < 0 ? fd : try_lock(fd);

	return r < 0 ? r : take_fd(&fd);
}

int instance_lock(const char *runtime_dir)
{
	cleanup_close int fd = open_lock(runtime_dir);
	int r = fd < 0 ? fd : -EBUSY;

	for (int i = 0; fd >= 0 && i < POLLS; i++) {
		r = try_lock(fd);
		if (r != -EWOULDBLOCK)
			break;
		if (i == 0)
			log_notice("a predecessor has not ended yet; waiting");
		(void)poll(NULL, 0, POLL_MS);
	}
	if (r == 0)
		return take_fd(&fd);
	return r == -EWOULDBLOCK ? -EBUSY : r;
}
