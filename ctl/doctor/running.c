/* SPDX-License-Identifier: BSD-3-Clause */
/* Running domains that vmpowerd does not know, from libvirt's status files. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/whole_file.h"
#include "ctl/common/text.h"
#include "ctl/doctor/checks.h"
#include "ctl/doctor/domain_findings.h"
#include "xml/domain_xml.h"

#define STATUS "/run/libvirt/qemu"
#define MOST_STATUS (16u << 20)

/* CPUs that are present, or else those that are online; empty: both are unknown */
static struct cpuset present_cpus(const struct doctor *doctor)
{
	cleanup_free char *present = doctor_read(doctor, "/sys/devices/system/cpu/present");
	cleanup_free char *online = doctor_read(doctor, "/sys/devices/system/cpu/online");
	struct cpuset cpus = {0};

	if (!present || cpuset_parse(present, &cpus) < 0)
		(void)cpuset_parse(online ? online : "", &cpus);
	return cpus;
}

/* If the host's CPUs are unknown, every affinity pins. */
static bool is_pinned(const struct vcpu_description *vcpu, const struct cpuset *present)
{
	return cpuset_count(present) == 0 ? vcpu->pinned : vcpu_pinned(vcpu, present);
}

static void examine(struct doctor *doctor, const struct domain_description *domain,
		    const struct cpuset *present)
{
	struct domain_facts facts = {
		.name = domain->name,
		.uuid = domain->uuid,
		.problem = domain->problem,
		.pinning = doctor->known ? PINNING_UNKNOWN : PINNING_BY_DOCTOR,
		.n_channels = domain->n_channels,
		.n_vcpus = domain->n_vcpus,
		.metadata_error = domain->metadata_error,
	};

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		uint32_t number = domain->channels[i].number;

		if (number >= domain->n_vcpus)
			cpuset_add(&facts.beyond, number);
		else if (domain->vcpus[number].online &&
			 !is_pinned(&domain->vcpus[number], present))
			cpuset_add(&facts.unpinned, number);
	}
	domain_findings_add(doctor, &facts);
}

static void find_unregistered(struct doctor *doctor, const struct domain_description *domain)
{
	if (!doctor->known || domain->n_channels == 0)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "domain \"%s\" runs, and vmpowerd does not serve it",
		   domain->name);
	doctor_remedy(doctor,
		      "vmpowerctl domain add %s; \"journalctl -u vmpowerd\" says why it was not "
		      "registered",
		      text_pasteable(domain->name, domain->uuid));
}

/* A channel whose name is almost that of a power channel */
static void find_near_miss(struct doctor *doctor, const struct domain_description *domain)
{
	if (!*domain->near_miss)
		return;
	doctor_add(doctor, HEALTH_WARNING, "domain \"%s\": channel %s is not a power channel",
		   domain->name, domain->near_miss);
	doctor_remedy(doctor, "if it should be one, \"virsh edit\" and name it " CHANNEL_NAME_PREFIX
			      "N, where N is a vCPU's number");
}

static void find_xml_error(struct doctor *doctor, const char *file, const struct xml_error *error)
{
	bool named = *error->domain;

	if (named)
		doctor_add(doctor, HEALTH_PROBLEM, "domain \"%s\" is not served: %s", error->domain,
			   error->text);
	else
		doctor_add(doctor, HEALTH_PROBLEM, "domain of %s: %s", file, error->text);
	doctor_remedy(doctor, "correct it with \"virsh edit %s\", then stop and start it",
		      named ? text_pasteable(error->domain, error->uuid) : "DOMAIN");
}

/* Ignore a domain that has just ended, and lack of rights, which check_rights() reports. */
static void find_read_error(struct doctor *doctor, const char *file, int error)
{
	if (error == ENOENT || (error == EACCES && geteuid() != 0))
		return;
	doctor_add(doctor, HEALTH_WARNING, "domain of %s can't be read: %s", file, strerror(error));
	doctor_remedy(doctor, "\"virsh dumpxml\" shows what libvirt knows of it");
}

/* A status file is <domstatus> with the domain's XML in it. */
static void examine_file(struct doctor *doctor, int directory, const char *name,
			 const struct cpuset *present)
{
	static const char end_tag[] = "</domain>";
	cleanup_free char *text = NULL;
	size_t size;
	int r = whole_file_read(directory, name, MOST_STATUS, false, &text, &size);
	const char *begin = text ? strstr(text, "<domain ") : NULL, *end = NULL;
	struct domain_description *domain;
	struct xml_error error;

	if (r < 0)
		find_read_error(doctor, name, -r);
	for (const char *next = begin; next && (next = strstr(next, end_tag));)
		end = next += strlen(end_tag);
	if (!end)
		return;
	if (domain_xml_parse(begin, (size_t)(end - begin), &domain, &error) < 0) {
		find_xml_error(doctor, name, &error);
		return;
	}
	find_near_miss(doctor, domain);
	if (!json_object_get(doctor->known, domain->uuid)) {
		examine(doctor, domain, present);
		find_unregistered(doctor, domain);
	}
	domain_description_free(domain);
}

void check_running_domains(struct doctor *doctor)
{
	struct cpuset present = present_cpus(doctor);
	cleanup_free char *path = doctor_path(doctor, STATUS);
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".xml") == 0)
			examine_file(doctor, dirfd(directory), entry->d_name, &present);
	}
}
