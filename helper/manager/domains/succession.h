/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Succession: after a restart, an upgrade or a crash the new manager continues where its
 * predecessor stopped, and no guest notices. The monitor has the channels' sockets and the votes;
 * <runtime directory>/domains/<UUID> keeps each domain (saved_domain.h).
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_SUCCESSION_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_SUCCESSION_H

#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"

struct succession;

struct succession_parts {
	struct loop *loop;
	struct registry *registry;
	struct events *events;
	const char *runtime_dir;
};

int succession_new(const struct succession_parts *parts, struct succession **succession);

void succession_free(struct succession *succession);

/** succession_restore() - enter a predecessor's domains: the monitor has their votes */
void succession_restore(struct succession *succession);

/** succession_begin() - from here on domains are saved for a successor */
void succession_begin(struct succession *succession);

/** succession_forget() - no successor will come: remove the saved domains */
void succession_forget(struct succession *succession);

/** succession_save() - write all pending changes, before the end; else a few are in each turn */
void succession_save(struct succession *succession);

#endif
