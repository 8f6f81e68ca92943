/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cleanup attributes: what a scope acquires is released on every exit.
 *
 *	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
 *
 *	if (fd < 0)
 *		return -errno;
 *	...
 *	return take_fd(&fd); // or let it be closed
 */
#ifndef VMPOWER_COMMON_CLEANUP_H
#define VMPOWER_COMMON_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(f) __attribute__((cleanup(f)))

/* Close *fd unless it is negative, and set it to -1. Preserves errno. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd);
		*fd = -1;
		errno = saved;
	}
}

/* Close @n fds, none of them negative; the caller forgets them. */
static inline void close_fds(const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		int fd = fds[i];

		close_fd(&fd);
	}
}

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

static inline void close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* Close a stream after writing (a file, open_memstream(3)). Return: was everything written? */
static inline bool close_written(FILE *f)
{
	bool failed = ferror(f) != 0;

	return fclose(f) == 0 && !failed;
}

static inline void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define cleanup_close cleanup(close_fd)
#define cleanup_free cleanup(free_pointer)
#define cleanup_fclose cleanup(close_file)
#define cleanup_closedir cleanup(close_dir)

/* Move what a cleanup variable holds to another owner: the scope no longer releases it. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) _taken = (p);                                                        \
		(p) = NULL;                                                                        \
		_taken;                                                                            \
	})

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define array_size(a) (sizeof(a) / sizeof((a)[0]))

#endif
