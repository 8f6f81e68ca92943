/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's events as libudev delivers them, and its failures: no socket, lost events. */
#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cpuset.h"
#include "common/log.h"
#include "helper/manager/loop/loop.h"
#include "tests/unit/runner.h"

/* --- a fake libudev ------------------------------------------------------------------------- */

/* An event, or an error instead. */
struct udev_device {
	const char *name, *action;
	int error;
	const char *subsystem; /* NULL: cpu */
};

static struct fake {
	bool no_monitor, no_filter, no_socket;
	int fd;
	int references; /* to udev, monitor, devices */
	size_t at, n;
	struct udev_device events[600];
} fake;

static struct udev *fake_new(void)
{
	fake.references++;
	return (struct udev *)&fake;
}

static struct udev_monitor *fake_monitor(struct udev *udev, const char *name)
{
	ck_assert_ptr_eq(udev, &fake);
	ck_assert_str_eq(name, "kernel");
	if (fake.no_monitor) {
		errno = EAFNOSUPPORT;
		return NULL;
	}
	fake.references++;
	return (struct udev_monitor *)&fake;
}

static int fake_filter(const char *subsystem)
{
	ck_assert(strcmp(subsystem, "cpu") == 0 || strcmp(subsystem, "module") == 0);
	return fake.no_filter ? -EPERM : 0;
}

static struct udev_device *fake_receive(const void *monitor)
{
	struct udev_device *event = &fake.events[fake.at];

	ck_assert_ptr_eq(monitor, &fake);
	if (fake.at == fake.n) {
		uint64_t value;

		ck_assert_int_eq(read(fake.fd, &value, sizeof(value)), sizeof(value));
		errno = EAGAIN;
		return NULL;
	}
	fake.at++;
	if (event->error) {
		errno = event->error;
		return NULL;
	}
	fake.references++;
	return event;
}

static void fake_unref(void)
{
	fake.references--;
}

#define udev_new() fake_new()
#define udev_monitor_new_from_netlink(udev, name) fake_monitor(udev, name)
#define udev_monitor_set_receive_buffer_size(monitor, size) (-EPERM)
#define udev_monitor_filter_add_match_subsystem_devtype(monitor, name, type) fake_filter(name)
#define udev_monitor_enable_receiving(monitor) (fake.no_socket ? -EBUSY : 0)
#define udev_monitor_get_fd(monitor) ((void)(monitor), fake.fd)
#define udev_monitor_receive_device(monitor) fake_receive(monitor)
#define udev_device_get_sysname(device) ((device)->name)
#define udev_device_get_subsystem(device) ((device)->subsystem)
#define udev_device_get_action(device) ((device)->action)
#define udev_device_unref(device) fake_unref()
#define udev_monitor_unref(monitor) fake_unref()
#define udev_unref(udev) fake_unref()
#include "helper/manager/cpufreq/cpu_hotplug.c"

/* --- the test -------------------------------------------------------------------------------- */

static struct loop *loop;
static struct cpu_hotplug *hotplug;
static unsigned int n_calls;
static struct cpuset told;

static void on_change(void *context, const struct cpuset *changed)
{
	ck_assert_ptr_eq(context, &told);
	n_calls++;
	for (size_t i = 0; i < array_size(told.bits); i++)
		told.bits[i] |= changed->bits[i];
}

static void set_up(void)
{
	log_init("check_cpu_hotplug", LOG_WARNING);
	memset(&fake, 0, sizeof(fake));
	memset(&told, 0, sizeof(told));
	n_calls = 0;
	fake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(fake.fd, 0);
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void tear_down(void)
{
	cpu_hotplug_free(hotplug);
	hotplug = NULL;
	ck_assert_int_eq(fake.references, 0);
	loop_free(loop);
	(void)close(fake.fd);
}

static void listen_now(void)
{
	ck_assert_int_eq(cpu_hotplug_new(loop, on_change, &told, &hotplug), 0);
}

static void event(const char *name, const char *action, int error)
{
	fake.events[fake.n++] = (struct udev_device){name, action, error, NULL};
}

/* As the loop does: as long as there are events. */
static void deliver(void)
{
	ck_assert_int_eq(eventfd_write(fake.fd, 1), 0);
	while (fake.at < fake.n && hotplug->source.fd >= 0)
		hotplug->source.on_event(&hotplug->source, EPOLLIN);
	ck_assert_uint_eq(fake.at, fake.n);
}

static void assert_told(const char *wanted, unsigned int calls)
{
	char text[4096];

	ck_assert_int_ge(cpuset_format(&told, text, sizeof(text)), 0);
	ck_assert_str_eq(text, wanted);
	ck_assert_uint_eq(n_calls, calls);
}

FIXTURE(set_up, tear_down)

TEST(events_that_came_together)
{
	listen_now();
	event("cpu3", "offline", 0);
	event("cpu12", "online", 0);
	event("cpu4", "add", 0);
	event("cpu5", "remove", 0);
	/* not a change, not a CPU, or out of range */
	event("cpu6", "change", 0);
	event("cpu7", NULL, 0);
	event("cpu", "online", 0);
	event("cpux", "online", 0);
	event("cpu4096", "online", 0);
	event("memory1", "online", 0);
	event(NULL, "online", 0);
	deliver();
	assert_told("3-5,12", 1);
	event("cpu8", "change", 0);
	deliver();
	assert_told("3-5,12", 1);
}

/* A cpufreq driver, perhaps: told a moment later, once, without CPUs. */
TEST(modules)
{
	listen_now();
	event("acpi_cpufreq", "remove", 0);
	fake.events[fake.n - 1].subsystem = "module";
	event("acpi_cpufreq", "add", 0);
	fake.events[fake.n - 1].subsystem = "module";
	deliver();
	assert_told("", 0);
	ck_assert(hotplug->modules.due_ns > 0);
	hotplug->modules.on_expiry(&hotplug->modules);
	assert_told("", 1);
}

TEST(lost_events)
{
	listen_now();
	event("cpu3", "offline", 0);
	event(NULL, NULL, ENOBUFS);
	event("cpu4", "offline", 0);
	deliver();
	assert_told("0-4095", 1);
}

TEST(more_than_a_turn_takes)
{
	listen_now();
	for (int i = 0; i < 600; i++)
		event(i == 599 ? "cpu9" : "cpu1", "online", 0);
	deliver();
	assert_told("1,9", 3);
}

TEST(interrupted)
{
	listen_now();
	event("cpu1", "online", 0);
	event(NULL, NULL, EINTR);
	event("cpu2", "online", 0);
	deliver();
	assert_told("1-2", 2);
}

/* A repeated error must not keep the loop busy; events before it count. */
TEST(broken_socket)
{
	listen_now();
	event("cpu1", "online", 0);
	event(NULL, NULL, EIO);
	deliver();
	assert_told("1", 1);
	ck_assert_int_eq(fake.references, 0);
}

TEST_RANGE(does_without, 0, 4)
{
	fake.no_monitor = _i == 0;
	fake.no_filter = _i == 1;
	fake.no_socket = _i == 2;
	if (_i == 3)
		close_fd(&fake.fd); /* the loop can't add it */
	listen_now();
	ck_assert_int_eq(fake.references, 0);
	ck_assert_ptr_nonnull(hotplug);
}
