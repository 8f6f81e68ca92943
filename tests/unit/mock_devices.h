/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * umockdev: a /sys of our own and uevents that libudev takes for the kernel's. It needs a
 * preloaded library, so the test re-executes itself; the library is loaded at run time, so that
 * nothing but this test depends on it.
 */
#ifndef VMPOWER_TESTS_UNIT_MOCK_DEVICES_H
#define VMPOWER_TESTS_UNIT_MOCK_DEVICES_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/cpufreq_tree.h"

struct mock_devices {
	void *(*testbed_new)(void);
	int (*add_from_string)(void *testbed, const char *data, void *error);
	void (*uevent)(void *testbed, const char *device, const char *action);
	char *(*get_root_dir)(void *testbed);
	void (*unref)(void *object);
	void *testbed;
};

/* Call this first in main(): it returns in a process that has the library preloaded. */
static inline void mock_devices_preload(char **argv)
{
	const char *asan = getenv("ASAN_OPTIONS");
	char options[512];

	if (getenv("VMPOWER_PRELOADED"))
		return;
	/* ASan insists on being the first library, but works as the second. */
	(void)snprintf(options, sizeof(options), "%s:verify_asan_link_order=0", asan ? asan : "");
	if (setenv("VMPOWER_PRELOADED", "1", 1) < 0 || setenv("ASAN_OPTIONS", options, 1) < 0 ||
	    setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1) < 0)
		abort();
	(void)execv("/proc/self/exe", argv);
	perror("execv");
	exit(EXIT_FAILURE);
}

static inline void *mock_devices_symbol(void *library, const char *name)
{
	void *symbol = library ? dlsym(library, name) : NULL;

	if (!symbol) {
		(void)fprintf(stderr, "%s: %s; install the package umockdev\n", name, dlerror());
		exit(EXIT_FAILURE);
	}
	return symbol;
}

/* One testbed a process: each test makes its own tree in it. */
static inline void mock_devices_load(struct mock_devices *mock)
{
	void *library = dlopen("libumockdev.so.0", RTLD_NOW);

	*(void **)&mock->testbed_new = mock_devices_symbol(library, "umockdev_testbed_new");
	*(void **)&mock->add_from_string =
		mock_devices_symbol(library, "umockdev_testbed_add_from_string");
	*(void **)&mock->uevent = mock_devices_symbol(library, "umockdev_testbed_uevent");
	*(void **)&mock->get_root_dir =
		mock_devices_symbol(library, "umockdev_testbed_get_root_dir");
	*(void **)&mock->unref = mock_devices_symbol(library, "g_object_unref");
	if (!dlopen("libumockdev-preload.so.0", RTLD_NOW | RTLD_NOLOAD)) {
		(void)fprintf(stderr, "libumockdev-preload.so.0 is not preloaded; install the "
				      "package umockdev\n");
		exit(EXIT_FAILURE);
	}
}

/* Return: fd of the directory that stands in for /sys/devices/system/cpu. */
static inline int mock_devices_cpu_dir(const char *mocked_root)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "mkdir -p %s/sys/devices/system/cpu", mocked_root);
	if (system(path) != 0)
		abort();
	return open("/sys/devices/system/cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct mock_devices mock;

/* From here on /sys is umockdev's, with plain files in it. */
static inline void make_mock(void)
{
	cleanup_free char *mocked = NULL;

	make_tree();
	mock_devices_load(&mock);
	mock.testbed = mock.testbed_new();
	mocked = mock.get_root_dir(mock.testbed);
	(void)close(cpu_dir);
	cpu_dir = mock_devices_cpu_dir(mocked);
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "/sys");
}

static inline void remove_mock(void)
{
	mock.unref(mock.testbed);
	remove_tree();
}

#endif
