/* SPDX-License-Identifier: BSD-3-Clause */
/* What several methods of org.vmpower.Manager have to say no to. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_REPLY_H
#define VMPOWER_HELPER_MANAGER_CONTROL_REPLY_H

#include <jansson.h>

#include "helper/manager/registry/registry.h"
#include "helper/manager/sources/virt.h"
#include "helper/manager/varlink/varlink.h"

/** control_domain_name() - a call's parameter "domain"; NULL: it can't be one, which was replied */
const char *control_domain_name(struct varlink_call *call);

/** control_find_domain() - the registered domain of a call; NULL: none, which was replied */
struct domain *control_find_domain(struct varlink_call *call, struct registry *registry);

void control_no_domain(struct varlink_call *call, const char *domain);
void control_no_channel(struct varlink_call *call, const char *domain, json_int_t number);

/** control_virt_error() - reply what virt_lookup() or domains_report() met with */
void control_virt_error(struct varlink_call *call, const struct virt *virt, const char *domain,
			int error);

#endif
