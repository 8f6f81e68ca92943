/* SPDX-License-Identifier: BSD-3-Clause */
/* In what two descriptions of the same run of a domain differ. Pure logic. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAIN_CHANGE_H
#define VMPOWER_HELPER_MANAGER_DOMAIN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "domain_description.h"

struct domain_change {
	bool vcpus;    /* their number, which are online, where they are pinned */
	bool channels; /* their numbers, or paths of sockets */
	bool name;
	bool metadata; /* the settings in its XML, or what is wrong with them */
};

/** domain_change_find() - what of @before is another in @after */
struct domain_change domain_change_find(const struct domain_description *before,
					const struct domain_description *after);

#define DOMAIN_CHANGE_TEXT_SIZE 48

/**
 * domain_change_text() - what has changed, for a log line: "vCPUs, channels"
 * @text:	the list; empty where nothing has changed
 */
void domain_change_text(const struct domain_change *change, char text[DOMAIN_CHANGE_TEXT_SIZE]);

#endif
