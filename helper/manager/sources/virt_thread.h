/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that calls libvirt. It exchanges pointers to heap messages with the loop (virt.c) over
 * a socket pair; the receiver owns a message.
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
	VIRT_FOUND,   /* answer to VIRT_LOOKUP: cookie, error, text: XML */
	VIRT_LOOKUP,  /* to the thread: cookie, text: name or UUID */
	VIRT_REFRESH, /* to the thread: send VIRT_RUNNING if the domain runs; text: UUID */
};

struct virt_message {
	enum virt_kind kind;
	int cookie;
	int error;
	bool paused;
	uint64_t asked_ns; /* just before libvirt was asked */
	size_t size;	   /* of text, without its final NUL */
	char text[];
};

/** virt_message_new() - @text: may be NULL. Return: the message; NULL: out of memory */
struct virt_message *virt_message_new(enum virt_kind kind, const void *text, size_t size);

/** virt_message_send() - hand a message over; frees it on failure. Return: 0 or -errno */
int virt_message_send(int fd, struct virt_message *message, int flags);

/** virt_message_receive() - Return: 1 and the message; 0: the other end is closed; -errno */
int virt_message_receive(int fd, struct virt_message **message, int flags);

/**
 * virt_thread_start() - start the thread
 * @fd:		its end of the socket pair, taken over; the thread ends when the other is closed
 * @id:		set for virt_thread_end()
 */
int virt_thread_start(const char *uri, int fd, pthread_t *id);

/**
 * virt_thread_end() - join the thread, after its socket was closed
 *
 * After 0.5 s it is detached, since a call into libvirt may never return. Joining matters because
 * libvirt's clean-up at exit does not expect running threads.
 */
void virt_thread_end(pthread_t id);

#endif
