/* SPDX-License-Identifier: BSD-3-Clause */
/* What the methods of org.vmpower.Manager work on. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H

#include <stdint.h>

#include "cpufreq.h"
#include "domains.h"
#include "loop.h"
#include "registry.h"
#include "virt.h"

#define CONTROL_INTERFACE "org.vmpower.Manager"
#define CONTROL_GROUP "vmpower" /* its members may ask, not change */

struct control_parts {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	struct cpufreq *cpufreq;
	struct virt *virt;
};

/* The context of each handler. */
struct control_context {
	struct control_parts parts;
	uint64_t started_ns; /* CLOCK_MONOTONIC, for the uptime */
};

#endif
