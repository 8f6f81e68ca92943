/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/no_counter.h"

#include <stddef.h>

#include "common/assertion.h"

static const struct {
	const char *name, *text;
} reasons[N_NO_COUNTERS] = {
	[NO_COUNTER_NONE] = {"none", "it is counted"},
	[NO_COUNTER_KIND] = {"kind", "nothing in the kernel counts this kind of interface: attach "
				     "the guest to a bridge, a network or a virtual function"},
	[NO_COUNTER_VHOSTUSER] =
		{"vhostuser", "the kernel does not see packets of a vhost-user interface: let the "
			      "guest ask, by its library or the agent in vmpower-guest"},
	[NO_COUNTER_USER] = {"user", "the kernel does not see packets of a user-mode interface: "
				     "attach the guest to a bridge or a network"},
	[NO_COUNTER_VDPA] =
		{"vdpa", "the counters of a vDPA device need a privilege that vmpowerd lacks: let "
			 "the guest ask, by its library or the agent in vmpower-guest"},
	[NO_COUNTER_TARGET] = {"target", "its XML names no device of the host: see virsh dumpxml"},
	[NO_COUNTER_DEVICE] = {"device", "the host has no such network device, or it is in "
					 "another network namespace than vmpowerd"},
	[NO_COUNTER_FUNCTION] = {"function", "its PCI device is no virtual function, or is gone"},
	[NO_COUNTER_PHYSICAL] = {"physical", "its physical function has no network device here: "
					     "bind it to its network driver on the host"},
	[NO_COUNTER_DRIVER] =
		{"driver", "the driver of its physical function does not count packets of virtual "
			   "functions: let the guest ask, by its library or the agent in "
			   "vmpower-guest"},
	[NO_COUNTER_INCOMPLETE] =
		{"incomplete", "the kernel's answer about its physical function lacks it: it is "
			       "being reset, or there are more than 200 virtual functions: create "
			       "fewer"},
	[NO_COUNTER_SLOW] = {"slow", "asking its physical function's driver takes too long: create "
				     "fewer virtual functions, or update driver and firmware"},
	[NO_COUNTER_ERROR] = {"error", "its counters can't be read: see the log of vmpowerd"},
};

const char *no_counter_name(enum no_counter why)
{
	ASSERT(why < N_NO_COUNTERS && reasons[why].name);
	return reasons[why].name;
}

const char *no_counter_text(enum no_counter why)
{
	ASSERT(why < N_NO_COUNTERS && reasons[why].text);
	return reasons[why].text;
}
