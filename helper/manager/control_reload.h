/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_RELOAD_H
#define VMPOWER_HELPER_MANAGER_CONTROL_RELOAD_H

#include "varlink.h"

/* Method Reload; @context: struct control_context */
void control_reload(struct varlink_call *call, void *context);

#endif
