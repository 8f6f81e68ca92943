/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sockets at which vmpowerd listens: systemd's, if it passes them (vmpowerd.socket,
 * vmpowerd-hook.socket), else its own in the runtime directory.
 *
 * systemd's sockets exist before vmpowerd and outlive it: vmpowerd does not remove their files.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_LISTENING_H
#define VMPOWER_HELPER_MANAGER_SERVICE_LISTENING_H

#include <stdbool.h>

#include "helper/manager/service/inherited_fds.h"

/* Members may connect to LISTENING_CONTROL, to query, not to change. */
#define CONTROL_GROUP "vmpower"

enum listening_socket {
	LISTENING_HOOK,	   /* SOCK_SEQPACKET, 0600 */
	LISTENING_CONTROL, /* SOCK_STREAM, 0660, of CONTROL_GROUP */
	N_LISTENING,
};

struct listening {
	const char *runtime_dir;
	int inherited[N_LISTENING]; /* -1: none, or handed out */
	bool ours[N_LISTENING];	    /* we created the file */
};

/**
 * listening_init() - take systemd's sockets
 * @listening:		zeroed
 * @runtime_dir:	must stay valid
 * @inherited:		both sockets are taken from it
 *
 * Return: 0; -errno, logged: systemd passes something else.
 */
int listening_init(struct listening *listening, const char *runtime_dir,
		   struct inherited_fds *inherited);

/**
 * listening_open() - get systemd's socket, or create one
 *
 * Return: fd, CLOEXEC and non-blocking, the caller's; -errno, logged.
 */
int listening_open(struct listening *listening, enum listening_socket which);

/** listening_end() - remove the files that we created; call it before their fds are closed */
void listening_end(struct listening *listening);

#endif
