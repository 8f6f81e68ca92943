/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AF_UNIX sockets: listen, connect, identify the peer, exchange messages that carry fds. Linked
 * into the hook, so it must not log or assert.
 */
#ifndef VMPOWER_COMMON_UNIX_SOCKET_H
#define VMPOWER_COMMON_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define UNIX_PATH_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path) + 1)

/** unix_address() - fill @address. Return: 0; -ENAMETOOLONG (empty, or over 107 bytes) */
int unix_address(const char *path, struct sockaddr_un *address);

/**
 * unix_listen() - bind and listen at a path
 * @path:	a stale socket file there is replaced; a live one is not
 * @type:	SOCK_STREAM or SOCK_SEQPACKET; the fd is CLOEXEC and non-blocking
 * @mode:	of the socket file
 *
 * Return: fd; -EADDRINUSE (another process serves the path); -errno.
 */
int unix_listen(const char *path, int type, mode_t mode);

/**
 * unix_connect() - connect without blocking
 * @path:	socket file
 * @type:	SOCK_STREAM or SOCK_SEQPACKET; the fd is CLOEXEC and non-blocking
 *
 * Return: fd; -EAGAIN (the listener's backlog is full: try again later); -errno.
 */
int unix_connect(const char *path, int type);

/** unix_peer() - credentials that the kernel recorded at connect or listen. Return: 0; -errno */
int unix_peer(int fd, struct ucred *peer);

/** unix_connect_asking() - as unix_connect(), for unix_sender(). Return: fd; -errno */
int unix_connect_asking(const char *path, int type);

/**
 * unix_sender() - who sent the first message of a connection, as the kernel says
 * @fd:		of unix_connect_asking(); nothing was received yet
 *
 * unix_peer() can't tell: to who connects it says who called listen().
 *
 * Return: 0; -EAGAIN: no message; -errno.
 */
int unix_sender(int fd, struct ucred *sender);

/** unix_peer_path() - the path that the peer is bound to; "": none. Return: 0; -errno */
int unix_peer_path(int fd, char path[UNIX_PATH_SIZE]);

/** unix_cookie() - host-wide unique socket id (SO_COOKIE); 0: not a socket */
uint64_t unix_cookie(int fd);

/** unix_has_hung_up() - has the peer of a stream closed it, or its sending half? */
bool unix_has_hung_up(int fd);

/** unix_peer_in_group() - is @gid among the peer's groups (SO_PEERGROUPS, or primary)? */
bool unix_peer_in_group(int fd, gid_t gid);

/**
 * unix_send() - send one message with fds
 * @fd:		SEQPACKET or DGRAM socket
 * @fds:	remain the caller's; at most UNIX_MAX_FDS
 * @flags:	added to MSG_NOSIGNAL
 *
 * Return: 0; -errno (-EAGAIN, -EPIPE, ...).
 */
int unix_send(int fd, const void *data, size_t size, const int *fds, unsigned int n_fds, int flags);

/**
 * unix_receive() - receive one message with fds
 * @size:	of @data, in bytes
 * @fds:	filled with CLOEXEC fds, owned by the caller
 * @n_fds:	in: room in @fds; out: number received, 0 on error
 * @flags:	added to MSG_CMSG_CLOEXEC
 *
 * Return: bytes (0: the peer is gone); -EMSGSIZE (message or fds do not fit; all dropped); -errno.
 */
ssize_t unix_receive(int fd, void *data, size_t size, int *fds, unsigned int *n_fds, int flags);

#define UNIX_MAX_FDS 4

#endif
