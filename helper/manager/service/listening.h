/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sockets that vmpowerd serves at: systemd's, where it hands them over (vmpowerd.socket,
 * vmpowerd-hook.socket), else its own, in the runtime directory.
 *
 * systemd's are there before vmpowerd, and outlive it: files of those are not ours to remove.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_LISTENING_H
#define VMPOWER_HELPER_MANAGER_SERVICE_LISTENING_H

#include <stdbool.h>

#include "helper/manager/service/inherited_fds.h"

/* Members may connect to LISTENING_CONTROL: ask, not change. */
#define CONTROL_GROUP "vmpower"

enum listening_socket {
	LISTENING_HOOK,	   /* SOCK_SEQPACKET, 0600 */
	LISTENING_CONTROL, /* SOCK_STREAM, 0660, of CONTROL_GROUP */
	N_LISTENING,
};

struct listening {
	const char *runtime_dir;
	int inherited[N_LISTENING]; /* -1: none, or opened */
	bool ours[N_LISTENING];	    /* the file is */
};

/**
 * listening_init() - take what systemd has for us
 * @listening:		zeroed
 * @runtime_dir:	stays valid
 * @inherited:		both are taken out
 *
 * Return: 0; -errno, logged: what systemd has is no such socket.
 */
int listening_init(struct listening *listening, const char *runtime_dir,
		   struct inherited_fds *inherited);

/**
 * listening_open() - have the one that was handed over, or make it
 *
 * Return: fd, CLOEXEC and non-blocking, the caller's; -errno, logged.
 */
int listening_open(struct listening *listening, enum listening_socket which);

/** listening_end() - remove the files that are ours; while the fds are open, or they may be
 * another's */
void listening_end(struct listening *listening);

#endif
