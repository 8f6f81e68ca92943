/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains that vmpowerd knows: do they have channels, and are the channels' vCPUs pinned? */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "common/cpuset.h"
#include "common/domain_settings.h"
#include "common/value.h"
#include "ctl/common/print.h"
#include "ctl/common/text.h"
#include "ctl/doctor/checks.h"
#include "ctl/doctor/domain_findings.h"

static void find_connect_errors(struct doctor *doctor, json_t *domain)
{
	json_t *channel;

	ctl_for_each (channel, json_object_get(domain, "channels")) {
		const char *error = ctl_text(channel, "error");

		if (!*error)
			continue;
		doctor_add(doctor, HEALTH_PROBLEM,
			   "domain \"%s\", channel %lld: can't connect to %s: %s",
			   ctl_text(domain, "name"), ctl_number(channel, "number"),
			   ctl_text(channel, "path"), error);
		if (strstr(error, "vmpower-domain(5)")) /* it names what hides the socket */
			doctor_remedy(doctor, "leave it to libvirt where the socket is, or let the "
					      "unit see it with the drop-in in vmpower-domain(5)");
		else
			doctor_remedy(doctor,
				      "see \"journalctl -u vmpowerd\"; check that it is QEMU's "
				      "socket, and its user in [channel] peer-user");
	}
}

/* Is it one of "all", or of devices and MACs that are separated by blanks or commas? */
static bool is_named(const char *names, const char *name)
{
	static const char separators[] = " \t,";
	size_t length = strlen(name);

	if (!strcmp(names, "all"))
		return true;
	while (*names) {
		size_t n = strcspn(names, separators);

		if (n > 0 && n == length && !strncasecmp(names, name, n))
			return true;
		names += n;
		names += strspn(names, separators);
	}
	return false;
}

/* Of interfaces that the operator's policy goes by. */
static void find_uncounted(struct doctor *doctor, json_t *domain, json_t *settings)
{
	const char *names = ctl_text(settings, "policy_interfaces");
	json_t *interface;

	if (strcmp(ctl_text(settings, "policy"), "traffic") != 0)
		return;
	ctl_for_each (interface, json_object_get(domain, "interfaces")) {
		const char *mac = ctl_text(interface, "mac");

		if (ctl_flag(interface, "counted") ||
		    (!is_named(names, mac) && !is_named(names, ctl_text(interface, "device"))))
			continue;
		doctor_add(doctor, HEALTH_WARNING,
			   "domain \"%s\", interface %s: its policy goes by traffic, which is not "
			   "counted here (%s)",
			   ctl_text(domain, "name"), mac, ctl_text(interface, "reason"));
		doctor_remedy(doctor, "%s", ctl_text(interface, "remedy"));
	}
}

/* Where "serve = no" stands, owned by the caller; NULL: it is served, or out of memory */
static char *unserved_by(json_t *settings)
{
	const char *section = ctl_text(settings, "section");

	if (!json_is_false(json_object_get(settings, "serve")))
		return NULL;
	if (!ctl_flag(settings, "metadata"))
		return text_make("[domain \"%s\"], %s", section, ctl_text(settings, "origin"));
	if (!*section)
		return text_make("its <metadata>");
	return text_make("its <metadata>, or in [domain \"%s\"]", section);
}

/* Those for which its operator's policy is to vote, and which may not: they are not pinned. */
static struct cpuset without_policy(json_t *settings, json_t *vcpus)
{
	struct setting_vcpus named = {{0}};
	struct cpuset unpinned = {0};
	json_t *vcpu;

	(void)value_vcpus(ctl_text(settings, "policy_vcpus"), named.bits);
	ctl_for_each (vcpu, vcpus) {
		uint32_t number = (uint32_t)ctl_number(vcpu, "vcpu");

		if (ctl_flag(vcpu, "pinned") || !ctl_flag(vcpu, "online") ||
		    number >= MAX_DOMAIN_VCPUS || !setting_vcpus_has(&named, number))
			continue;
		if (ctl_has(vcpu, "standing_khz"))
			return (struct cpuset){0}; /* allow-unpinned */
		cpuset_add(&unpinned, number);
	}
	return unpinned;
}

static void find_policy(struct doctor *doctor, json_t *domain)
{
	json_t *settings = json_object_get(domain, "settings");
	const struct cpuset unpinned = without_policy(settings, json_object_get(domain, "vcpus"));
	const char *name = ctl_text(domain, "name");
	cleanup_free char *text = cpuset_text(&unpinned);

	if (!ctl_has(settings, "policy_source") ||
	    strcmp(ctl_text(settings, "policy"), "none") == 0 || !text || !*text)
		return;
	doctor_add(doctor, HEALTH_WARNING,
		   "domain \"%s\", vCPU %s: not pinned to some of the host's CPUs, so its policy "
		   "has no vote for them",
		   name, text);
	doctor_remedy(doctor,
		      "virsh vcpupin %s VCPU CPU --live --config; or name the others in "
		      "policy-vcpus",
		      text_pasteable(name, ctl_text(domain, "uuid")));
}

static void examine(struct doctor *doctor, json_t *domain)
{
	json_t *channels = json_object_get(domain, "channels"), *channel;
	json_t *vcpus = json_object_get(domain, "vcpus"), *vcpu;
	json_t *settings = json_object_get(domain, "settings");
	cleanup_free char *unserved = unserved_by(settings);
	struct domain_facts facts = {
		.name = ctl_text(domain, "name"),
		.uuid = ctl_text(domain, "uuid"),
		.problem = ctl_text(domain, "problem"),
		.pinning = PINNING_BY_VMPOWERD,
		.n_channels = json_array_size(channels),
		.n_vcpus = (uint32_t)json_array_size(vcpus),
		.metadata_error = ctl_text(settings, "metadata_error"),
		.unserved = unserved,
	};

	ctl_for_each (channel, channels) {
		unsigned int number = (unsigned int)ctl_number(channel, "number");

		if (!ctl_flag(channel, "enabled"))
			cpuset_add(&facts.disabled, number);
		vcpu = json_array_get(vcpus, number);
		if (!vcpu)
			cpuset_add(&facts.beyond, number);
		else if (ctl_flag(vcpu, "online") && json_is_false(json_object_get(vcpu, "pinned")))
			cpuset_add(&facts.unpinned, number);
	}
	domain_findings_add(doctor, &facts);
	find_policy(doctor, domain);
	find_connect_errors(doctor, domain);
	find_uncounted(doctor, domain, settings);
}

void check_known_domains(struct doctor *doctor)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;
	json_t *summary;

	if (!doctor->status ||
	    ctl_ask(doctor->ctl, "ListDomains", json_object(), &reply, &problem) != CTL_OK)
		return;
	doctor->known = json_object();
	ctl_for_each (summary, json_object_get(reply, "domains")) {
		const char *uuid = ctl_text(summary, "uuid");
		cleanup_json json_t *domain = NULL;
		cleanup_free char *gone = NULL;

		(void)json_object_set_new(doctor->known, uuid, json_true());
		if (ctl_ask(doctor->ctl, "GetDomain", json_pack("{s:s}", "domain", uuid), &domain,
			    &gone) == CTL_OK)
			examine(doctor, json_object_get(domain, "domain"));
	}
}
