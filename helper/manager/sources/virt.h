/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A read-only connection to libvirt, in a thread of its own, because any call can block for any
 * time. Thread and loop share nothing and exchange messages over a socket pair. While libvirtd is
 * away the thread reconnects with back-off.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_VIRT_H
#define VMPOWER_HELPER_MANAGER_SOURCES_VIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/manager/loop/loop.h"
#include "helper/manager/sources/virt_message.h"

struct virt;

struct virt_handlers {
	/* A domain runs, or has changed. */
	void (*running)(void *context, const struct virt_about *about, const char *xml,
			size_t size);
	/* A domain runs, and libvirt can't give its XML. */
	void (*unreadable)(void *context, const struct virt_about *about, const char *reason);
	/* A domain was reset, by itself or from outside, and runs on. */
	void (*rebooted)(void *context, const struct virt_about *about);
	void (*stopped)(void *context, const struct virt_about *about);
	/* A listing is complete: exactly the domains in @uuids (@n of them) ran. */
	void (*listed)(void *context, const char (*uuids)[UUID_SIZE], size_t n, uint64_t asked_ns);
	void *context;
};

/**
 * virt_new() - start the thread and connect
 * @uri:	libvirt connection URI; "none" or "": no thread, every lookup is -ENOTCONN
 */
int virt_new(struct loop *loop, const char *uri, const struct virt_handlers *handlers,
	     struct virt **virt);

/** virt_free() - end the thread, without waiting longer than 0.5 s for a call that hangs */
void virt_free(struct virt *virt);

/**
 * virt_lookup() - ask for the XML of a running domain, by UUID in any form, else by name
 * @found:	called once, from the loop: error 0 and the XML; -ENOENT (libvirt knows no such
 *		domain); -ESRCH (the domain does not run); -ENOTCONN (libvirt is away);
 *		-ETIMEDOUT (no answer within 5 s). @asked_ns: as in struct virt_about
 * @context:	passed to @found
 *
 * Return: a cookie > 0 for virt_cancel(); -errno: @found will not be called.
 */
int virt_lookup(struct virt *virt, const char *name_or_uuid,
		void (*found)(void *context, int error, const char *xml, size_t size,
			      uint64_t asked_ns),
		void *context);

/** virt_cancel() - forget a lookup: its @found will not be called */
void virt_cancel(struct virt *virt, int cookie);

/**
 * virt_refresh() - ask for a call of running() for a domain; none comes if it is gone
 *
 * Return: false: it can't be asked now, as too many questions wait.
 */
bool virt_refresh(struct virt *virt, const char *uuid);

bool virt_connected(const struct virt *virt);
const char *virt_uri(const struct virt *virt);

#endif
