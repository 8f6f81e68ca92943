/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"

/* Return: bytes read, at most @size; -errno */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, text + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int whole_file_read(int dir, const char *path, size_t max, bool ours, char **text, size_t *size)
{
	cleanup_close int fd =
		openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *content = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) ||
	    (ours && (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))))
		return -EPERM;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	content = malloc((size_t)st.st_size + 1);
	if (!content)
		return -ENOMEM;
	n = read_all(fd, content, (size_t)st.st_size);
	if (n < 0)
		return (int)n;
	content[n] = '\0';
	*text = take_ptr(content);
	*size = (size_t)n;
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_new(int dir, const char *path, const char *text, size_t size,
		     const struct whole_file_write *how)
{
	cleanup_close int fd = -1;
	int r;

	if (unlinkat(dir, path, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, size);
	if (r == 0 && fchmod(fd, how->mode) < 0)
		r = -errno;
	if (r == 0 && how->durable && fsync(fd) < 0)
		r = -errno;
	/* Some file systems report only on close that they are full. */
	if (close(take_fd(&fd)) < 0 && r == 0)
		r = -errno;
	return r;
}

static int sync_directory(int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = ".";
	cleanup_close int fd = -1;

	if (slash) {
		size_t length = (size_t)(slash - path) + 1;

		if (length >= sizeof(parent))
			return -ENAMETOOLONG;
		memcpy(parent, path, length);
		parent[length] = '\0';
	}
	fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems can't fsync a directory; there is no alternative. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return -errno;
	return 0;
}

int whole_file_replace(int dir, const char *path, const char *text, size_t size,
		       const struct whole_file_write *how)
{
	cleanup_free char *new = NULL;
	int r;

	ASSERT(how->suffix[0]); /* else write_new() would unlink the old file */
	if (!*path || path[strlen(path) - 1] == '/')
		return -EISDIR;
	if (asprintf(&new, "%s%s", path, how->suffix) < 0) {
		new = NULL;
		return -ENOMEM;
	}
	r = write_new(dir, new, text, size, how);
	if (r == 0 && renameat(dir, new, dir, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, new, 0);
		return r;
	}
	return how->durable ? sync_directory(dir, path) : 0;
}

int whole_file_remove(int dir, const char *path)
{
	if (unlinkat(dir, path, 0) < 0 && errno != ENOENT)
		return -errno;
	return sync_directory(dir, path);
}
