/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths, built without truncation. */
#ifndef VMPOWER_COMMON_PATH_H
#define VMPOWER_COMMON_PATH_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/** path_join() - write "@dir/@name" to @path. Return: 0; -ENAMETOOLONG */
static inline int path_join(char path[static PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

#endif
