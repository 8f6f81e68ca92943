/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a running domain, whether vmpowerd or libvirt's files supply the facts. */
#ifndef VMPOWER_CTL_DOCTOR_DOMAIN_FINDINGS_H
#define VMPOWER_CTL_DOCTOR_DOMAIN_FINDINGS_H

#include "common/cpuset.h"
#include "ctl/doctor/look.h"

/* Who says which vCPUs are pinned. If vmpowerd answers, doctor does not decide that itself. */
enum pinning_source { PINNING_UNKNOWN, PINNING_BY_VMPOWERD, PINNING_BY_DOCTOR };

struct domain_facts {
	const char *name, *uuid;
	const char *problem; /* what of it is not served, and why; "": nothing */
	size_t n_channels;
	uint32_t n_vcpus;
	enum pinning_source pinning;
	struct cpuset unpinned;	    /* channels whose vCPU is online and not pinned */
	struct cpuset beyond;	    /* channels with no such vCPU */
	struct cpuset disabled;	    /* channels that the operator disabled */
	const char *metadata_error; /* NULL or "": none */
	const char *unserved;	    /* where "serve = no" stands; NULL: it is served */
};

/** domain_findings_add() - add all findings about a domain */
void domain_findings_add(struct doctor *doctor, const struct domain_facts *facts);

#endif
