/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of org.vmpower.Manager, described in org.vmpower.Manager.varlink. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H
#define VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H

#include "helper/manager/varlink/varlink.h"

/* Handlers; @context is a struct control_context. */
void control_add_channels(struct varlink_call *call, void *context);
void control_add_domain(struct varlink_call *call, void *context);
void control_clear_policy(struct varlink_call *call, void *context);
void control_explain_cpu(struct varlink_call *call, void *context);
void control_list_cpus(struct varlink_call *call, void *context);
void control_metrics(struct varlink_call *call, void *context);
void control_reload(struct varlink_call *call, void *context);
void control_set_policy(struct varlink_call *call, void *context);
void control_set_override(struct varlink_call *call, void *context);
void control_subscribe(struct varlink_call *call, void *context);
void control_verify(struct varlink_call *call, void *context);

extern const struct varlink_method control_methods[]; /* ends with a NULL name */
extern const char control_methods_text[];	      /* org.vmpower.Manager.varlink */

#endif
