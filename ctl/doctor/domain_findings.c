/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/doctor/domain_findings.h"

#include <stdlib.h>

#include "ctl/common/text.h"

static void find_problem(struct doctor *doctor, const struct domain_facts *facts)
{
	if (!*facts->problem)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "domain \"%s\" is not served in full: %s", facts->name,
		   facts->problem);
	doctor_remedy(doctor, "correct it with \"virsh edit %s\", then stop and start it",
		      text_pasteable(facts->name, facts->uuid));
}

static void find_metadata_error(struct doctor *doctor, const struct domain_facts *facts)
{
	if (!facts->metadata_error || !*facts->metadata_error)
		return;
	doctor_add(doctor, HEALTH_WARNING,
		   "domain \"%s\": the settings in its <metadata> are ignored: %s", facts->name,
		   facts->metadata_error);
	doctor_remedy(doctor, "set them again with \"virsh metadata\", see vmpower-domain(5)");
}

static void find_unserved(struct doctor *doctor, const struct domain_facts *facts)
{
	if (!facts->unserved)
		return;
	doctor_add(doctor, HEALTH_NOTE, "domain \"%s\" is not served: serve is no in %s",
		   facts->name, facts->unserved);
	doctor_remedy(doctor, "remove it if requests of its guest are to be obeyed");
}

static void find_disabled_channels(struct doctor *doctor, const struct domain_facts *facts)
{
	cleanup_free char *disabled = cpuset_text(&facts->disabled);

	if (!disabled || !*disabled)
		return;
	doctor_add(doctor, HEALTH_NOTE, "domain \"%s\", channel %s: disabled by the operator",
		   facts->name, disabled);
	doctor_remedy(doctor, "vmpowerctl channel enable %s",
		      text_pasteable(facts->name, facts->uuid));
}

static void find_channels_beyond(struct doctor *doctor, const struct domain_facts *facts)
{
	cleanup_free char *beyond = cpuset_text(&facts->beyond);
	const char *name = text_pasteable(facts->name, facts->uuid);

	if (!beyond || !*beyond)
		return;
	doctor_add(doctor, HEALTH_WARNING,
		   "domain \"%s\", channel %s has no vCPU: the domain has %u, numbered from 0",
		   facts->name, beyond, facts->n_vcpus);
	doctor_remedy(doctor, "vmpowerctl detach %s --vcpus %s, and vmpowerctl attach %s", name,
		      beyond, name);
}

static void find_no_channels(struct doctor *doctor, const struct domain_facts *facts)
{
	if (facts->n_channels > 0 || *facts->problem)
		return;
	doctor_add(doctor, HEALTH_NOTE, "domain \"%s\" has no power channels", facts->name);
	doctor_remedy(doctor, "if its guest is to scale CPUs: vmpowerctl attach %s",
		      text_pasteable(facts->name, facts->uuid));
}

static void find_unpinned(struct doctor *doctor, const struct domain_facts *facts)
{
	cleanup_free char *unpinned = cpuset_text(&facts->unpinned);
	const char *source = facts->pinning == PINNING_BY_DOCTOR
				     ? " (read from libvirt's file, since vmpowerd does not answer)"
				     : "";

	if (!unpinned || facts->n_channels == 0 || facts->pinning == PINNING_UNKNOWN)
		return;
	if (!*unpinned) {
		doctor_add(doctor, HEALTH_OK,
			   "domain \"%s\" has %zu power channels, and their vCPUs are pinned%s",
			   facts->name, facts->n_channels, source);
		return;
	}
	doctor_add(doctor, HEALTH_PROBLEM,
		   "domain \"%s\", vCPU %s: not pinned to some of the host's CPUs, so requests are "
		   "refused%s",
		   facts->name, unpinned, source);
	doctor_remedy(doctor, "virsh vcpupin %s %s CPU --live --config",
		      text_pasteable(facts->name, facts->uuid),
		      cpuset_count(&facts->unpinned) == 1 ? unpinned : "VCPU");
}

void domain_findings_add(struct doctor *doctor, const struct domain_facts *facts)
{
	find_problem(doctor, facts);
	find_metadata_error(doctor, facts);
	find_unserved(doctor, facts);
	find_disabled_channels(doctor, facts);
	find_channels_beyond(doctor, facts);
	find_no_channels(doctor, facts);
	find_unpinned(doctor, facts);
}
