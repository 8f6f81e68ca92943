/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/domain_parts.h"

#include <errno.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/value.h"

#define MAX_NUMBER INT32_MAX

/* The mandatory attribute @name as a number. */
static int number_attribute(const xmlNode *element, const char *name, uint32_t max, uint32_t *value,
			    struct xml_error *error)
{
	char *text cleanup_free = NULL;
	int r;

	r = xml_tree_attribute(element, name, &text, error);
	if (r < 0)
		return r;
	if (!text)
		return xml_fail(error, -EINVAL, "<%s> lacks %s=", element->name, name);
	if (parse_u32(text, max, value) < 0)
		return xml_fail(error, -EINVAL, "<%s %s='%s'> must be a number up to %u",
				element->name, name, excerpt(text).text, max);
	return 0;
}

/* The attribute cpuset=; *found is false if there is none. */
static int cpuset_attribute(const xmlNode *element, struct cpuset *set, bool *found,
			    struct xml_error *error)
{
	char *text cleanup_free = NULL;
	int r;

	*found = false;
	r = xml_tree_attribute(element, "cpuset", &text, error);
	if (r < 0 || !text)
		return r;
	/* Names of CPUs that the host lacks are no error for libvirt. */
	r = cpuset_parse_any(text, set);
	if (r < 0 || cpuset_count(set) == 0)
		return xml_fail(error, -EINVAL,
				"<%s cpuset='%s'> must be a list of CPUs such as '0-3,8,^2', and "
				"have one up to %d",
				element->name, excerpt(text).text, MAX_CPUS - 1);
	*found = true;
	return 0;
}

/* The number of vCPUs, and of those online unless <vcpus> lists them. */
static int read_counts(const xmlNode *vcpu, struct domain_description *domain,
		       struct xml_error *error)
{
	char *text cleanup_free = NULL;
	char *current cleanup_free = NULL;
	const char *number;
	int r;

	r = xml_tree_text(vcpu, &text, error);
	if (r < 0)
		return r;
	number = value_trim(text);
	r = parse_u32(number, MAX_DOMAIN_VCPUS, &domain->n_vcpus);
	if (r == -ERANGE) {
		domain->n_vcpus = MAX_DOMAIN_VCPUS;
		xml_error_set(error,
			      "<vcpu>%s</vcpu>: only the first %d vCPUs are protected and may send "
			      "requests",
			      excerpt(number).text, MAX_DOMAIN_VCPUS);
		domain_note_problem(domain, error);
	} else if (r < 0 || domain->n_vcpus == 0) {
		return xml_fail(error, -EINVAL, "<vcpu>%s</vcpu> must be a number of vCPUs",
				excerpt(number).text);
	}
	domain->n_online = domain->n_vcpus;
	r = xml_tree_attribute(vcpu, "current", &current, error);
	if (r < 0 || !current)
		return r;
	r = parse_u32(current, domain->n_vcpus, &domain->n_online);
	if (r == 0 && domain->n_online > 0)
		return 0;
	domain->n_online = domain->n_vcpus;
	if (r == -ERANGE && domain->n_vcpus == MAX_DOMAIN_VCPUS)
		return 0;
	xml_error_set(error, "<vcpu current='%s'> must be a number of vCPUs, 1 to %u",
		      excerpt(current).text, domain->n_vcpus);
	return -EINVAL;
}

/* A vCPU that <vcpus> lists. @seen: by vCPU: was it listed? */
static int read_listed(const xmlNode *element, struct domain_description *domain, bool *seen,
		       struct xml_error *error)
{
	char *enabled cleanup_free = NULL;
	char *hotpluggable cleanup_free = NULL;
	struct vcpu_description *vcpu;
	uint32_t i;
	int r;

	r = number_attribute(element, "id", MAX_NUMBER, &i, error);
	if (r < 0)
		return r;
	if (i >= domain->n_vcpus && domain->n_vcpus == MAX_DOMAIN_VCPUS)
		return 0;
	if (i >= domain->n_vcpus)
		return xml_fail(error, -EINVAL, "<vcpu id='%u'> must be a number up to %u", i,
				domain->n_vcpus - 1);
	if (seen[i])
		return xml_fail(error, -EINVAL, "<vcpus> has vCPU %u twice: keep one", i);
	seen[i] = true;
	vcpu = &domain->vcpus[i];
	vcpu->online = true;
	r = xml_tree_attribute(element, "enabled", &enabled, error);
	if (r == 0)
		r = xml_tree_attribute(element, "hotpluggable", &hotpluggable, error);
	if (r < 0)
		return r;
	if (hotpluggable && !strcmp(hotpluggable, "yes"))
		domain->vcpus_vary = true;
	if (!enabled || (strcmp(enabled, "yes") != 0 && strcmp(enabled, "no") != 0))
		return xml_fail(error, -EINVAL,
				"<vcpu id='%u' enabled='%s'> must have enabled='yes' or 'no'", i,
				excerpt(enabled ? enabled : "").text);
	vcpu->online = !strcmp(enabled, "yes");
	return 0;
}

/* If <vcpus> is present it lists all vCPUs; those it leaves out are offline. */
static int read_online(const xmlNode *root, struct domain_description *domain,
		       struct xml_error *error)
{
	bool seen[MAX_DOMAIN_VCPUS] = {false};
	const xmlNode *vcpus = xml_tree_first(root, "vcpus"), *vcpu = xml_tree_first(vcpus, "vcpu");
	uint32_t i;
	int r;

	for (i = 0; i < domain->n_online; i++)
		domain->vcpus[i].online = true;
	if (!vcpu)
		return 0;
	for (i = 0; i < domain->n_vcpus; i++)
		domain->vcpus[i].online = false;
	for (; vcpu; vcpu = xml_tree_next(vcpu, "vcpu")) {
		r = domain_tolerate(domain, error, read_listed(vcpu, domain, seen, error));
		if (r < 0)
			return r;
	}
	domain->n_online = 0;
	for (i = 0; i < domain->n_vcpus; i++)
		domain->n_online += domain->vcpus[i].online;
	return 0;
}

static struct cpuset *add_affinity(struct domain_description *domain, const struct cpuset *set)
{
	struct cpuset *affinity = &domain->affinities[domain->n_affinities++];

	ASSERT(domain->n_affinities <= domain->n_vcpus); /* one per vCPU at most */
	*affinity = *set;
	return affinity;
}

static int read_pin(const xmlNode *pin, struct domain_description *domain, struct xml_error *error)
{
	struct vcpu_description *vcpu;
	struct cpuset set;
	uint32_t i;
	bool found;
	int r;

	r = number_attribute(pin, "vcpu", MAX_NUMBER, &i, error);
	if (r < 0)
		return r;
	/* libvirt accepts and keeps pins of vCPUs beyond <vcpu>. */
	if (i >= domain->n_vcpus)
		return 0;
	vcpu = &domain->vcpus[i];
	if (vcpu->pinned) {
		vcpu->uncertain = true;
		return xml_fail(error, -EINVAL, "<cputune> has <vcpupin vcpu='%u'> twice: keep one",
				i);
	}
	r = cpuset_attribute(pin, &set, &found, error);
	if (r == 0 && found) {
		vcpu->pinned = true;
		vcpu->affinity = add_affinity(domain, &set);
		return 0;
	}
	vcpu->uncertain = true;
	return r < 0 ? r : xml_fail(error, -EINVAL, "<vcpupin vcpu='%u'> lacks cpuset=", i);
}

static int read_pinning(const xmlNode *vcpu, const xmlNode *cputune,
			struct domain_description *domain, struct xml_error *error)
{
	struct cpuset *shared = NULL;
	struct cpuset set;
	const xmlNode *pin;
	uint32_t i;
	bool found;
	int r;

	for (pin = xml_tree_first(cputune, "vcpupin"); pin; pin = xml_tree_next(pin, "vcpupin")) {
		r = domain_tolerate(domain, error, read_pin(pin, domain, error));
		if (r < 0)
			return r;
	}
	r = cpuset_attribute(vcpu, &set, &found, error);
	if (r == 0 && !found)
		return 0;
	for (i = 0; i < domain->n_vcpus; i++) {
		if (domain->vcpus[i].pinned)
			continue;
		if (r < 0) {
			domain->vcpus[i].uncertain = true;
			continue;
		}
		if (!shared)
			shared = add_affinity(domain, &set);
		domain->vcpus[i].pinned = true;
		domain->vcpus[i].affinity = shared;
	}
	return domain_tolerate(domain, error, r);
}

/* Upper bound: one set per <vcpupin>, and one that the other vCPUs share. */
static size_t count_affinities(const xmlNode *cputune, uint32_t n_vcpus)
{
	const xmlNode *pin;
	size_t count = 1;

	for (pin = xml_tree_first(cputune, "vcpupin"); pin; pin = xml_tree_next(pin, "vcpupin"))
		count++;
	return count <= n_vcpus ? count : n_vcpus;
}

int domain_read_vcpus(const xmlNode *root, struct domain_description *domain,
		      struct xml_error *error)
{
	const xmlNode *vcpu = NULL, *cputune = NULL;
	int r;

	r = xml_tree_only_child(root, "vcpu", &vcpu, error);
	if (r == 0)
		r = xml_tree_only_child(root, "cputune", &cputune, error);
	if (r < 0)
		return r;
	if (!vcpu)
		return xml_fail(error, -EINVAL, "<domain> lacks <vcpu>");
	r = read_counts(vcpu, domain, error);
	if (r < 0 && domain->n_vcpus > 0)
		r = domain_tolerate(domain, error, r);
	if (r < 0)
		return r;
	domain->vcpus = calloc(domain->n_vcpus, sizeof(*domain->vcpus));
	domain->affinities =
		calloc(count_affinities(cputune, domain->n_vcpus), sizeof(*domain->affinities));
	if (!domain->vcpus || !domain->affinities)
		return xml_fail(error, -ENOMEM, "out of memory for %u vCPUs", domain->n_vcpus);
	r = read_online(root, domain, error);
	if (r < 0)
		return r;
	if (domain->n_online < domain->n_vcpus)
		domain->vcpus_vary = true;
	return read_pinning(vcpu, cputune, domain, error);
}

bool vcpu_pinned(const struct vcpu_description *vcpu, const struct cpuset *present)
{
	return vcpu->pinned &&
	       (!cpuset_covers(vcpu->affinity, present) || cpuset_count(present) == 1);
}
