/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/port/ports.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/value.h"

#define SYSFS_PORTS "/sys/class/virtio-ports"
#define PREFIX_LENGTH (sizeof(CHANNEL_NAME_PREFIX) - 1)

/* The number in a port's name. Return: false: not a power port. */
static bool port_number(const char *name, uint32_t *number)
{
	return strncmp(name, CHANNEL_NAME_PREFIX, PREFIX_LENGTH) == 0 &&
	       parse_u32(name + PREFIX_LENGTH, MAX_CHANNEL_NUMBER, number) == 0;
}

/* The name that the host gave the device @entry of /sys; "": none. */
static void sysfs_name(int directory, const char *entry, char *name, size_t size)
{
	cleanup_close int fd = -1;
	char path[300];
	ssize_t n;

	name[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/name", entry) >= (int)sizeof(path))
		return;
	fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, size - 1);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

/*
 * Call @found for each power port, until it returns true. @directory: as ports_list()'s.
 * @device: the path of its device. Return: 0; -errno
 */
static int each_port(const char *directory,
		     bool (*found)(void *context, uint32_t number, const char *device),
		     void *context)
{
	const char *place = directory ? directory : PORTS_DIRECTORY;
	cleanup_closedir DIR *dir = opendir(place);
	struct dirent *entry;
	bool sysfs = false;

	if (!dir && !directory && errno == ENOENT) {
		sysfs = true;
		dir = opendir(SYSFS_PORTS);
		if (!dir && errno == ENOENT)
			return 0; /* no driver: no ports */
	}
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char name[256], path[PORT_PATH_SIZE];
		uint32_t number;

		if (entry->d_name[0] == '.')
			continue;
		if (sysfs)
			sysfs_name(dirfd(dir), entry->d_name, name, sizeof(name));
		else
			(void)snprintf(name, sizeof(name), "%s", entry->d_name);
		if (!port_number(name, &number) ||
		    snprintf(path, sizeof(path), "%s/%s", sysfs ? "/dev" : place, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		if (found(context, number, path))
			break;
	}
	return 0;
}

static bool add_number(void *context, uint32_t number, const char *device)
{
	(void)device;
	cpuset_add(context, number);
	return false;
}

int ports_list(const char *directory, struct cpuset *numbers)
{
	memset(numbers, 0, sizeof(*numbers));
	return each_port(directory, add_number, numbers);
}

struct wanted {
	uint32_t number;
	char *path; /* PORT_PATH_SIZE; "": not found yet */
};

static bool take_path(void *context, uint32_t number, const char *device)
{
	struct wanted *wanted = context;

	if (number != wanted->number)
		return false;
	(void)snprintf(wanted->path, PORT_PATH_SIZE, "%s", device);
	return true;
}

int ports_path(const char *directory, unsigned int number, char path[PORT_PATH_SIZE])
{
	struct wanted wanted = {number, path};
	int r;

	path[0] = '\0';
	r = each_port(directory, take_path, &wanted);
	if (r < 0)
		return r;
	return path[0] ? 0 : -ENOENT;
}

/* Has the process this device or socket file open? */
static bool has_open(int proc, const char *pid, const struct stat *wanted)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *entry;
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		return false;
	}
	while ((entry = readdir(dir))) {
		struct stat st;

		if (fstatat(fd, entry->d_name, &st, 0) == 0 && st.st_mode == wanted->st_mode &&
		    st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino)
			return true;
	}
	return false;
}

static void process_name(int proc, const char *pid, char name[64])
{
	cleanup_close int fd = -1;
	char path[300];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, 63);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

int ports_holder(const char *path, char name[64])
{
	cleanup_closedir DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct stat wanted;

	name[0] = '\0';
	if (!proc || stat(path, &wanted) < 0)
		return 0;
	while ((entry = readdir(proc))) {
		uint32_t pid;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    parse_u32(entry->d_name, INT32_MAX, &pid) < 0 ||
		    !has_open(dirfd(proc), entry->d_name, &wanted))
			continue;
		process_name(dirfd(proc), entry->d_name, name);
		return (int)pid;
	}
	return 0;
}
