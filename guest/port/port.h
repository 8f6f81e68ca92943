/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One power port: opened, written whole, read reply by reply. The kernel lets one process at a time
 * open a port; a socket may stand for it (tests, or the agent that holds the port).
 */
#ifndef VMPOWER_GUEST_PORT_PORT_H
#define VMPOWER_GUEST_PORT_PORT_H

#include "guest/protocol/replies.h"

struct port {
	int fd; /* -1: not open */
	bool socket;
	bool agent; /* an agent stands for it: agent_socket.h */
	unsigned int number;
	struct replies replies;
};

/**
 * port_open() - open a port, non-blocking
 * @directory:	of ports_list()
 *
 * Return: 0; -ENOENT: there is no such port; -EBUSY: another process has it; -EACCES; -errno.
 */
int port_open(const char *directory, unsigned int number, struct port *port);

/** port_close() - close it, if it is open */
void port_close(struct port *port);

/**
 * port_send() - write a frame whole
 * @until_ns:	wait so long while the host is away or does not read; 0: don't wait
 *
 * Return: 0; -ENOTCONN: no host is connected; -EAGAIN: it does not read; -errno.
 */
int port_send(struct port *port, const unsigned char *bytes, size_t size, uint64_t until_ns);

/**
 * port_receive() - the next reply
 * @until_ns:	as port_send()'s
 *
 * Return: 0; -ENOTCONN: no host is connected; -EAGAIN: no reply came; -errno.
 */
int port_receive(struct port *port, uint64_t until_ns, struct reply *reply);

#endif
