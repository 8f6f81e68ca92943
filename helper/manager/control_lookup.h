/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of org.vmpower.Manager that add: they ask libvirt what a domain is now, register
 * it so, and reply when that is done.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_LOOKUP_H
#define VMPOWER_HELPER_MANAGER_CONTROL_LOOKUP_H

#include "varlink.h"

void control_add_domain(struct varlink_call *call, void *context);
void control_add_channels(struct varlink_call *call, void *context);

#endif
