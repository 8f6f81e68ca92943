/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One manager follows another, after a restart, an upgrade or a crash, and no guest notices: the
 * channels' sockets and the state with the votes come from systemd's fd store, who the domains are
 * from <runtime directory>/domains/<UUID>, one saved_domain.h each. Without a fd store, or where
 * the state is another version's, channels are connected anew.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_SUCCESSION_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_SUCCESSION_H

#include <stdbool.h>

#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/service/inherited_fds.h"

struct succession;

struct succession_parts {
	struct loop *loop;
	struct registry *registry;
	struct events *events;
	const char *runtime_dir;
	struct inherited_fds *inherited; /* all that is left in there was stored */
	bool listing;			 /* libvirt will tell of what is not there any more */
};

int succession_new(const struct succession_parts *parts, struct succession **succession);

void succession_free(struct succession *succession);

/**
 * succession_take_over() - enter into the registry what a predecessor had
 * @succession:	NULL: there was none, and nothing is kept for a successor
 * @state_fd:	set to the state's memfd, a new one or the predecessor's; the caller's
 * @taken_over:	set to whether domains were taken over, with their votes
 *
 * From here on what happens to domains and channels is kept for a successor.
 *
 * Return: 0; -errno: not even a new state can be made.
 */
int succession_take_over(struct succession *succession, struct channel_manager *channels,
			 int *state_fd, bool *taken_over);

/**
 * succession_possible() - will a successor find what it needs, if all is left as it is?
 *
 * Where not, or where none will come, succession_forget().
 */
bool succession_possible(const struct succession *succession);

/** succession_forget() - nobody follows: what was kept in files is removed */
void succession_forget(struct succession *succession);

/** succession_save() - write what is not written yet */
void succession_save(struct succession *succession);

#endif
