/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters and errors that several methods of org.vmpower.Manager share. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_REPLY_H
#define VMPOWER_HELPER_MANAGER_CONTROL_REPLY_H

#include <jansson.h>

#include "helper/manager/registry/registry.h"
#include "helper/manager/sources/virt.h"
#include "helper/manager/varlink/varlink.h"

/** control_domain_name() - the parameter "domain"; NULL: invalid, an error was sent */
const char *control_domain_name(struct varlink_call *call);

/** control_find_domain() - the registered domain of a call; NULL: none, an error was sent */
struct domain *control_find_domain(struct varlink_call *call, struct registry *registry);

void control_no_domain(struct varlink_call *call, const char *domain);
void control_no_channel(struct varlink_call *call, const char *domain, json_int_t number);

/** control_virt_error() - reply with an error of virt_lookup() or domains_report() */
void control_virt_error(struct varlink_call *call, const struct virt *virt, const char *domain,
			int error);

#endif
