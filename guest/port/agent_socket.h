/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the tool speaks through an agent that holds the ports: a SEQPACKET connection. The tool says
 * hello, the agent answers; then the connection is the port: the tool sends frames, the agent sends
 * the replies to them as struct reply. Both ends are the same program.
 */
#ifndef VMPOWER_GUEST_PORT_AGENT_SOCKET_H
#define VMPOWER_GUEST_PORT_AGENT_SOCKET_H

#include "guest/port/port.h"

#define AGENT_SOCKET "/run/vmpower-guest/agent.sock"
#define AGENT_SOCKET_VARIABLE "VMPOWER_GUEST_SOCKET"
#define AGENT_MAGIC 0x31677076u
#define AGENT_STATUS_MAX 65536 /* bytes of JSON */

enum agent_kind {
	AGENT_PORT = 1,	  /* be a port */
	AGENT_STATUS = 2, /* send the state as JSON, in one message, and close */
};

struct agent_hello {
	uint32_t magic, kind, port;
};

struct agent_welcome {
	uint32_t magic;
	int32_t error; /* 0; -ENOENT: the agent does not hold this port */
};

/**
 * agent_port_open() - use a port that the agent holds
 * @path:	of its socket
 *
 * Return: 0; -ENOENT: no agent runs, or it does not hold this port; -errno.
 */
int agent_port_open(const char *path, unsigned int number, struct port *port);

/**
 * agent_status() - the agent's state
 * @text:	set to JSON, owned by the caller
 *
 * Return: 0; -ENOENT: no agent runs; -errno.
 */
int agent_status(const char *path, char **text);

#endif
