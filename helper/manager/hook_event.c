/* SPDX-License-Identifier: BSD-3-Clause */
#include "hook_event.h"

#include <errno.h>
#include <string.h>

const char *hook_operation_name(uint32_t operation)
{
	switch (operation) {
	case HOOK_STARTED:
		return "hook started";
	case HOOK_RECONNECT:
		return "hook reconnect";
	case HOOK_STOPPED:
		return "hook stopped";
	case HOOK_RELEASE:
		return "hook release";
	default:
		return NULL;
	}
}

int hook_event_check(const struct hook_event *event, size_t size)
{
	if (size != sizeof(*event) || event->magic != HOOK_MAGIC || event->version != HOOK_VERSION)
		return -EPROTO;
	if (!hook_operation_name(event->operation) ||
	    !memchr(event->domain, '\0', sizeof(event->domain)) ||
	    !memchr(event->reason, '\0', sizeof(event->reason)))
		return -EPROTO;
	return event->xml_size > 0 && event->xml_size <= MAX_DOMAIN_XML ? 0 : -EPROTO;
}
