/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/link/refusal.h"

#include "common/cleanup.h"

static const struct {
	const char *name;
	const char *remedy;
} refusals[] = {
	[REFUSAL_NONE] = {"none", "it was not refused"},
	[REFUSAL_VCPU] = {"vcpu", "the domain has no such vCPU: vCPUs are numbered from 0"},
	[REFUSAL_UNPINNED] = {"unpinned", "the vCPU is not pinned: \"virsh vcpupin\" pins it"},
	[REFUSAL_NO_CPUFREQ] = {"no-cpufreq", "no CPU below the vCPU has a frequency to set: "
					      "\"vmpowerctl cpu\" shows which have"},
	[REFUSAL_COMMAND] = {"command",
			     "vmpower does not do that command: see vmpower-protocol(7)"},
	[REFUSAL_UNIT] = {"unit", "there is no such unit: see vmpower-protocol(7)"},
	[REFUSAL_PHYSICAL] = {"physical", "guests name vCPUs, not CPUs of the host"},
	[REFUSAL_WRITE] = {"write", "the kernel refused the frequency: see the line about it"},
	[REFUSAL_ACQUIRE] = {"acquire", "the CPU's frequency files could not be opened: see "
					"vmpowerd's line about it"},
	[REFUSAL_DENIED] = {"denied", "the channel is disabled, or the domain may not do that: "
				      "see \"vmpowerctl show\""},
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
