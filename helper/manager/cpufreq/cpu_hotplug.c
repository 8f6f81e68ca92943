/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/cpu_hotplug.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/value.h"

#define EVENTS_PER_TURN 256
#define BUFFER_SIZE (1 << 20) /* some thousand events; needs CAP_NET_ADMIN */
/* Kernels before 5.12 send a module's event before the module's init runs. */
#define MODULE_NS (200 * NS_PER_MS)

struct cpu_hotplug {
	struct loop *loop;
	struct udev *udev;
	struct udev_monitor *monitor;
	struct loop_source source;
	struct loop_timer modules; /* armed: modules were loaded or removed */
	void (*on_change)(void *context, const struct cpuset *changed);
	void *context;
};

static void stop_listening(struct cpu_hotplug *hotplug)
{
	if (hotplug->source.fd >= 0)
		loop_remove(hotplug->loop, &hotplug->source); /* the fd is the udev monitor's */
	loop_timer_cancel(hotplug->loop, &hotplug->modules);
	if (hotplug->monitor)
		udev_monitor_unref(hotplug->monitor);
	if (hotplug->udev)
		udev_unref(hotplug->udev);
	hotplug->monitor = NULL;
	hotplug->udev = NULL;
}

static void warn_unavailable(const char *what, int error)
{
	log_warning("can't watch for CPUs that go offline or come online: %s: %s; restart "
		    "vmpowerd after such a change, reload it after a cpufreq driver was loaded",
		    what, strerror(-error));
}

/* "cpu12". Return: false: not a CPU, or its number is too high */
static bool cpu_of(struct udev_device *device, uint32_t *cpu)
{
	const char *name = udev_device_get_sysname(device);

	return name && strncmp(name, "cpu", 3) == 0 && parse_u32(name + 3, MAX_CPUS - 1, cpu) == 0;
}

static bool is_of_interest(const char *action)
{
	static const char *const actions[] = {"online", "offline", "add", "remove"};

	for (size_t i = 0; action && i < array_size(actions); i++) {
		if (strcmp(action, actions[i]) == 0)
			return true;
	}
	return false;
}

static bool is_module(struct udev_device *device)
{
	const char *subsystem = udev_device_get_subsystem(device);

	return subsystem && strcmp(subsystem, "module") == 0;
}

/* A cpufreq driver, perhaps: no CPU's event tells of it. */
static void on_modules(struct loop_timer *timer)
{
	struct cpu_hotplug *hotplug = container_of(timer, struct cpu_hotplug, modules);
	const struct cpuset none = {.bits = {0}};

	hotplug->on_change(hotplug->context, &none);
}

/* Receive what has arrived. Return: 0; -errno: the socket is broken */
static int receive(struct cpu_hotplug *hotplug, struct cpuset *changed, bool *lost)
{
	for (int i = 0; i < EVENTS_PER_TURN; i++) {
		struct udev_device *device = udev_monitor_receive_device(hotplug->monitor);
		const char *action;
		uint32_t cpu;

		if (!device) {
			if (errno == EAGAIN || errno == EINTR)
				return 0;
			if (errno != ENOBUFS)
				return errno ? -errno : -EIO;
			*lost = true;
			continue;
		}
		action = udev_device_get_action(device);
		if (is_module(device)) {
			loop_timer_set(hotplug->loop, &hotplug->modules, MODULE_NS);
		} else if (is_of_interest(action) && cpu_of(device, &cpu)) {
			log_debug("CPU %u: %s", cpu, action);
			cpuset_add(changed, cpu);
		}
		udev_device_unref(device);
	}
	return 0;
}

static void on_event(struct loop_source *source, uint32_t events)
{
	struct cpu_hotplug *hotplug = container_of(source, struct cpu_hotplug, source);
	struct cpuset changed = {.bits = {0}};
	bool lost = false;
	int r = receive(hotplug, &changed, &lost);

	(void)events;
	if (lost) {
		log_warning(
			"some of the kernel's CPU events were lost: all CPUs are checked again");
		memset(&changed, 0xff, sizeof(changed));
		loop_timer_set(hotplug->loop, &hotplug->modules, MODULE_NS);
	}
	if (r < 0) {
		warn_unavailable("the kernel's events", r);
		stop_listening(hotplug);
	}
	if (!cpuset_is_empty(&changed))
		hotplug->on_change(hotplug->context, &changed);
}

/*
 * "kernel", not "udev": the kernel's own events reach every network namespace of the host's user
 * namespace, with or without udevd. udevd's events are later, reach only its own network
 * namespace, and add nothing that we need.
 */
static int listen_to_kernel(struct cpu_hotplug *hotplug)
{
	errno = 0;
	hotplug->udev = udev_new();
	if (hotplug->udev)
		hotplug->monitor = udev_monitor_new_from_netlink(hotplug->udev, "kernel");
	if (!hotplug->monitor)
		return errno ? -errno : -ENOMEM;
	/* Without CAP_NET_ADMIN the kernel's default stays. */
	(void)udev_monitor_set_receive_buffer_size(hotplug->monitor, BUFFER_SIZE);
	return 0;
}

static int start_listening(struct cpu_hotplug *hotplug)
{
	int r = udev_monitor_filter_add_match_subsystem_devtype(hotplug->monitor, "cpu", NULL);

	if (r >= 0)
		r = udev_monitor_filter_add_match_subsystem_devtype(hotplug->monitor, "module",
								    NULL);
	if (r >= 0)
		r = udev_monitor_enable_receiving(hotplug->monitor);
	if (r >= 0)
		r = loop_add(hotplug->loop, &hotplug->source, udev_monitor_get_fd(hotplug->monitor),
			     EPOLLIN);
	return r;
}

int cpu_hotplug_new(struct loop *loop,
		    void (*on_change)(void *context, const struct cpuset *changed), void *context,
		    struct cpu_hotplug **hotplug)
{
	struct cpu_hotplug *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->source = (struct loop_source){.fd = -1, .on_event = on_event, .name = "CPU hotplug"};
	new->modules = (struct loop_timer){.on_expiry = on_modules, .name = "driver change"};
	new->on_change = on_change;
	new->context = context;
	r = listen_to_kernel(new);
	if (r < 0)
		warn_unavailable("the netlink socket", r);
	else
		r = start_listening(new);
	if (r < 0 && new->monitor)
		warn_unavailable("listening to the kernel", r);
	if (r < 0)
		stop_listening(new);
	*hotplug = new;
	return 0;
}

void cpu_hotplug_free(struct cpu_hotplug *hotplug)
{
	if (!hotplug)
		return;
	stop_listening(hotplug);
	free(hotplug);
}
