/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are read and replaced as a whole. Paths are relative to a directory fd or AT_FDCWD. */
#ifndef VMPOWER_COMMON_WHOLE_FILE_H
#define VMPOWER_COMMON_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * whole_file_read() - the content of a regular file
 * @max:	largest size allowed, in bytes
 * @ours:	refuse a file that is another user's or that others may write
 * @text:	allocated, with a NUL behind it, the caller's to free
 * @size:	without that NUL
 *
 * Follows no symbolic link as the last component, and does not wait for the other end of a FIFO.
 *
 * Return: 0; -EPERM (no regular file, or not @ours); -EFBIG (over @max); -ENOMEM; -errno.
 */
int whole_file_read(int dir, const char *path, size_t max, bool ours, char **text, size_t *size);

struct whole_file_write {
	const char *suffix; /* of the new file, beside @path, until it takes its place */
	mode_t mode;	    /* whatever the umask is */
	bool durable;	    /* to survive a crash of the host: file and directory are fsynced */
};

/**
 * whole_file_replace() - put a new file into the place of @path, by rename(2)
 *
 * Readers see the old content or the new one, never a part. A file named @path and suffix, which
 * a crash may have left, is removed first: two writers at a time need different suffixes.
 *
 * Return: 0; -errno: the old file is still there, or (where the directory's fsync failed) it is
 * not certain which one a crash leaves.
 */
int whole_file_replace(int dir, const char *path, const char *text, size_t size,
		       const struct whole_file_write *how);

/** whole_file_remove() - unlink durably. Return: 0, also where there is no file; -errno */
int whole_file_remove(int dir, const char *path);

#endif
