/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into vmpower's programs (LD_PRELOAD): measures the turns of their loops from outside,
 * as any version has them. A turn is the time between two calls of epoll_wait() in the main thread.
 *
 * VMPOWER_TURNS=DIR: each program has a file DIR/NAME, a struct turns; whoever sets it to zero
 * begins anew. The monitor's sandbox allows no clock of CPU time: its figures are wall time only.
 *
 * The FIFO DIR/uevents takes the place of the kernel's events of CPUs: each struct uevent that is
 * written to it is one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct turns {
	uint64_t n;
	uint64_t longest_cpu_ns, longest_wall_ns; /* not of the same turn */
};

static struct {
	int (*epoll_wait)(int fd, struct epoll_event *events, int n, int timeout_ms);
	struct turns *turns;
	bool has_cpu_clock;
	uint64_t cpu_ns, wall_ns; /* when the turn began */
} measured;

static __thread bool main_thread;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Before any sandbox. */
__attribute__((constructor)) static void set_up(void)
{
	const char *directory = getenv("VMPOWER_TURNS");
	const char *name = program_invocation_short_name;
	void *memory;
	char path[4096];
	int fd;

	*(void **)&measured.epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
	if (!directory || (strcmp(name, "vmpowerd") != 0 && strcmp(name, "vmpower-monitor") != 0))
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct turns)) < 0)
		return;
	memory = mmap(NULL, sizeof(struct turns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (memory == MAP_FAILED)
		return;
	measured.has_cpu_clock = strcmp(name, "vmpowerd") == 0;
	measured.turns = memory;
	main_thread = true;
}

static void longest(uint64_t *most, uint64_t ns)
{
	if (ns > *most)
		*most = ns;
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms)
{
	struct turns *turns = main_thread ? measured.turns : NULL;
	int r, error;

	if (turns && measured.wall_ns > 0) {
		turns->n++;
		longest(&turns->longest_wall_ns, clock_ns(CLOCK_MONOTONIC) - measured.wall_ns);
		if (measured.has_cpu_clock)
			longest(&turns->longest_cpu_ns,
				clock_ns(CLOCK_THREAD_CPUTIME_ID) - measured.cpu_ns);
	}
	r = measured.epoll_wait(fd, events, n, timeout_ms);
	error = errno;
	if (turns) {
		measured.wall_ns = clock_ns(CLOCK_MONOTONIC);
		if (measured.has_cpu_clock)
			measured.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	}
	errno = error;
	return r;
}

/* --- events of CPUs ----------------------------------------------------------------------- */

struct uevent {
	uint32_t cpu, online;
};

/* The event that was received last. */
static struct udev_device {
	char sysname[16];
	const char *action;
} device;

int udev_monitor_get_fd(struct udev_monitor *monitor)
{
	static int fd = -1;
	char path[4096];

	(void)monitor;
	(void)snprintf(path, sizeof(path), "%s/uevents", getenv("VMPOWER_TURNS"));
	if (fd < 0)
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *monitor)
{
	struct uevent event;

	if (read(udev_monitor_get_fd(monitor), &event, sizeof(event)) != sizeof(event))
		return NULL;
	(void)snprintf(device.sysname, sizeof(device.sysname), "cpu%u", event.cpu);
	device.action = event.online ? "online" : "offline";
	return &device;
}

const char *udev_device_get_action(struct udev_device *of)
{
	return of->action;
}

const char *udev_device_get_sysname(struct udev_device *of)
{
	return of->sysname;
}

const char *udev_device_get_subsystem(struct udev_device *of)
{
	(void)of;
	return "cpu";
}

struct udev_device *udev_device_unref(struct udev_device *of)
{
	(void)of;
	return NULL;
}
