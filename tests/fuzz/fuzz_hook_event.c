/* SPDX-License-Identifier: BSD-3-Clause */
/* Any message on the hook's socket: an accepted event is usable as a whole. */
#include <errno.h>

#include "helper/manager/sources/hook_queue.h"
#include "helper/manager/sources/hook_server.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* as in the server: room for an event, of which fewer bytes may be received */
	struct hook_event event;
	size_t received = size < sizeof(event) ? size : sizeof(event);
	const char *name;
	int r;

	memset(&event, 0xff, sizeof(event));
	if (size > 0)
		memcpy(&event, data, received);
	r = hook_event_check(&event, size);
	require(r == 0 || r == -EPROTO);
	require(r < 0 || size == sizeof(event));
	name = size >= sizeof(event) ? hook_operation_name(event.operation) : NULL;
	if (r < 0)
		return 0;
	require(name && name[0]);
	require(event.magic == HOOK_MAGIC && event.version == HOOK_VERSION);
	require(event.xml_size > 0 && event.xml_size <= MAX_DOMAIN_XML);
	require(memchr(event.domain, '\0', sizeof(event.domain)));
	require(memchr(event.reason, '\0', sizeof(event.reason)));
	return 0;
}
