/* SPDX-License-Identifier: BSD-3-Clause */
/* The signals that end or reload the service, received in the loop. */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_SIGNALS_H
#define VMPOWER_HELPER_MANAGER_SERVICE_SIGNALS_H

#include "helper/manager/loop/loop.h"

struct signals {
	struct loop *loop; /* NULL: not watched */
	struct loop_source source;
	void (*on_signal)(void *context, int signo);
	void *context;
};

/**
 * signals_watch() - block SIGTERM, SIGINT, SIGQUIT, SIGHUP and SIGUSR1, and ignore SIGPIPE
 * @on_signal:	called from the loop with each of the blocked signals
 *
 * Call it before threads are created: they inherit the mask.
 *
 * Return: 0 or -errno.
 */
int signals_watch(struct signals *signals, struct loop *loop,
		  void (*on_signal)(void *context, int signo), void *context);

/** signals_close() - stop watching; the signals stay blocked */
void signals_close(struct signals *signals);

#endif
