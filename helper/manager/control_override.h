/* SPDX-License-Identifier: BSD-3-Clause */
/* The method of org.vmpower.Manager by which the operator has the last word. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_OVERRIDE_H
#define VMPOWER_HELPER_MANAGER_CONTROL_OVERRIDE_H

#include "varlink.h"

void control_set_override(struct varlink_call *call, void *context);

#endif
