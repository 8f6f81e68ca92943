/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel modules of an initramfs. */
#ifndef VMPOWER_TESTS_GUEST_MODULES_H
#define VMPOWER_TESTS_GUEST_MODULES_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/**
 * load_modules() - load what /modules lists, in that order
 * @who:	begins the lines about what can't be loaded
 *
 * Return: false: there is no list.
 */
static inline bool load_modules(const char *who)
{
	FILE *list = fopen("/modules", "re");
	char path[256];

	if (!list)
		return false;
	while (fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			printf("%s: module %s: %s\n", who, path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	fclose(list);
	return true;
}

#endif
