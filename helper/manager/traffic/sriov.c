/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/sriov.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "helper/manager/traffic/vf_stats.h"

#define MAX_DEVICES 1024 /* of a physical function: itself, and representors */

/*
 * The drivers that fill in counters of virtual functions (ndo_get_vf_stats in Linux 6.12), and
 * whose representors count what the hardware forwards, not only what passes through the host.
 * ixgbe's values change when its watchdog runs, every two seconds.
 */
static const struct {
	const char *name;
	uint32_t least_ms;
	bool represents;
	enum statistics_view view;
} drivers[] = {
	{"i40e", 0, false, VIEW_SAME},	      {"ice", 0, true, VIEW_SAME},
	{"ixgbe", 4000, false, VIEW_SAME},    {"mlx4_core", 0, false, VIEW_SAME},
	{"mlx5_core", 0, true, VIEW_SWAPPED}, {"ionic", 0, false, VIEW_SAME},
	{"LiquidIO", 0, false, VIEW_SAME},    {"fm10k", 0, false, VIEW_SAME},
};

/* The last part of what a link points to. */
static bool link_name(int dir, const char *name, char *text, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	const char *last;

	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (!*last || strlen(last) >= size)
		return false;
	memcpy(text, last, strlen(last) + 1);
	return true;
}

/* A short attribute without its newline. */
static bool read_text(int dir, const char *name, char *text, size_t size)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static void format_address(char text[static PCI_ADDRESS_SIZE], const struct pci_address *address)
{
	(void)snprintf(text, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", address->domain, address->bus,
		       address->slot, address->function & 7u);
}

/* Its physical function's folder, and driver. Return: fd; -1 */
static int open_physical(const char *sysfs, const struct pci_address *address,
			 struct virtual_function *function)
{
	cleanup_close int dir = -1;
	char path[PATH_MAX], name[PCI_ADDRESS_SIZE];
	int n, fd;

	*function = (struct virtual_function){.vf = MAX_VFS};
	format_address(name, address);
	n = snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !link_name(dir, "physfn", function->physical, sizeof(function->physical)))
		return -1;
	fd = openat(dir, "physfn", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)link_name(fd, "driver", function->driver, sizeof(function->driver));
	return fd;
}

static size_t find_driver(const struct virtual_function *function)
{
	size_t i = 0;

	while (i < array_size(drivers) && strcmp(function->driver, drivers[i].name) != 0)
		i++;
	return i;
}

enum no_counter sriov_can_count(const char *sysfs, const struct pci_address *address)
{
	struct virtual_function function;
	cleanup_close int dir = open_physical(sysfs, address, &function);

	if (dir < 0)
		return NO_COUNTER_FUNCTION;
	return find_driver(&function) < array_size(drivers) ? NO_COUNTER_NONE : NO_COUNTER_DRIVER;
}

static bool find_number(int physical, const char *address, struct virtual_function *function)
{
	for (uint32_t vf = 0; vf < MAX_VFS; vf++) {
		char link[24], name[PCI_ADDRESS_SIZE];

		(void)snprintf(link, sizeof(link), "virtfn%u", vf);
		if (!link_name(physical, link, name, sizeof(name)) || strcmp(name, address) != 0)
			continue;
		function->vf = vf;
		return true;
	}
	return false;
}

/* "pf0vf3"; "c1pf0vf3" is another host's. */
static bool represents(const char *port, uint32_t vf)
{
	unsigned int pf_number, vf_number;
	int length = 0;

	return sscanf(port, "pf%uvf%u%n", &pf_number, &vf_number, &length) == 2 &&
	       port[length] == '\0' && vf_number == vf;
}

/* A port of something else than the physical function: of virtual or sub-functions. */
static bool is_representor(const char *port)
{
	return strncmp(port, "pf", 2) == 0 || (port[0] == 'c' && strstr(port, "pf"));
}

static void take_device(int devices, const char *name, bool represents_well,
			struct virtual_function *function)
{
	cleanup_close int dir = openat(devices, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char port[64] = "", text[16];
	uint32_t ifindex;

	if (dir < 0 || strlen(name) >= sizeof(function->representor))
		return;
	if (read_text(dir, "phys_port_name", port, sizeof(port)) && is_representor(port)) {
		if (represents_well && represents(port, function->vf))
			memcpy(function->representor, name, strlen(name) + 1);
		return;
	}
	/* with several ports the first is that of the functions */
	if (read_text(dir, "ifindex", text, sizeof(text)) &&
	    parse_u32(text, INT_MAX, &ifindex) == 0 && ifindex > 0 &&
	    (function->ifindex == 0 || (int)ifindex < function->ifindex))
		function->ifindex = (int)ifindex;
}

static void find_devices(int physical, bool represents_well, struct virtual_function *function)
{
	int fd = openat(physical, "net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *devices cleanup_closedir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!devices) {
		close_fd(&fd);
		return;
	}
	for (int i = 0; i < MAX_DEVICES && (entry = readdir(devices)); i++) {
		if (entry->d_name[0] != '.')
			take_device(dirfd(devices), entry->d_name, represents_well, function);
	}
}

enum no_counter sriov_find(const char *sysfs, const struct pci_address *address,
			   struct virtual_function *function)
{
	cleanup_close int physical = open_physical(sysfs, address, function);
	char name[PCI_ADDRESS_SIZE];
	size_t driver;

	format_address(name, address);
	if (physical < 0 || !find_number(physical, name, function))
		return NO_COUNTER_FUNCTION;
	driver = find_driver(function);
	function->counts = driver < array_size(drivers);
	if (function->counts) {
		function->least_ms = drivers[driver].least_ms;
		function->view = drivers[driver].view;
	}
	find_devices(physical, function->counts && drivers[driver].represents, function);
	return function->ifindex == 0 && !function->representor[0] ? NO_COUNTER_PHYSICAL
								   : NO_COUNTER_NONE;
}
