/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/value.h"

#define INTERRUPTED_MAX 16 /* in a storm of signals, give up */

static ssize_t read_retried(int fd, char *buffer, size_t size)
{
	ssize_t n = -1;

	for (int i = 0; i < INTERRUPTED_MAX; i++) {
		n = read(fd, buffer, size);
		if (n >= 0 || errno != EINTR)
			break;
	}
	return n < 0 ? -errno : n;
}

int sysfs_read(int dir, const char *name, char *text, size_t size)
{
	/* O_NONBLOCK: do not wait for the other end of a FIFO. */
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t used = 0;
	char *newline = NULL;

	if (size == 0)
		return -EMSGSIZE;
	text[0] = '\0';
	if (fd < 0)
		return -errno;

	while (used < size) {
		ssize_t n = read_retried(fd, text + used, size - used);

		if (n < 0) {
			text[0] = '\0';
			return (int)n;
		}
		if (n == 0)
			break;
		newline = memchr(text + used, '\n', (size_t)n);
		used += (size_t)n;
		if (newline)
			break;
	}
	if (newline)
		used = (size_t)(newline - text);
	if (used == size) {
		text[0] = '\0';
		return -EMSGSIZE;
	}
	for (size_t i = 0; i < used; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e) {
			text[0] = '\0';
			return -EBADMSG;
		}
	}
	text[used] = '\0';
	return (int)used;
}

int sysfs_read_u32(int dir, const char *name, uint32_t max, uint32_t *value)
{
	char text[32];
	int n = sysfs_read(dir, name, text, sizeof(text));

	if (n < 0)
		return n;
	while (n > 0 && text[n - 1] == ' ')
		text[--n] = '\0';
	return parse_u32(text, max, value);
}

int sysfs_write(int dir, const char *name, const char *text)
{
	cleanup_close int fd = -1;
	char line[257];
	int size = snprintf(line, sizeof(line), "%s\n", text);
	ssize_t n = -1;

	if (size < 0 || (size_t)size >= sizeof(line))
		return -EMSGSIZE;
	fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < INTERRUPTED_MAX; i++) {
		n = write(fd, line, (size_t)size);
		if (n >= 0 || errno != EINTR)
			break;
	}
	if (n < 0)
		return -errno;
	return n == size ? 0 : -EIO;
}

bool sysfs_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

const char *sysfs_remedy(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "vmpowerd needs root or CAP_DAC_OVERRIDE to write it";
	case EROFS:
		return "its unit needs ReadWritePaths=/sys/devices/system/cpu";
	case EBUSY:
	case ENODEV:
	case ENXIO:
		return "its CPUs are offline: bring one online";
	case ENOENT:
		return "its cpufreq driver is gone or lacks this file: load one";
	case EINVAL:
	case ERANGE:
		return "the kernel's cpufreq driver rejects this value: see its log, or set "
		       "another [cpufreq] method";
	case EMFILE:
	case ENFILE:
		return "raise LimitNOFILE= in its unit";
	default:
		return "see the kernel's log";
	}
}

/* The limit in force, below cpuinfo_max_freq; 0: none, or no file shows it. */
static uint32_t platform_limit(int dir)
{
	uint32_t limit_khz, max_khz;

	if (sysfs_read_u32(dir, "bios_limit", HIGHEST_KHZ, &limit_khz) < 0 ||
	    sysfs_read_u32(dir, "cpuinfo_max_freq", HIGHEST_KHZ, &max_khz) < 0)
		return 0;
	return limit_khz < max_khz ? limit_khz : 0;
}

bool platform_holds(int dir, const char *shown, uint32_t written)
{
	uint32_t limit_khz = platform_limit(dir), shown_khz;

	return limit_khz > 0 && written > limit_khz &&
	       parse_u32(shown, UINT32_MAX, &shown_khz) == 0 && shown_khz == limit_khz;
}
