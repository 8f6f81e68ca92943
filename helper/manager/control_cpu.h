/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of org.vmpower.Manager about CPUs: what they run at, and who decides that. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CPU_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CPU_H

#include "varlink.h"

void control_list_cpus(struct varlink_call *call, void *context);
void control_explain_cpu(struct varlink_call *call, void *context);

#endif
