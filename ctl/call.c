/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "client.h"
#include "ctl.h"
#include "table.h"

#define INTERFACE "org.vmpower.Manager."
#define SERVICE "org.varlink.service."

void ctl_complain(const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	(void)fprintf(stderr, "vmpowerctl: %s\n", text ? text : "out of memory");
}

const char *ctl_text(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t ctl_number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

size_t ctl_terminal_width(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col
										     : 0;
}

int ctl_print(const struct table *table)
{
	if (table_print(table, stdout, ctl_terminal_width()) == 0)
		return CTL_OK;
	ctl_complain("out of memory");
	return CTL_FAILED;
}

void ctl_khz_cell(struct table *table, json_t *object, const char *key)
{
	json_t *khz = json_object_get(object, key);

	if (json_is_integer(khz))
		table_cell(table, "%" JSON_INTEGER_FORMAT, json_integer_value(khz));
	else
		table_cell(table, "%s", "");
}

static const struct {
	const char *error; /* full name */
	/* the first %s stands for the first of @keys, ... */
	const char *text;
	const char *keys[3];
} texts[] = {
	{INTERFACE "NoSuchDomain",
	 "no domain \"%s\": \"vmpowerctl list\" shows the registered ones, \"virsh list\" those "
	 "that run; \"vmpowerctl doctor\" says why one of these is not registered",
	 {"domain"}},
	{INTERFACE "DomainNotRunning",
	 "domain \"%s\" does not run: start it (\"virsh start\"), then it is registered by itself",
	 {"domain"}},
	{INTERFACE "NoSuchChannel",
	 "domain \"%s\" has no channel %s: \"vmpowerctl show\" lists its channels; nothing was "
	 "changed",
	 {"domain", "number"}},
	{INTERFACE "NoSuchCpu",
	 "this host has no CPU %s: \"vmpowerctl cpu\" lists those that it has",
	 {"cpu"}},
	{INTERFACE "NoSuchVCpu",
	 "domain \"%s\" has no vCPU %s: it has %s, numbered from 0; \"vmpowerctl show\" lists them",
	 {"domain", "vcpu", "vcpus"}},
	{INTERFACE "VCpuOffline",
	 "domain \"%s\", vCPU %s is offline: it runs on no CPU; \"virsh setvcpu --enable\" plugs "
	 "it in",
	 {"domain", "vcpu"}},
	{INTERFACE "NotPinned",
	 "domain \"%s\", vCPU %s is not pinned to some of the host's CPUs: no frequency is its "
	 "own. "
	 "Pin it (\"virsh vcpupin\"), then set it",
	 {"domain", "vcpu"}},
	{INTERFACE "NoFrequencyDomain",
	 "no CPU below domain \"%s\", vCPU %s has a frequency to set: \"vmpowerctl cpu\" shows "
	 "which have",
	 {"domain", "vcpu"}},
	{INTERFACE "BadDomainXml",
	 "domain \"%s\" can't be registered: %s. Correct it with \"virsh edit\" and start it again",
	 {"domain", "reason"}},
	{INTERFACE "BadConfig",
	 "the configuration was not taken over, what was in force before still is: %s",
	 {"reason"}},
	{INTERFACE "LibvirtUnavailable",
	 "vmpowerd can't ask libvirt (%s) for the domain: %s. See that libvirt runs and that "
	 "[libvirt] uri in vmpower.conf is right; vmpowerd connects again by itself",
	 {"uri", "reason"}},
	{INTERFACE "PermissionDenied", "permission denied: %s", {"reason"}},
	{INTERFACE "OutOfResources", "vmpowerd can't do that now: %s", {"reason"}},
	{SERVICE "MethodNotFound",
	 "vmpowerd has no method %s: it is of another version than vmpowerctl; update the older of "
	 "them, and restart vmpowerd",
	 {"method"}},
	{SERVICE "MethodNotImplemented",
	 "vmpowerd does not do %s: it is of another version than vmpowerctl; update the older of "
	 "them, and restart vmpowerd",
	 {"method"}},
	{SERVICE "InterfaceNotFound",
	 "what answers is not vmpowerd: it has no interface %s. Check --runtime-dir",
	 {"interface"}},
};

/* A member as text, numbers too. */
static char *member(json_t *parameters, const char *key)
{
	json_t *value = json_object_get(parameters, key);
	const char *text = json_string_value(value);

	return text ? strdup(text) : json_dumps(value ? value : json_null(), JSON_ENCODE_ANY);
}

/* @format with its %s, one by one, replaced by @values */
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

/* One of the texts, with what it is about. */
static char *known_error(const char *format, const char *const *keys, size_t n, json_t *parameters)
{
	char *values[3] = {NULL}, *text = NULL;
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
	char *text;
	int n;

	if (strcmp(name, "domain") == 0)
		return strdup("that can't be a domain's name: names have 1 to 255 bytes");
	n = asprintf(&text,
		     "vmpowerd refuses the parameter \"%s\": it is of another version than "
		     "vmpowerctl; update the older of them, and restart vmpowerd",
		     name);
	return n < 0 ? NULL : text;
}

char *ctl_error_text(const char *error, json_t *parameters)
{
	cleanup_free char *all = NULL;
	char *text;

	if (strcmp(error, SERVICE "InvalidParameter") == 0)
		return invalid_parameter(parameters);
	for (size_t i = 0; i < array_size(texts); i++) {
		if (strcmp(error, texts[i].error) == 0)
			return known_error(texts[i].text, texts[i].keys, array_size(texts[i].keys),
					   parameters);
	}
	all = json_dumps(parameters, JSON_COMPACT);
	return asprintf(&text, "vmpowerd reports %s %s", error, all ? all : "") < 0 ? NULL : text;
}

/* Return: CTL_OK; else what @problem says. */
static int complete_names(const struct ctl *ctl, const char *method, char **path, char **name,
			  char **problem)
{
	if (asprintf(path, "%s/control.sock", ctl->runtime_dir) < 0)
		*path = NULL;
	if (asprintf(name, INTERFACE "%s", method) < 0)
		*name = NULL;
	*problem = NULL;
	return *path && *name ? CTL_OK : CTL_FAILED;
}

static int unreachable(int error, char **problem)
{
	if (!*problem)
		*problem = strdup(strerror(-error));
	return CTL_UNREACHABLE;
}

/* What a reply says: CTL_OK and @out; else what @problem says. */
static int judge(struct client_reply *reply, json_t **out, char **problem)
{
	int r = reply->error ? CTL_FAILED : CTL_OK;

	if (reply->error)
		*problem = ctl_error_text(reply->error, reply->parameters);
	else
		*out = json_incref(reply->parameters);
	client_reply_clear(reply);
	return r;
}

int ctl_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **out,
	    char **problem)
{
	cleanup_free char *path = NULL, *name = NULL;
	struct client_reply reply = {0};
	int r = complete_names(ctl, method, &path, &name, problem);

	if (r != CTL_OK) {
		json_decref(parameters);
		return r;
	}
	r = client_call(path, name, parameters, &reply, problem);
	return r < 0 ? unreachable(r, problem) : judge(&reply, out, problem);
}

int ctl_stream(const struct ctl *ctl, const char *method, json_t *parameters, struct client *client,
	       char **problem)
{
	cleanup_free char *path = NULL, *name = NULL;
	cleanup_json json_t *given = parameters;
	int r = complete_names(ctl, method, &path, &name, problem);

	if (r != CTL_OK)
		return r;
	r = client_open(client, path, problem);
	if (r == 0)
		r = client_send(client, name, json_incref(given), true, problem);
	return r < 0 ? unreachable(r, problem) : CTL_OK;
}

int ctl_next(struct client *client, int timeout_ms, json_t **out, char **problem)
{
	struct client_reply reply = {0};
	int r = client_receive(client, timeout_ms, &reply, problem);

	*out = NULL;
	if (r < 0)
		return unreachable(r, problem);
	return r == 0 ? CTL_OK : judge(&reply, out, problem);
}

int ctl_report(int status, const char *problem)
{
	if (status != CTL_OK)
		ctl_complain("%s", problem ? problem : "out of memory");
	return status;
}

int ctl_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **out)
{
	cleanup_free char *problem = NULL;
	int r;

	if (!parameters) { /* of all that goes in, words of the command line alone can be wrong */
		ctl_complain("that can't be sent: names are UTF-8");
		return CTL_USAGE;
	}
	r = ctl_ask(ctl, method, parameters, out, &problem);
	if (r == CTL_OK && ctl->json) {
		(void)json_dumpf(*out, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	}
	return ctl_report(r, problem);
}
