/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands that only look: status, list, show. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "commands.h"
#include "cpuset.h"
#include "table.h"

static const struct table_column key_value[] = {{NULL, false}, {NULL, false}};

static void number_line(struct table *table, const char *key, json_t *object, const char *name)
{
	table_cell(table, "%s:", key);
	table_cell(table, "%" JSON_INTEGER_FORMAT, ctl_number(object, name));
}

static void text_line(struct table *table, const char *key, const char *text)
{
	table_cell(table, "%s:", key);
	table_cell(table, "%s", text);
}

static void uptime_line(struct table *table, json_int_t s)
{
	table_cell(table, "uptime:");
	if (s >= 86400)
		table_cell(table, "%lld d %lld h", (long long)s / 86400, (long long)s / 3600 % 24);
	else if (s >= 3600)
		table_cell(table, "%lld h %lld min", (long long)s / 3600, (long long)s / 60 % 60);
	else
		table_cell(table, "%lld min %lld s", (long long)s / 60, (long long)s % 60);
}

static void monitor_line(struct table *table, json_t *status)
{
	json_int_t restarts = ctl_number(status, "monitor_restarts");

	table_cell(table, "monitor:");
	if (json_is_integer(json_object_get(status, "monitor_pid")))
		table_cell(table,
			   "pid %" JSON_INTEGER_FORMAT ", restarted %" JSON_INTEGER_FORMAT " times",
			   ctl_number(status, "monitor_pid"), restarts);
	else
		table_cell(table, "does not run, restarted %" JSON_INTEGER_FORMAT " times",
			   restarts);
}

int ctl_status(const struct ctl *ctl)
{
	cleanup_json json_t *status = NULL;
	cleanup_table struct table table;
	int r = ctl_call(ctl, "GetStatus", json_object(), &status);

	table_init(&table, key_value, array_size(key_value));
	if (r != CTL_OK || ctl->json)
		return r;
	text_line(&table, "version", ctl_text(status, "version"));
	uptime_line(&table, ctl_number(status, "uptime_s"));
	number_line(&table, "domains", status, "domains");
	number_line(&table, "channels", status, "channels");
	number_line(&table, "connected", status, "connected");
	number_line(&table, "cpus", status, "cpus");
	number_line(&table, "frequency domains", status, "frequency_domains");
	number_line(&table, "controlled", status, "controlled");
	monitor_line(&table, status);
	table_cell(&table, "libvirt:");
	table_cell(&table, "%s, %s", ctl_text(status, "libvirt_uri"),
		   json_is_true(json_object_get(status, "libvirt_connected")) ? "connected"
									      : "not connected");
	return ctl_print(&table);
}

int ctl_list(const struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{"NAME", false},    {"UUID", false},	 {"ID", true},	     {"VCPUS", true},
		{"CHANNELS", true}, {"CONNECTED", true}, {"REQUESTS", true}, {"NACKS", true},
	};
	static const char *const numbers[] = {"id",	   "vcpus",    "channels",
					      "connected", "requests", "nacks"};
	cleanup_json json_t *reply = NULL;
	cleanup_table struct table table;
	json_t *domain;
	size_t i;
	int r = ctl_call(ctl, "ListDomains", json_object(), &reply);

	table_init(&table, columns, array_size(columns));
	if (r != CTL_OK || ctl->json)
		return r;
	json_array_foreach(json_object_get(reply, "domains"), i, domain)
	{
		table_cell(&table, "%s", ctl_text(domain, "name"));
		table_cell(&table, "%s", ctl_text(domain, "uuid"));
		for (size_t n = 0; n < array_size(numbers); n++)
			table_cell(&table, "%" JSON_INTEGER_FORMAT, ctl_number(domain, numbers[n]));
	}
	return ctl_print(&table);
}

/* "unpinned 3, vcpu 1": the reasons that there were; a table cell */
static void refused_cell(struct table *table, json_t *refused)
{
	char text[512] = "";
	size_t used = 0;
	const char *reason;
	json_t *count;

	json_object_foreach(refused, reason, count)
	{
		int n;

		if (json_integer_value(count) == 0)
			continue;
		n = snprintf(text + used, sizeof(text) - used, "%s%s %" JSON_INTEGER_FORMAT,
			     used > 0 ? ", " : "", reason, json_integer_value(count));
		if (n < 0 || used + (size_t)n >= sizeof(text)) {
			(void)snprintf(text, sizeof(text), "(many: see --json)");
			break;
		}
		used += (size_t)n;
	}
	table_cell(table, "%s", text);
}

static int print_channels(json_t *channels)
{
	static const struct table_column columns[] = {
		{"CHANNEL", true},   {"STATE", false},	 {"ENABLED", false}, {"REQUESTS", true},
		{"ACKS", true},	     {"NACKS", true},	 {"RESYNCS", true},  {"DROPPED", true},
		{"THROTTLED", true}, {"REFUSED", false},
	};
	static const char *const numbers[] = {"requests",	 "acks",     "nacks", "resyncs",
					      "dropped_replies", "throttled"};
	cleanup_table struct table table;
	json_t *channel;
	size_t i;

	table_init(&table, columns, array_size(columns));
	json_array_foreach(channels, i, channel)
	{
		table_cell(&table, "%" JSON_INTEGER_FORMAT, ctl_number(channel, "number"));
		table_cell(&table, "%s", ctl_text(channel, "state"));
		table_cell(&table, "%s",
			   json_is_true(json_object_get(channel, "enabled")) ? "yes" : "no");
		for (size_t n = 0; n < array_size(numbers); n++)
			table_cell(&table, "%" JSON_INTEGER_FORMAT,
				   ctl_number(channel, numbers[n]));
		refused_cell(&table, json_object_get(channel, "refused"));
	}
	return ctl_print(&table);
}

/* Channels that can't be connected, each with its reason; the table has no room for that. */
static int print_channel_errors(json_t *channels)
{
	cleanup_table struct table table;
	json_t *channel;
	size_t i;

	table_init(&table, key_value, array_size(key_value));
	json_array_foreach(channels, i, channel)
	{
		const char *error = ctl_text(channel, "error");

		if (!*error)
			continue;
		table_cell(&table, "channel %" JSON_INTEGER_FORMAT ":",
			   ctl_number(channel, "number"));
		table_cell(&table, "can't connect to %s: %s", ctl_text(channel, "path"), error);
	}
	if (table.n_cells == 0)
		return CTL_OK;
	(void)fputc('\n', stdout);
	return ctl_print(&table);
}

/* Numbers of frequency domains as a list, "0-3,8"; a table cell */
static void list_cell(struct table *table, json_t *numbers)
{
	cleanup_free char *text = NULL;
	struct cpuset set = {0};
	json_t *number;
	size_t i;

	json_array_foreach(numbers, i, number)
	{
		json_int_t n = json_integer_value(number);

		/* policyN is named after a CPU: N is one's number */
		if (n >= 0 && n < MAX_CPUS)
			cpuset_add(&set, (unsigned int)n);
	}
	text = cpuset_text(&set);
	if (text)
		table_cell(table, "%s", text);
	else
		table->failed = true;
}

static void override_cell(struct table *table, json_t *khz)
{
	if (json_is_integer(khz))
		table_cell(table, "%" JSON_INTEGER_FORMAT " kHz", json_integer_value(khz));
	else
		table_cell(table, "%s", "");
}

static int print_vcpus(json_t *vcpus)
{
	static const struct table_column columns[] = {
		{"VCPU", true},
		{"PINNED", false},
		{"VOTE", true},
		{"OVERRIDE", true},
		{"FREQUENCY-DOMAINS", false},
	};
	cleanup_table struct table table;
	json_t *vcpu;
	size_t i;

	table_init(&table, columns, array_size(columns));
	json_array_foreach(vcpus, i, vcpu)
	{
		json_t *khz = json_object_get(vcpu, "vote_khz");

		table_cell(&table, "%" JSON_INTEGER_FORMAT, ctl_number(vcpu, "vcpu"));
		table_cell(&table, "%s",
			   json_is_string(json_object_get(vcpu, "cpus")) ? ctl_text(vcpu, "cpus")
									 : "no");
		if (!json_is_true(json_object_get(vcpu, "online")))
			table_cell(&table, "offline");
		else if (json_is_integer(khz))
			table_cell(&table, "%" JSON_INTEGER_FORMAT " kHz", json_integer_value(khz));
		else
			table_cell(&table, "silent");
		override_cell(&table, json_object_get(vcpu, "override_khz"));
		list_cell(&table, json_object_get(vcpu, "frequency_domains"));
	}
	return ctl_print(&table);
}

/* Limits, as far as there are any: "1200000 to 2400000 kHz, no turbo" */
static void limits_line(struct table *table, json_t *settings)
{
	json_int_t min = ctl_number(settings, "min_khz"), max = ctl_number(settings, "max_khz");
	const char *turbo = json_is_true(json_object_get(settings, "turbo")) ? "" : ", no turbo";

	if (min == 0 && max == 0 && !*turbo)
		return;
	table_cell(table, "limits:");
	if (min > 0 && max > 0)
		table_cell(table, "%lld to %lld kHz%s", (long long)min, (long long)max, turbo);
	else if (min > 0 || max > 0)
		table_cell(table, "at %s %lld kHz%s", min > 0 ? "least" : "most",
			   (long long)(min > 0 ? min : max), turbo);
	else
		table_cell(table, "no turbo");
}

/* The commands that are obeyed, where it is not all of them */
static void commands_line(struct table *table, json_t *commands)
{
	char text[64] = "";
	json_t *command;
	size_t i, used = 0;

	json_array_foreach(commands, i, command)
	{
		int n = snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "",
				 json_string_value(command));

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	if (json_array_size(commands) < 2)
		text_line(table, "commands", *text ? text : "none");
}

/* What a domain's settings have that others' have not; all of them: --json */
static void settings_lines(struct table *table, json_t *settings)
{
	const char *section = ctl_text(settings, "section");
	const char *error = ctl_text(settings, "metadata_error");

	if (*section) {
		table_cell(table, "section:");
		table_cell(table, "[domain \"%s\"], %s", section, ctl_text(settings, "origin"));
	}
	if (!json_is_true(json_object_get(settings, "serve")))
		text_line(table, "serve", "no");
	limits_line(table, settings);
	commands_line(table, json_object_get(settings, "commands"));
	if (!json_is_true(json_object_get(settings, "queries")))
		text_line(table, "queries", "no");
	if (*section || json_is_true(json_object_get(settings, "metadata"))) {
		table_cell(table, "rate:");
		table_cell(table, "%lld requests/s for each channel, %lld in one go",
			   (long long)ctl_number(settings, "rate"),
			   (long long)ctl_number(settings, "burst"));
	}
	if (*error) {
		table_cell(table, "metadata:");
		table_cell(table, "wrong, not followed: %s", error);
	} else if (json_is_true(json_object_get(settings, "metadata"))) {
		text_line(table, "metadata", "followed");
	}
}

static int print_header(json_t *domain)
{
	cleanup_table struct table table;

	table_init(&table, key_value, array_size(key_value));
	text_line(&table, "name", ctl_text(domain, "name"));
	text_line(&table, "uuid", ctl_text(domain, "uuid"));
	number_line(&table, "id", domain, "id");
	text_line(&table, "state",
		  json_is_true(json_object_get(domain, "paused")) ? "paused" : "running");
	settings_lines(&table, json_object_get(domain, "settings"));
	return ctl_print(&table);
}

int ctl_show(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	json_t *domain;
	int r = ctl_call(ctl, "GetDomain", json_pack("{s:s}", "domain", ctl->words[0]), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	domain = json_object_get(reply, "domain");
	r = print_header(domain);
	if (r != CTL_OK)
		return r;
	(void)fputc('\n', stdout);
	r = print_channels(json_object_get(domain, "channels"));
	if (r != CTL_OK)
		return r;
	r = print_channel_errors(json_object_get(domain, "channels"));
	if (r != CTL_OK)
		return r;
	(void)fputc('\n', stdout);
	return print_vcpus(json_object_get(domain, "vcpus"));
}
