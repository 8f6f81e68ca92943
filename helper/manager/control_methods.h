/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of org.vmpower.Manager, as its varlink file describes them. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H
#define VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H

#include <stdint.h>

#include "control.h"
#include "varlink_server.h"

#define CONTROL_INTERFACE "org.vmpower.Manager"

/* What the methods work on: the context of each handler. */
struct control_context {
	struct control_parts parts;
	uint64_t started_ns; /* CLOCK_MONOTONIC, for the uptime */
};

extern const struct varlink_method control_methods[];
extern const size_t n_control_methods;

#endif
