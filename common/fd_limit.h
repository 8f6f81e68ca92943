/* SPDX-License-Identifier: BSD-3-Clause */
/* Manager and monitor need one fd per channel: far more than the default soft limit. */
#ifndef VMPOWER_COMMON_FD_LIMIT_H
#define VMPOWER_COMMON_FD_LIMIT_H

#include <errno.h>
#include <sys/resource.h>

/** raise_fd_limit() - raise the soft limit of open files to the hard limit. Return: 0 or -errno */
static inline int raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

#endif
