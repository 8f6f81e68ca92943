/* SPDX-License-Identifier: BSD-3-Clause */
/* The method of org.vmpower.Manager that monitoring systems are fed by. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_METRICS_H
#define VMPOWER_HELPER_MANAGER_CONTROL_METRICS_H

#include "varlink.h"

void control_metrics(struct varlink_call *call, void *context);

#endif
