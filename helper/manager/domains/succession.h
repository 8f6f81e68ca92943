/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Succession: after a restart, an upgrade or a crash the new manager continues where its
 * predecessor stopped, and no guest notices. systemd's fd store keeps the channels' sockets and the
 * state with the votes; <runtime directory>/domains/<UUID> keeps each domain (saved_domain.h).
 * Without an fd store, or if the state is of another version, channels are reconnected.
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
	struct inherited_fds *inherited; /* its remaining fds come from the fd store */
	bool listing;			 /* will libvirt list the running domains? */
};

int succession_new(const struct succession_parts *parts, struct succession **succession);

void succession_free(struct succession *succession);

/**
 * succession_take_over() - enter a predecessor's domains into the registry
 * @succession:	NULL: no predecessor, and nothing is saved for a successor
 * @state_fd:	set to the state's memfd, a new one or the predecessor's; the caller's
 * @taken_over:	set: were domains taken over, with their votes?
 *
 * From here on domains and channels are saved for a successor.
 *
 * Return: 0; -errno: even a new state could not be created.
 */
int succession_take_over(struct succession *succession, struct channel_manager *channels,
			 int *state_fd, bool *taken_over);

/**
 * succession_possible() - can a successor continue from here?
 *
 * If not, or if none will come, call succession_forget().
 */
bool succession_possible(const struct succession *succession);

/** succession_forget() - no successor will come: remove the saved domains */
void succession_forget(struct succession *succession);

/** succession_save() - write pending changes */
void succession_save(struct succession *succession);

#endif
