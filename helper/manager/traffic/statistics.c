/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

static const struct {
	const char *to_guest, *drops, *from_guest;
} files[] = {
	[VIEW_SWAPPED] = {"tx_packets", "tx_dropped", "rx_packets"},
	[VIEW_MACVTAP] = {"rx_packets", "rx_dropped", "tx_packets"},
	[VIEW_SAME] = {"rx_packets", "rx_dropped", "tx_packets"},
};

static int device_path(char path[static PATH_MAX], const char *sysfs, const char *device,
		       const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/class/net/%s/%s", sysfs, device, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int open_file(int dir, const char *name, int *fd)
{
	*fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return *fd < 0 ? -errno : 0;
}

int statistics_open(struct statistics *statistics, const char *sysfs, const char *device,
		    enum statistics_view view)
{
	cleanup_close int dir = -1;
	char path[PATH_MAX];
	int r = device_path(path, sysfs, device, "statistics");

	if (r < 0)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	statistics->view = view;
	r = open_file(dir, files[view].to_guest, &statistics->to_guest);
	if (r == 0)
		r = open_file(dir, files[view].drops, &statistics->drops);
	if (r == 0)
		r = open_file(dir, files[view].from_guest, &statistics->from_guest);
	if (r < 0)
		statistics_close(statistics);
	return r;
}

void statistics_close(struct statistics *statistics)
{
	close_fd(&statistics->to_guest);
	close_fd(&statistics->drops);
	close_fd(&statistics->from_guest);
}

/* 64 bits in decimal, and a newline. */
static int read_counter(int fd, uint64_t *value)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint64_t number = 0;

	if (n < 0)
		return -errno;
	if (n < 2)
		return -EBADMSG;
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n' && i > 0) {
			*value = number;
			return 0;
		}
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(number, UINT64_C(10), &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			break;
	}
	return -EBADMSG;
}

int statistics_read(const struct statistics *statistics, bool from_guest,
		    struct packet_counts *counts)
{
	int r = read_counter(statistics->to_guest, &counts->to_guest);

	if (r == 0)
		r = read_counter(statistics->drops, &counts->drops);
	if (r == 0 && from_guest)
		r = read_counter(statistics->from_guest, &counts->from_guest);
	if (r == 0 && statistics->view != VIEW_MACVTAP)
		counts->to_guest += counts->drops;
	return r;
}

bool statistics_exist(const char *sysfs, const char *device)
{
	char path[PATH_MAX];

	return device_path(path, sysfs, device, "statistics") == 0 && access(path, F_OK) == 0;
}

bool device_is_tap(const char *sysfs, const char *device)
{
	char path[PATH_MAX];

	return device_path(path, sysfs, device, "tun_flags") == 0 && access(path, F_OK) == 0;
}
