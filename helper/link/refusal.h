/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a guest's request was refused; the words for it are in registry/refusal_names.c. */
#ifndef VMPOWER_HELPER_LINK_REFUSAL_H
#define VMPOWER_HELPER_LINK_REFUSAL_H

/* The numbers are part of the shared state: a change needs a new SHARED_STATE_VERSION. */
enum refusal {
	REFUSAL_NONE,	      /* not refused */
	REFUSAL_VCPU,	      /* no such vCPU in this domain */
	REFUSAL_UNPINNED,     /* the vCPU is not pinned and config does not allow unpinned votes */
	REFUSAL_NO_CPUFREQ,   /* none of the vCPU's pCPUs has a frequency to set */
	REFUSAL_COMMAND,      /* unknown or unsupported command */
	REFUSAL_UNIT,	      /* unknown unit of CPU_POWER */
	REFUSAL_NO_TURBO,     /* none of the vCPU's pCPUs has turbo frequencies */
	REFUSAL_PHYSICAL,     /* core_type PHYSICAL: guests can't address pCPUs */
	REFUSAL_WRITE,	      /* the kernel refused the frequency */
	REFUSAL_ACQUIRE,      /* the manager could not take control of the frequency domain */
	REFUSAL_DENIED,	      /* config forbids it, or the operator disabled the channel */
	REFUSAL_POLICY,	      /* a field of the policy is invalid, or it names no vCPU */
	REFUSAL_NO_COUNTER,   /* nothing counts the packets that the policy goes by */
	REFUSAL_BRANCH_RATIO, /* policies by branch ratio are not supported */
	REFUSAL_INTERFACE,    /* the policy names an interface that the domain does not have */
	N_REFUSALS,
};

#endif
