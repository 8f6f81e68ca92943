/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The domains that have ended lately, and when: a report that such a domain runs may be older than
 * its end, and would bring back what nobody ends again. Pure.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_ENDED_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_ENDED_H

#include <stdint.h>

#include "common/bounds.h"

/* As many as can run: each may end while one answer of libvirt is on its way. */
#define MAX_ENDED MAX_DOMAINS

struct ended {
	uint32_t next; /* of the entries: the oldest, which is replaced */
	struct ended_domain {
		char uuid[UUID_SIZE]; /* "": unused */
		uint64_t asked_ns;    /* of the report of its end */
	} domains[MAX_ENDED];
};

/** ended_note() - a domain has ended, whether it was registered or not */
void ended_note(struct ended *ended, const char *uuid, uint64_t asked_ns);

/** ended_when() - asked_ns of the last report of a domain's end; 0: none is known */
uint64_t ended_when(const struct ended *ended, const char *uuid);

#endif
