/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent: one loop that measures, governs, and asks the host through one port for each vCPU. */
#ifndef VMPOWER_GUEST_AGENT_AGENT_H
#define VMPOWER_GUEST_AGENT_AGENT_H

#include "guest/config/config.h"

/* Where things are; for tests. */
struct agent_places {
	const char *ports;  /* of ports_list() */
	const char *socket; /* the agent's own */
};

/** agent_run() - until SIGTERM or SIGINT. Return: 0; -errno: the error is logged */
int agent_run(const struct guest_config *config, const struct agent_places *places);

/**
 * agent_release() - end the votes that an agent has left, on all ports that it would govern
 *
 * For what systemd runs after an agent that was killed. Ports that others hold are left alone.
 *
 * Return: 0; -errno: the error is logged.
 */
int agent_release(const struct guest_config *config, const struct agent_places *places);

#endif
