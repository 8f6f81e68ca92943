/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * [channel] peer-user: which users' processes are trusted to be QEMU. Names are looked up when
 * vmpowerd starts, and again at each reload. That may take any time (NSS may ask a server), so a
 * thread does it, and hooks and guests are served meanwhile. Where channels wait to be adopted, at
 * the start, a second is left for the answer.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_PEER_USERS_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_PEER_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "helper/manager/config/config.h"
#include "helper/manager/loop/loop.h"

struct peer_users;

/** peer_users_new() - look up the users that config has; takes a second at most. Return: 0; -errno
 */
int peer_users_new(struct loop *loop, const struct config *config, struct peer_users **users);
void peer_users_free(struct peer_users *users);

/**
 * peer_users_configure() - trust the users that config has now; does not block
 *
 * Numbers, and names that were there before, count at once, the others when they are found. A name
 * that does not exist is logged once, unless it is one of the default value.
 */
void peer_users_configure(struct peer_users *users, const struct config *config);

bool peer_users_trusted(const struct peer_users *users, uid_t uid);

/** peer_users_on_answer() - call this when no name is being looked up any more */
void peer_users_on_answer(struct peer_users *users, void (*answered)(void *context), void *context);

/** peer_users_pending() - are names being looked up? */
bool peer_users_pending(const struct peer_users *users);

/** peer_users_names() - those that exist, for log lines */
const char *peer_users_names(const struct peer_users *users);

#endif
