/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libvirt says about domains, as messages to the loop: its events, and answers to questions.
 * For the libvirt thread: every function may block.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_VIRT_EVENTS_H
#define VMPOWER_HELPER_MANAGER_SOURCES_VIRT_EVENTS_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "helper/manager/sources/virt_message.h"

#define VIRT_EVENTS 6 /* kinds that are watched */

struct virt_events {
	int fd;	     /* of the thread's end of the socket pair */
	bool closed; /* the loop has closed its end */
	bool missed; /* out of memory: a change was not told, and only a new listing finds it */
	const char *uri;
	int callbacks[VIRT_EVENTS];
};

/** virt_events_send() - hand a message to the loop; NULL: out of memory, notes that in missed */
void virt_events_send(struct virt_events *events, struct virt_message *message);

/** virt_events_watch() - Return: are all events watched? If not, the reason was logged */
bool virt_events_watch(struct virt_events *events, virConnectPtr connection);
void virt_events_unwatch(struct virt_events *events, virConnectPtr connection);

/** virt_events_list() - tell of all running domains, then which they are. Return: false: failed,
 * logged */
bool virt_events_list(struct virt_events *events, virConnectPtr connection);

/** virt_events_running() - tell of a domain, if it runs */
void virt_events_running(struct virt_events *events, virDomainPtr domain);

/** virt_last_error() - of libvirt, in this thread; valid until its next call */
const char *virt_last_error(void);

#endif
