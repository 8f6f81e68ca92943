/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORTS_DIRECTORY "/sys/class/virtio-ports"
#define NAP_US 2000

static struct port *ports[MAX_PORTS];

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The name that the host gave a port; "": none. */
static void port_name(const char *device, char *name, size_t size)
{
	char path[300];
	FILE *file;

	name[0] = '\0';
	snprintf(path, sizeof(path), PORTS_DIRECTORY "/%s/name", device);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, (int)size, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

int port_open_named(const char *name)
{
	DIR *directory = opendir(PORTS_DIRECTORY);
	struct dirent *entry;
	int fd = -ENOENT;

	if (!directory)
		return -errno;
	while (fd == -ENOENT && (entry = readdir(directory))) {
		char found[256], path[300];

		if (entry->d_name[0] == '.')
			continue;
		port_name(entry->d_name, found, sizeof(found));
		if (strcmp(found, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(directory);
	return fd;
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned int left = *(const unsigned int *)a, right = *(const unsigned int *)b;

	return (left > right) - (left < right);
}

size_t port_list(unsigned int *numbers, size_t room)
{
	DIR *directory = opendir(PORTS_DIRECTORY);
	struct dirent *entry;
	size_t n = 0;

	if (!directory)
		return 0;
	while (n < room && (entry = readdir(directory))) {
		const size_t prefix = strlen(POWER_PORT_PREFIX);
		char name[256];

		if (entry->d_name[0] == '.')
			continue;
		port_name(entry->d_name, name, sizeof(name));
		if (!strncmp(name, POWER_PORT_PREFIX, prefix))
			numbers[n++] = (unsigned int)strtoul(name + prefix, NULL, 10);
	}
	closedir(directory);
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	return n;
}

struct port *port_get(unsigned int number)
{
	char name[64];
	int fd;

	if (number >= MAX_PORTS) {
		errno = ENOENT;
		return NULL;
	}
	if (ports[number] && ports[number]->fd >= 0)
		return ports[number];
	snprintf(name, sizeof(name), POWER_PORT_PREFIX "%u", number);
	fd = port_open_named(name);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	if (!ports[number])
		ports[number] = calloc(1, sizeof(struct port));
	if (!ports[number]) {
		close(fd);
		return NULL;
	}
	ports[number]->fd = fd;
	ports[number]->fill = 0;
	return ports[number];
}

void port_close(unsigned int number)
{
	if (number < MAX_PORTS && ports[number] && ports[number]->fd >= 0) {
		close(ports[number]->fd);
		ports[number]->fd = -1;
	}
}

void port_wait(int fd, short events, uint64_t until_us)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	uint64_t now = now_us();
	int ms = now < until_us ? (int)((until_us - now + 999) / 1000) : 0;

	if (poll(&pollfd, 1, ms) > 0 && (pollfd.revents & POLLHUP) && ms)
		usleep(NAP_US);
}

int port_write(struct port *port, const unsigned char *bytes, size_t size, uint64_t until_us)
{
	for (;;) {
		ssize_t n = write(port->fd, bytes, size);

		if (n == (ssize_t)size)
			return 0;
		if (n >= 0)
			return -EIO; /* the kernel takes up to 32 KiB whole */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (now_us() >= until_us)
			return -ETIMEDOUT;
		port_wait(port->fd, POLLOUT, until_us);
	}
}

bool port_fill(struct port *port, uint64_t until_us)
{
	if (port->fill == sizeof(port->buffer))
		return false;
	for (;;) {
		ssize_t n = read(port->fd, port->buffer + port->fill,
				 sizeof(port->buffer) - port->fill);

		if (n > 0) {
			port->fill += (size_t)n;
			return true;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (now_us() >= until_us)
			return false;
		port_wait(port->fd, POLLIN, until_us); /* n == 0: no host is connected */
	}
}

void port_take(struct port *port, size_t size)
{
	port->fill -= size;
	memmove(port->buffer, port->buffer + size, port->fill);
}
