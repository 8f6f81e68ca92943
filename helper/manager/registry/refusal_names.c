/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/refusal_names.h"

#include "common/cleanup.h"

static const struct {
	const char *name;
	const char *remedy;
} refusals[] = {
	[REFUSAL_NONE] = {"none", "it was not refused"},
	[REFUSAL_VCPU] = {"vcpu", "the domain has no such vCPU: vCPUs are numbered from 0"},
	[REFUSAL_UNPINNED] = {"unpinned", "the vCPU is not pinned: \"virsh vcpupin\" pins it"},
	[REFUSAL_NO_CPUFREQ] = {"no-cpufreq", "none of the vCPU's CPUs has a frequency to set: "
					      "\"vmpowerctl cpu\" shows which have"},
	[REFUSAL_COMMAND] = {"command",
			     "vmpower does not support the command: see vmpower-protocol(7)"},
	[REFUSAL_UNIT] = {"unit", "unknown unit: see vmpower-protocol(7)"},
	[REFUSAL_NO_TURBO] = {"no-turbo", "none of the vCPU's CPUs has turbo frequencies, or turbo "
					  "is switched off on the host"},
	[REFUSAL_PHYSICAL] = {"physical", "guests can address vCPUs, not CPUs of the host"},
	[REFUSAL_WRITE] = {"write",
			   "the kernel refused the frequency: see the log line about the write"},
	[REFUSAL_ACQUIRE] = {"acquire", "the CPU's frequency files could not be opened: see "
					"vmpowerd's log line about it"},
	[REFUSAL_DENIED] = {"denied",
			    "the channel is disabled, or the domain's settings forbid it: "
			    "see \"vmpowerctl show\""},
	[REFUSAL_POLICY] = {"policy", "a field of the policy is invalid, or it names no vCPU: see "
				      "vmpower-protocol(7)"},
	[REFUSAL_NO_COUNTER] = {"no-counter", "nothing counts the packets that the policy goes by: "
					      "\"vmpowerctl doctor\" says why; it may go by "
					      "other interfaces, by time or by workload"},
	[REFUSAL_BRANCH_RATIO] = {"branch-ratio",
				  "policies by branch ratio are not supported: send "
				  "one by time or workload"},
	[REFUSAL_INTERFACE] = {"interface", "the policy names an interface that the domain does "
					    "not have: it may name those of its own XML"},
};

_Static_assert(array_size(refusals) == N_REFUSALS, "each refusal has a name and a remedy");

const char *refusal_name(enum refusal refusal)
{
	return (unsigned int)refusal < N_REFUSALS ? refusals[refusal].name : "unknown";
}

const char *refusal_remedy(enum refusal refusal)
{
	return (unsigned int)refusal < N_REFUSALS ? refusals[refusal].remedy : "unknown";
}
