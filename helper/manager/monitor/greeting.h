/* SPDX-License-Identifier: BSD-3-Clause */
/* What a monitor says that it holds, when a manager has connected. Nothing of it is trusted. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_GREETING_H
#define VMPOWER_HELPER_MANAGER_MONITOR_GREETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/link/message.h"

/* A channel that a monitor serves already. */
struct held_channel {
	uint32_t id; /* less than MAX_CHANNELS */
	int fd;	     /* a duplicate of its socket; who wants it sets -1 */
};

struct greeting {
	struct link_hello hello;
	bool said;	/* HELLO has come */
	bool has_state; /* it came with a state: the monitor has served a manager */
	int state_fd;	/* that state, until it is taken; -1: none, or it can't be used */
	struct held_channel *held; /* by ascending id */
	size_t n_held, room_held;
};

void greeting_init(struct greeting *greeting);

/** greeting_clear() - close what was not taken */
void greeting_clear(struct greeting *greeting);

/**
 * greeting_receive() - one more message
 * @fds:	taken over
 *
 * Return: 1: it is complete; 0; -EPROTO: that is no greeting; -ENOMEM.
 */
int greeting_receive(struct greeting *greeting, const struct link_message *message, const int *fds,
		     unsigned int n_fds);

/**
 * greeting_is_outdated() - is the monitor another program than the one that is installed?
 * @program:	its path. If there is none, the monitor is as good as any
 */
bool greeting_is_outdated(const struct greeting *greeting, const char *program);

/** greeting_is_understood() - is it of our version, and its state too? */
bool greeting_is_understood(const struct greeting *greeting);

#endif
