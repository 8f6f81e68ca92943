/* SPDX-License-Identifier: BSD-3-Clause */
/* The method of org.vmpower.Manager that tells what others have changed. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_VERIFY_H
#define VMPOWER_HELPER_MANAGER_CONTROL_VERIFY_H

#include "varlink.h"

void control_verify(struct varlink_call *call, void *context);

#endif
