/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that calls libvirt. It exchanges messages (virt_message.h) with the loop (virt.c). */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_VIRT_THREAD_H
#define VMPOWER_HELPER_MANAGER_SOURCES_VIRT_THREAD_H

#include <pthread.h>

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
