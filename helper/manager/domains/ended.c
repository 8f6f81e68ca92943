/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/ended.h"

#include <string.h>

#include "common/assertion.h"

static const struct ended_domain *find(const struct ended *ended, const char *uuid)
{
	for (uint32_t i = 0; i < MAX_ENDED && ended->domains[i].uuid[0]; i++) {
		if (strcmp(ended->domains[i].uuid, uuid) == 0)
			return &ended->domains[i];
	}
	return NULL;
}

void ended_note(struct ended *ended, const char *uuid, uint64_t asked_ns)
{
	const struct ended_domain *known = find(ended, uuid);
	struct ended_domain *entry = &ended->domains[ended->next];

	ASSERT(uuid[0] && strlen(uuid) < sizeof(entry->uuid));
	if (known) {
		entry = &ended->domains[known - ended->domains];
	} else {
		memcpy(entry->uuid, uuid, strlen(uuid) + 1);
		entry->asked_ns = 0;
		ended->next = (ended->next + 1) % MAX_ENDED;
	}
	if (asked_ns > entry->asked_ns)
		entry->asked_ns = asked_ns;
}

uint64_t ended_when(const struct ended *ended, const char *uuid)
{
	const struct ended_domain *known = find(ended, uuid);

	return known ? known->asked_ns : 0;
}
