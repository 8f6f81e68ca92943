/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's errors as sentences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/ctl.h"
#include "ctl/common/print.h"

#define INTERFACE "org.vmpower.Manager."
#define MOST_KEYS 5
#define SERVICE "org.varlink.service."
#define OTHER_VERSION                                                                              \
	"its version differs from vmpowerctl's; update the older one, then restart vmpowerd"

static const struct {
	const char *error; /* full name */
	/* each %s stands for one of @keys, in order */
	const char *text;
	const char *keys[MOST_KEYS];
} texts[] = {
	{INTERFACE "NoSuchDomain",
	 "no domain \"%s\": \"vmpowerctl list\" shows registered domains, \"virsh list\" running "
	 "ones; \"vmpowerctl doctor\" says why a running one is not registered",
	 {"domain"}},
	{INTERFACE "DomainNotRunning",
	 "domain \"%s\" does not run: start it (\"virsh start\"), which registers it",
	 {"domain"}},
	{INTERFACE "NoSuchChannel",
	 "domain \"%s\" has no channel %s: \"vmpowerctl show\" lists its channels. Nothing was "
	 "changed",
	 {"domain", "number"}},
	{INTERFACE "NoSuchCpu",
	 "this host has no CPU %s: \"vmpowerctl cpu\" lists its CPUs",
	 {"cpu"}},
	{INTERFACE "NoSuchVCpu",
	 "domain \"%s\" has no vCPU %s: it has %s, numbered from 0; \"vmpowerctl show\" lists them",
	 {"domain", "vcpu", "vcpus"}},
	{INTERFACE "VCpuOffline",
	 "domain \"%s\", vCPU %s is offline: \"virsh setvcpu --enable\" brings it online",
	 {"domain", "vcpu"}},
	{INTERFACE "NotPinned",
	 "domain \"%s\", vCPU %s is not pinned, so no frequency belongs to it. Pin it to some of "
	 "the host's CPUs first (\"virsh vcpupin\")",
	 {"domain", "vcpu"}},
	{INTERFACE "NoFrequencyDomain",
	 "domain \"%s\", vCPU %s is pinned to CPUs whose frequency can't be set: \"vmpowerctl "
	 "cpu\" shows which have a frequency domain",
	 {"domain", "vcpu"}},
	{INTERFACE "FrequencyOutOfRange",
	 "domain \"%s\", vCPU %s: %s kHz is not a frequency of its CPUs, which can do %s to %s "
	 "kHz. "
	 "A number without a unit is in kHz; a unit is given as in 2400MHz or 2.4GHz. Nothing was "
	 "changed",
	 {"domain", "vcpu", "khz", "lowest_khz", "highest_khz"}},
	{INTERFACE "BadPolicy",
	 "domain \"%s\": this is no policy: %s. Nothing was changed",
	 {"domain", "reason"}},
	{INTERFACE "BadDomainXml",
	 "domain \"%s\" can't be registered: %s. Correct it with \"virsh edit\" and start it again",
	 {"domain", "reason"}},
	{INTERFACE "BadConfig",
	 "the configuration is invalid, the previous one stays in force: %s",
	 {"reason"}},
	{INTERFACE "LibvirtUnavailable",
	 "vmpowerd can't ask libvirt (%s) for the domain: %s. Check that libvirt runs, and "
	 "[libvirt] uri in vmpower.conf; vmpowerd reconnects by itself",
	 {"uri", "reason"}},
	{INTERFACE "PermissionDenied", "permission denied: %s", {"reason"}},
	{INTERFACE "OutOfResources", "vmpowerd can't do that now: %s", {"reason"}},
	{SERVICE "MethodNotFound", "vmpowerd has no method %s: " OTHER_VERSION, {"method"}},
	{SERVICE "MethodNotImplemented",
	 "vmpowerd does not implement %s: " OTHER_VERSION,
	 {"method"}},
	{SERVICE "InterfaceNotFound",
	 "this is not vmpowerd: it has no interface %s. Check --runtime-dir",
	 {"interface"}},
};

/* A member as text, owned by the caller; numbers as in JSON. */
static char *member(json_t *parameters, const char *key)
{
	json_t *value = json_object_get(parameters, key);
	const char *text = json_string_value(value);

	return text ? strdup(text) : json_dumps(value ? value : json_null(), JSON_ENCODE_ANY);
}

/* @format with each %s replaced by the next of @values */
static char *fill_in(const char *format, char *const *values, size_t n)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0;; i++) {
		const char *place = strstr(format, "%s");

		if (!place || i == n)
			break;
		(void)fprintf(out, "%.*s%s", (int)(place - format), format, values[i]);
		format = place + 2;
	}
	(void)fputs(format, out);
	return close_written(out) ? take_ptr(text) : NULL;
}

static char *known_error(const char *format, const char *const *keys, size_t n, json_t *parameters)
{
	char *values[MOST_KEYS] = {NULL}, *text = NULL;
	bool complete = true;

	for (size_t i = 0; i < n; i++) {
		values[i] = member(parameters, keys[i] ? keys[i] : "");
		complete = complete && values[i];
	}
	if (complete)
		text = fill_in(format, values, n);
	for (size_t i = 0; i < n; i++)
		free(values[i]);
	return text;
}

static char *invalid_parameter(json_t *parameters)
{
	const char *name = ctl_text(parameters, "parameter");

	if (strcmp(name, "domain") == 0)
		return strdup("invalid domain name: use 1 to 255 bytes");
	return text_make("vmpowerd refuses the parameter \"%s\": " OTHER_VERSION, name);
}

char *ctl_error_text(const char *error, json_t *parameters)
{
	cleanup_free char *all = NULL;

	if (strcmp(error, SERVICE "InvalidParameter") == 0)
		return invalid_parameter(parameters);
	for (size_t i = 0; i < array_size(texts); i++) {
		if (strcmp(error, texts[i].error) == 0)
			return known_error(texts[i].text, texts[i].keys, array_size(texts[i].keys),
					   parameters);
	}
	all = json_dumps(parameters, JSON_COMPACT);
	return text_make("vmpowerd reports %s %s", error, all ? all : "");
}
