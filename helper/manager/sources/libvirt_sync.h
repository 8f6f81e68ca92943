/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reports to domains.h what libvirt knows: the running domains at each connection, then changes
 * that no hook reports, and starts and ends that hooks have missed.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_LIBVIRT_SYNC_H
#define VMPOWER_HELPER_MANAGER_SOURCES_LIBVIRT_SYNC_H

#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/sources/virt.h"

struct libvirt_sync;

struct libvirt_sync_parts {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	const char *uri; /* as for virt_new() */
};

int libvirt_sync_new(const struct libvirt_sync_parts *parts, struct libvirt_sync **sync);
void libvirt_sync_free(struct libvirt_sync *sync);

/** libvirt_sync_virt() - its connection, for lookups */
struct virt *libvirt_sync_virt(struct libvirt_sync *sync);

#endif
