/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The domains that run: have they channels, are the vCPUs below them pinned? As vmpowerd knows
 * them, and those that it does not know as libvirt keeps them in /run/libvirt/qemu.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpuset.h"
#include "domain_xml.h"
#include "look.h"
#include "print.h"
#include "text.h"

#define STATUS "/run/libvirt/qemu"
#define MOST_STATUS (16u << 20)

/* What is judged, wherever it is known from. */
struct patient {
	const char *name;
	size_t n_channels;
	uint32_t n_vcpus;
	struct cpuset loose;	/* numbers of channels whose vCPU is not pinned */
	struct cpuset beyond;	/* numbers of channels that no vCPU has */
	struct cpuset disabled; /* channels that the operator has disabled */
	const char *metadata_error;
	const char *unserved; /* what says "serve = no"; NULL: it is served */
};

/* What keeps a domain's wishes from being followed, though it has channels and pinning. */
static void judge_settings(struct doctor *doctor, const struct patient *patient, const char *name)
{
	cleanup_free char *error = text_escape(patient->metadata_error);
	cleanup_free char *disabled = cpuset_text(&patient->disabled);
	cleanup_free char *beyond = cpuset_text(&patient->beyond);

	if (error && *error)
		doctor_add(doctor, "domains", HEALTH_WARNING,
			   "set it anew by \"virsh metadata\", see vmpower-domain(5)",
			   "domain \"%s\": the settings in its <metadata> are not followed: %s",
			   name, error);
	if (patient->unserved)
		doctor_add(doctor, "domains", HEALTH_NOTE,
			   "if its guest is to be heard: take that away",
			   "domain \"%s\" is not served: serve is no in %s", name,
			   patient->unserved);
	if (disabled && *disabled) {
		cleanup_free char *remedy =
			doctor_text("vmpowerctl channel enable %s", text_pasteable(name));

		doctor_add(doctor, "domains", HEALTH_NOTE, remedy,
			   "domain \"%s\", channel %s: disabled by the operator", name, disabled);
	}
	if (beyond && *beyond) {
		cleanup_free char *remedy =
			doctor_text("vmpowerctl detach %s --vcpus %s, and vmpowerctl attach %s",
				    text_pasteable(name), beyond, text_pasteable(name));

		doctor_add(doctor, "domains", HEALTH_WARNING, remedy,
			   "domain \"%s\", channel %s: there is no such vCPU, it has %u, numbered "
			   "from 0",
			   name, beyond, patient->n_vcpus);
	}
}

static void judge(struct doctor *doctor, const struct patient *patient)
{
	cleanup_free char *name = text_escape(patient->name);
	cleanup_free char *loose = cpuset_text(&patient->loose);
	cleanup_free char *remedy = NULL;

	if (!name || !loose)
		return;
	judge_settings(doctor, patient, name);
	if (patient->n_channels == 0) {
		remedy = doctor_text("if its guest is to scale CPUs: vmpowerctl attach %s",
				     text_pasteable(name));
		doctor_add(doctor, "domains", HEALTH_NOTE, remedy,
			   "domain \"%s\" has no power channels", name);
		return;
	}
	if (cpuset_count(&patient->loose) == 0) {
		doctor_add(doctor, "domains", HEALTH_OK, NULL,
			   "domain \"%s\" has %zu power channels, and pinned vCPUs below them",
			   name, patient->n_channels);
		return;
	}
	remedy = doctor_text("virsh vcpupin %s %s CPU --live --config", text_pasteable(name),
			     cpuset_count(&patient->loose) == 1 ? loose : "VCPU");
	doctor_add(doctor, "domains", HEALTH_PROBLEM, remedy,
		   "domain \"%s\", vCPU %s: not pinned to some of the host's CPUs, so its requests "
		   "are refused",
		   name, loose);
}

static struct cpuset online_cpus(const struct doctor *doctor)
{
	cleanup_free char *text = doctor_read(doctor, "/sys/devices/system/cpu/online");
	struct cpuset online = {0};

	if (!text || cpuset_parse(text, &online) < 0)
		memset(&online, 0, sizeof(online));
	return online;
}

/* An affinity that excludes no CPU is no pinning. */
static bool is_pinned(const struct cpuset *affinity, const struct cpuset *online)
{
	return affinity && (cpuset_count(online) == 0 || !cpuset_covers(affinity, online));
}

/* --- those that vmpowerd knows --------------------------------------------------------- */

static void look_at_channels(struct doctor *doctor, const char *name, json_t *channels)
{
	json_t *channel;
	size_t i;

	json_array_foreach(channels, i, channel)
	{
		const char *error = ctl_text(channel, "error");

		if (!*error)
			continue;
		doctor_add(
			doctor, "domains", HEALTH_PROBLEM,
			"\"journalctl -u vmpowerd\" says more; is it QEMU's socket, and its user "
			"in [channel] peer-user?",
			"domain \"%s\", channel %" JSON_INTEGER_FORMAT ": can't connect to %s: %s",
			name, ctl_number(channel, "number"), ctl_text(channel, "path"), error);
	}
}

static bool has_channel(json_t *channels, json_int_t number)
{
	json_t *channel;
	size_t i;

	json_array_foreach(channels, i, channel)
	{
		if (ctl_number(channel, "number") == number)
			return true;
	}
	return false;
}

/* Which of the two places says that a domain is not served; NULL: it is, or no memory. */
static char *unserved_by(json_t *settings)
{
	const char *section = ctl_text(settings, "section");
	char *text = NULL;

	if (!json_is_false(json_object_get(settings, "serve")))
		return NULL;
	if (json_is_true(json_object_get(settings, "metadata")))
		return asprintf(&text, "its <metadata>%s%s%s", *section ? ", or in [domain \"" : "",
				section, *section ? "\"]" : "") < 0
			       ? NULL
			       : text;
	return asprintf(&text, "[domain \"%s\"], %s", section, ctl_text(settings, "origin")) < 0
		       ? NULL
		       : text;
}

static void look_at_known(struct doctor *doctor, json_t *domain, const struct cpuset *online)
{
	json_t *channels = json_object_get(domain, "channels"), *vcpu;
	json_t *settings = json_object_get(domain, "settings"), *vcpus, *channel;
	struct patient patient = {
		.name = ctl_text(domain, "name"),
		.n_channels = json_array_size(channels),
		.metadata_error = ctl_text(settings, "metadata_error"),
	};
	cleanup_free char *section = NULL;
	size_t i;

	vcpus = json_object_get(domain, "vcpus");
	patient.n_vcpus = (uint32_t)json_array_size(vcpus);
	section = unserved_by(settings);
	patient.unserved = section;
	json_array_foreach(channels, i, channel)
	{
		unsigned int number = (unsigned int)ctl_number(channel, "number");

		if (!json_is_true(json_object_get(channel, "enabled")))
			cpuset_add(&patient.disabled, number);
		if (number >= patient.n_vcpus)
			cpuset_add(&patient.beyond, number);
	}
	json_array_foreach(vcpus, i, vcpu)
	{
		const char *cpus = json_string_value(json_object_get(vcpu, "cpus"));
		struct cpuset set;

		if (json_is_true(json_object_get(vcpu, "online")) &&
		    has_channel(channels, ctl_number(vcpu, "vcpu")) &&
		    !is_pinned(cpus && cpuset_parse(cpus, &set) == 0 ? &set : NULL, online))
			cpuset_add(&patient.loose, (unsigned int)ctl_number(vcpu, "vcpu"));
	}
	judge(doctor, &patient);
	look_at_channels(doctor, patient.name, channels);
}

/* Return: the UUIDs of all of them, as an object's keys. */
static json_t *look_at_all_known(struct doctor *doctor, const struct cpuset *online)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;
	json_t *uuids = json_object(), *summary;
	size_t i;

	if (!doctor->status)
		return uuids;
	(void)ctl_ask(doctor->ctl, "ListDomains", json_object(), &reply, &problem);
	json_array_foreach(json_object_get(reply, "domains"), i, summary)
	{
		const char *uuid = ctl_text(summary, "uuid");
		cleanup_json json_t *domain = NULL;
		cleanup_free char *gone = NULL;

		(void)json_object_set_new(uuids, uuid, json_true());
		if (ctl_ask(doctor->ctl, "GetDomain", json_pack("{s:s}", "domain", uuid), &domain,
			    &gone) == CTL_OK)
			look_at_known(doctor, json_object_get(domain, "domain"), online);
	}
	return uuids;
}

/* --- those that libvirt knows ----------------------------------------------------------- */

static void look_at_running(struct doctor *doctor, const struct domain_description *domain,
			    const struct cpuset *online)
{
	cleanup_free char *name = text_escape(domain->name);
	cleanup_free char *remedy = NULL;
	struct patient patient = {
		.name = domain->name,
		.n_channels = domain->n_channels,
		.n_vcpus = domain->n_vcpus,
		.metadata_error = domain->metadata_error,
	};

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		uint32_t number = domain->channels[i].number;

		if (number >= domain->n_vcpus)
			cpuset_add(&patient.beyond, number);
		else if (domain->vcpus[number].online &&
			 !is_pinned(domain->vcpus[number].affinity, online))
			cpuset_add(&patient.loose, number);
	}
	judge(doctor, &patient);
	if (!doctor->status || domain->n_channels == 0 || !name)
		return;
	remedy = doctor_text("vmpowerctl domain add %s; \"journalctl -u vmpowerd\" says why it was "
			     "not registered",
			     text_pasteable(name));
	doctor_add(doctor, "domains", HEALTH_PROBLEM, remedy,
		   "domain \"%s\" runs, and vmpowerd does not serve it", name);
}

/* A channel's name that a slip of the pen keeps from being ours. */
static void look_at_names(struct doctor *doctor, const struct domain_description *domain)
{
	cleanup_free char *name = text_escape(domain->name);
	cleanup_free char *channel = text_escape(domain->near_miss);

	if (name && channel && *channel)
		doctor_add(doctor, "domains", HEALTH_WARNING,
			   "if it is to be one: name it " CHANNEL_NAME_PREFIX
			   "N by \"virsh edit\", with a vCPU's number for N",
			   "domain \"%s\": channel %s is no power channel", name, channel);
}

/* Return: NULL, and errno. */
static char *read_whole(int directory, const char *name, size_t *size)
{
	cleanup_close int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > MOST_STATUS) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*size = (size_t)n;
	return text;
}

static void look_at_error(struct doctor *doctor, const char *file, const struct xml_error *error)
{
	cleanup_free char *name = text_escape(error->domain);
	cleanup_free char *text = text_escape(error->text);
	cleanup_free char *remedy =
		doctor_text("correct it with \"virsh edit %s\", then stop and start it",
			    name && *name ? text_pasteable(name) : "DOMAIN");

	if (name && *name)
		doctor_add(doctor, "domains", HEALTH_PROBLEM, remedy,
			   "domain \"%s\" is not served: %s", name, text ? text : "?");
	else
		doctor_add(doctor, "domains", HEALTH_PROBLEM, remedy, "domain of %s: %s", file,
			   text ? text : "?");
}

/* A status file is <domstatus> with the domain's XML in it. */
static void look_at_status_file(struct doctor *doctor, int directory, const char *name,
				json_t *known, const struct cpuset *online)
{
	static const char end_tag[] = "</domain>";
	size_t size = 0;
	cleanup_free char *text = read_whole(directory, name, &size);
	const char *begin = text ? strstr(text, "<domain ") : NULL, *end = NULL;
	struct domain_description *domain;
	struct xml_error error;

	/* one that ends meanwhile; who is not root was told of that */
	if (!text && errno != ENOENT && (errno != EACCES || geteuid() == 0))
		doctor_add(doctor, "domains", HEALTH_WARNING,
			   "\"virsh dumpxml\" shows what libvirt knows of it",
			   "domain of %s can't be looked at: %s", name, strerror(errno));
	for (const char *next = begin; next && (next = strstr(next, end_tag));)
		end = next += strlen(end_tag);
	if (!end)
		return;
	if (domain_xml_parse(begin, (size_t)(end - begin), &domain, &error) < 0) {
		look_at_error(doctor, name, &error);
		return;
	}
	look_at_names(doctor, domain);
	if (!json_object_get(known, domain->uuid))
		look_at_running(doctor, domain, online);
	domain_description_free(domain);
}

void doctor_domains(struct doctor *doctor)
{
	struct cpuset online = online_cpus(doctor);
	cleanup_json json_t *known = look_at_all_known(doctor, &online);
	cleanup_free char *path = doctor_path(doctor, STATUS);
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".xml") == 0)
			look_at_status_file(doctor, dirfd(directory), entry->d_name, known,
					    &online);
	}
}
