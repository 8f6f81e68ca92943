/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that calls libvirt, and what it exchanges with the loop's side (virt.c): pointers
 * to heap messages, each owned by whoever has received it, over a socket pair.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_VIRT_THREAD_H
#define VMPOWER_HELPER_MANAGER_SOURCES_VIRT_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum virt_kind {
	VIRT_CONNECTED,
	VIRT_DISCONNECTED,
	VIRT_RUNNING, /* text: XML; asked_ns, paused */
	VIRT_STOPPED, /* text: UUID; asked_ns */
	VIRT_LISTED,  /* text: n UUIDs of 37 bytes; asked_ns */
	VIRT_FOUND,   /* answer to a look-up: cookie, error, text: XML */
	VIRT_LOOKUP,  /* to the thread: cookie, text: name or UUID */
	VIRT_REFRESH, /* to the thread: text: UUID of what is to be told of again, if it runs */
};

struct virt_message {
	enum virt_kind kind;
	int cookie;
	int error;
	bool paused;
	uint64_t asked_ns; /* when libvirt was about to be asked */
	size_t size;	   /* of text, without the NUL behind it */
	char text[];
};

/** virt_message_new() - @text may be NULL. Return: the message, or NULL without memory */
struct virt_message *virt_message_new(enum virt_kind kind, const void *text, size_t size);

/** virt_message_send() - hand it over; it is freed where that fails. Return: 0 or -errno */
int virt_message_send(int fd, struct virt_message *message, int flags);

/** virt_message_receive() - Return: 1 and the message; 0 (other side gone); -errno */
int virt_message_receive(int fd, struct virt_message **message, int flags);

/**
 * virt_thread_start() - start the thread
 * @fd:		its end of the socket pair, taken over; it ends when the other is closed
 * @id:		set for virt_thread_end()
 */
int virt_thread_start(const char *uri, int fd, pthread_t *id);

/**
 * virt_thread_end() - have it ended, its socket being closed
 *
 * It waits for 0.5 s at most, since a call into libvirt may never return, and leaves it alone
 * then. A process that ends while a thread of its own is in a library meets that library's
 * clean-up, which does not expect it.
 */
void virt_thread_end(pthread_t id);

#endif
