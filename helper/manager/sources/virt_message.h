/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the libvirt thread (virt_thread.c) and the loop (virt.c) tell each other: pointers to heap
 * messages over a socket pair; the receiver owns a message.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_VIRT_MESSAGE_H
#define VMPOWER_HELPER_MANAGER_SOURCES_VIRT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"

/* Which domain libvirt speaks of, and when it was asked. */
struct virt_about {
	char uuid[UUID_SIZE]; /* in lower case, with dashes */
	uint64_t asked_ns;    /* monotonic_ns() before libvirt was asked: later changes are not in
				 its answer */
	bool paused;	      /* its vCPUs do not run, for whatever reason */
	int32_t id;	      /* of the run that rebooted; else -1 */
};

enum virt_kind {
	VIRT_CONNECTED,
	VIRT_DISCONNECTED,
	VIRT_RUNNING,	 /* about; text: XML */
	VIRT_UNREADABLE, /* about: it runs, but libvirt gives no XML; text: why */
	VIRT_REBOOTED,	 /* about */
	VIRT_STOPPED,	 /* about */
	VIRT_LISTED,	 /* about.asked_ns; text: n UUIDs of UUID_SIZE bytes */
	VIRT_FOUND,	 /* answer to VIRT_LOOKUP: about, cookie, error, text: XML */
	VIRT_LOOKUP,	 /* to the thread: cookie, text: name or UUID */
	VIRT_REFRESH,	 /* to the thread: send VIRT_RUNNING if the domain runs; text: UUID */
};

struct virt_message {
	enum virt_kind kind;
	int cookie;
	int error;
	struct virt_about about;
	size_t size; /* of text, without its final NUL */
	char text[];
};

/** virt_message_new() - @text: may be NULL. Return: the message; NULL: out of memory */
struct virt_message *virt_message_new(enum virt_kind kind, const void *text, size_t size);

/** virt_message_send() - hand a message over; frees it on failure. Return: 0 or -errno */
int virt_message_send(int fd, struct virt_message *message, int flags);

/** virt_message_receive() - Return: 1 and the message; 0: the other end is closed; -errno */
int virt_message_receive(int fd, struct virt_message **message, int flags);

#endif
