/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/link_interfaces.h"

#include <stdio.h>
#include <string.h>

static bool is_word(const char *words, size_t length, const char *word)
{
	return strlen(word) == length && length > 0 && memcmp(words, word, length) == 0;
}

bool interface_is_named(const struct domain_interface *interface, const char *names)
{
	char mac[sizeof("00:00:00:00:00:00")];

	if (strcmp(names, "all") == 0)
		return true;
	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", interface->mac[0],
		       interface->mac[1], interface->mac[2], interface->mac[3], interface->mac[4],
		       interface->mac[5]);
	while (*names) {
		size_t length = strcspn(names, " ");

		if (is_word(names, length, interface->target) || is_word(names, length, mac))
			return true;
		names += length;
		names += strspn(names, " ");
	}
	return false;
}

struct link_interfaces traffic_link_interfaces(const struct traffic *traffic, uint32_t domain,
					       const char *names)
{
	struct link_interfaces to = {.domain = domain};

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		struct link_interface *slot = &to.slots[i];
		struct traffic_interface from;

		if (!traffic_interface(traffic, domain, i, &from))
			continue;
		memcpy(slot->mac, from.interface.mac, sizeof(slot->mac));
		slot->flags = INTERFACE_PRESENT;
		if (from.why == NO_COUNTER_NONE)
			slot->flags |= INTERFACE_COUNTED;
		/* "all" are those that are counted; what is named itself may not be left out */
		if ((slot->flags & INTERFACE_COUNTED || strcmp(names, "all") != 0) &&
		    interface_is_named(&from.interface, names))
			slot->flags |= INTERFACE_NAMED;
	}
	return to;
}
