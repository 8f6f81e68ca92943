/* SPDX-License-Identifier: BSD-3-Clause */
/* Read and replace files as a whole. Paths are relative to the directory fd @dir or AT_FDCWD. */
#ifndef VMPOWER_COMMON_WHOLE_FILE_H
#define VMPOWER_COMMON_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * whole_file_read() - read a regular file
 * @max:	largest size allowed, in bytes
 * @ours:	refuse a file that another user owns or others may write
 * @text:	set to the content and a NUL, owned by the caller (free())
 * @size:	set to its size in bytes, without the NUL
 *
 * Does not follow a symbolic link in the last component and never blocks on a FIFO.
 *
 * Return: 0; -EPERM (not a regular file, or not @ours); -EFBIG (over @max); -ENOMEM; -errno.
 */
int whole_file_read(int dir, const char *path, size_t max, bool ours, char **text, size_t *size);

struct whole_file_write {
	const char *suffix; /* of the new file's name, until it replaces @path */
	mode_t mode;	    /* regardless of the umask */
	bool durable;	    /* survive a crash of the host: fsync file and directory */
};

/**
 * whole_file_replace() - replace @path with a new file by rename(2)
 *
 * Readers see the old or the new content, never a part. A leftover of a crash, named @path plus
 * suffix, is removed first, so concurrent writers need different suffixes.
 *
 * Return: 0; -errno: the old file is still in place, unless only the fsync of the directory failed:
 * then either file may survive a crash.
 */
int whole_file_replace(int dir, const char *path, const char *text, size_t size,
		       const struct whole_file_write *how);

/** whole_file_remove() - unlink durably. Return: 0, even if there was no file; -errno */
int whole_file_remove(int dir, const char *path);

#endif
