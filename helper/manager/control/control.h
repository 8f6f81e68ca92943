/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control API: a varlink server for org.vmpower.Manager. The number of clients, the size of
 * messages and the replies that a client leaves unread are bounded.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CONTROL_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CONTROL_H

#include "helper/manager/control/context.h"

struct control;

/**
 * control_new() - serve a listening socket
 * @listen_fd:	SOCK_STREAM; taken over, also on failure
 */
int control_new(const struct control_parts *parts, int listen_fd, struct control **control);
void control_free(struct control *control);

#endif
