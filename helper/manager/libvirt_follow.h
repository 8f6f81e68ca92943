/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the registry at what libvirt says: what runs when it comes (back), and what changes that no
 * hook tells of. Backstop for hooks that never came, and for the ends of domains that were missed.
 */
#ifndef VMPOWER_HELPER_MANAGER_LIBVIRT_FOLLOW_H
#define VMPOWER_HELPER_MANAGER_LIBVIRT_FOLLOW_H

#include "domains.h"
#include "loop.h"
#include "registry.h"
#include "virt.h"

struct libvirt_follow;

struct libvirt_follow_parts {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	const char *uri; /* as for virt_new() */
};

int libvirt_follow_new(const struct libvirt_follow_parts *parts, struct libvirt_follow **follow);
void libvirt_follow_free(struct libvirt_follow *follow);

/** libvirt_follow_virt() - what it asks, for others who have questions, too */
struct virt *libvirt_follow_virt(struct libvirt_follow *follow);

#endif
