/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is told of a domain's interfaces. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_LINK_INTERFACES_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_LINK_INTERFACES_H

#include <stdbool.h>

#include "helper/link/message.h"
#include "helper/manager/traffic/traffic.h"

/**
 * interface_is_named() - does an operator's policy go by this interface?
 * @names:	"all", or devices and MAC addresses in lower case, with a blank in between
 */
bool interface_is_named(const struct domain_interface *interface, const char *names);

/** traffic_link_interfaces() - of a domain, as they are now. @names: as above */
struct link_interfaces traffic_link_interfaces(const struct traffic *traffic, uint32_t domain,
					       const char *names);

#endif
