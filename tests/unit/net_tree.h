/* SPDX-License-Identifier: BSD-3-Clause */
/* A tree of plain files that stands in for the network devices and PCI functions of sysfs. */
#ifndef VMPOWER_TESTS_UNIT_NET_TREE_H
#define VMPOWER_TESTS_UNIT_NET_TREE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

static char net_root[64];

static inline void net_tree_set_up(void)
{
	(void)strcpy(net_root, "/tmp/vmpower-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(net_root));
}

static inline void net_tree_tear_down(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", net_root);
	ck_assert_int_eq(system(command), 0);
}

static inline void make_parents(const char *path)
{
	char copy[PATH_MAX];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ck_assert(mkdir(copy, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

/* Written without truncation, in one write: a reader beside sees the old or the new line. */
static inline void net_put(const char *name, const char *text)
{
	char path[PATH_MAX], line[96];
	cleanup_close int fd = -1;
	int n = snprintf(line, sizeof(line), "%s\n", text);

	(void)snprintf(path, sizeof(path), "%s/%s", net_root, name);
	make_parents(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, line, (size_t)n, 0), n);
}

static inline void net_link(const char *name, const char *target)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", net_root, name);
	make_parents(path);
	ck_assert_int_eq(symlink(target, path), 0);
}

static inline void net_count(const char *device, const char *counter, uint64_t value)
{
	char name[96], text[32];

	(void)snprintf(name, sizeof(name), "class/net/%s/statistics/%s", device, counter);
	(void)snprintf(text, sizeof(text), "%020llu", (unsigned long long)value);
	net_put(name, text);
}

static inline void net_add(const char *device)
{
	static const char *const counters[] = {"rx_packets", "rx_dropped", "tx_packets",
					       "tx_dropped"};

	for (size_t i = 0; i < array_size(counters); i++)
		net_count(device, counters[i], 0);
}

/* A physical function at 0000:@bus:00.0 with @n_vfs functions at 0000:@bus:10.0 and above. */
static inline void net_add_physical(const char *bus, const char *driver, unsigned int n_vfs)
{
	char name[128], target[128];

	(void)snprintf(name, sizeof(name), "bus/pci/devices/0000:%s:00.0/driver", bus);
	(void)snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
	net_link(name, target);
	for (unsigned int i = 0; i < n_vfs; i++) {
		(void)snprintf(name, sizeof(name), "bus/pci/devices/0000:%s:00.0/virtfn%u", bus, i);
		(void)snprintf(target, sizeof(target), "../0000:%s:%02x.%x", bus, 0x10 + i / 8,
			       i % 8);
		net_link(name, target);
		(void)snprintf(name, sizeof(name), "bus/pci/devices/0000:%s:%02x.%x/physfn", bus,
			       0x10 + i / 8, i % 8);
		(void)snprintf(target, sizeof(target), "../0000:%s:00.0", bus);
		net_link(name, target);
	}
}

/* A network device of that physical function. @port: phys_port_name; NULL: none */
static inline void net_add_device(const char *bus, const char *device, const char *ifindex,
				  const char *port)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "bus/pci/devices/0000:%s:00.0/net/%s/ifindex", bus,
		       device);
	net_put(name, ifindex);
	(void)snprintf(name, sizeof(name), "bus/pci/devices/0000:%s:00.0/net/%s/phys_port_name",
		       bus, device);
	if (port)
		net_put(name, port);
	net_add(device);
}

#endif
