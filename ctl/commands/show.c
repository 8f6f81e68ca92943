/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands status, list and show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpuset.h"
#include "common/domain_settings.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"
#include "ctl/common/traffic.h"

static const struct table_column key_value[] = {{NULL, false}, {NULL, false}};

static void number_line(struct table *table, const char *key, json_t *object, const char *name)
{
	table_cell(table, "%s:", key);
	table_cell(table, "%lld", ctl_number(object, name));
}

static void text_line(struct table *table, const char *key, const char *text)
{
	table_cell(table, "%s:", key);
	table_cell(table, "%s", text);
}

static void uptime_line(struct table *table, long long s)
{
	table_cell(table, "uptime:");
	if (s >= 86400)
		table_cell(table, "%lld d %lld h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		table_cell(table, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		table_cell(table, "%lld min %lld s", s / 60, s % 60);
}

static void monitor_line(struct table *table, json_t *status)
{
	char state[32] = "does not run";

	if (ctl_has(status, "monitor_pid"))
		(void)snprintf(state, sizeof(state), "pid %lld", ctl_number(status, "monitor_pid"));
	table_cell(table, "monitor:");
	table_cell(table, "%s, restarted %lld times", state,
		   ctl_number(status, "monitor_restarts"));
}

static double ms(json_t *object, const char *key)
{
	return (double)ctl_number(object, key) / 1000;
}

static void turn_line(struct table *table, const char *key, json_t *turn)
{
	char when[CTL_TIME_SIZE];

	if (!json_is_object(turn))
		return;
	(void)ctl_time(when, ctl_number(turn, "time"));
	table_cell(table, "%s:", key);
	if (ctl_has(turn, "cpu_us"))
		table_cell(table, "%.1f ms of CPU time, %.1f ms in all, %s, %s", ms(turn, "cpu_us"),
			   ms(turn, "wall_us"), when, ctl_text(turn, "what"));
	else
		table_cell(table, "%.1f ms in all, %s", ms(turn, "wall_us"), when);
}

int ctl_status(const struct ctl *ctl)
{
	cleanup_json json_t *status = NULL;
	cleanup_table struct table table = TABLE(key_value);
	int r = ctl_call(ctl, "GetStatus", json_object(), &status);

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
		   ctl_flag(status, "libvirt_connected") ? "connected" : "not connected");
	turn_line(&table, "longest turn", json_object_get(status, "longest_turn"));
	turn_line(&table, "monitor's longest turn",
		  json_object_get(status, "monitor_longest_turn"));
	return ctl_print(&table);
}

/* Domains that are not served in full: too long for the table. */
static int print_problems(json_t *domains)
{
	cleanup_table struct table table = TABLE(key_value);
	json_t *domain;

	ctl_for_each (domain, domains) {
		if (!ctl_has(domain, "problem"))
			continue;
		table_cell(&table, "%s:", ctl_text(domain, "name"));
		table_cell(&table, "not served in full: %s", ctl_text(domain, "problem"));
	}
	if (table.n_cells == 0)
		return CTL_OK;
	(void)fputc('\n', stdout);
	return ctl_print(&table);
}

int ctl_list(const struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{"NAME", false},    {"UUID", false},	 {"ID", true},	     {"VCPUS", true},
		{"CHANNELS", true}, {"CONNECTED", true}, {"REQUESTS", true}, {"NACKS", true},
	};
	cleanup_json json_t *reply = NULL;
	cleanup_table struct table table = TABLE(columns);
	json_t *domain;
	int r = ctl_call(ctl, "ListDomains", json_object(), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	ctl_for_each (domain, json_object_get(reply, "domains")) {
		ctl_cells(&table, domain, "name", "uuid", "id", "vcpus", "channels", "connected",
			  "requests", "nacks");
	}
	r = ctl_print(&table);
	return r == CTL_OK ? print_problems(json_object_get(reply, "domains")) : r;
}

/* "unpinned 3, vcpu 1": how many requests were refused for each reason; a table cell */
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
		n = snprintf(text + used, sizeof(text) - used, "%s%s %lld", used > 0 ? ", " : "",
			     reason, json_integer_value(count));
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
	cleanup_table struct table table = TABLE(columns);
	json_t *channel;

	ctl_for_each (channel, channels) {
		ctl_cells(&table, channel, "number", "state");
		table_cell(&table, "%s", ctl_flag(channel, "enabled") ? "yes" : "no");
		ctl_cells(&table, channel, "requests", "acks", "nacks", "resyncs",
			  "dropped_replies", "throttled");
		refused_cell(&table, json_object_get(channel, "refused"));
	}
	return ctl_print(&table);
}

/* Why channels can't be connected: too long for the table. */
static int print_channel_errors(json_t *channels)
{
	cleanup_table struct table table = TABLE(key_value);
	json_t *channel;

	ctl_for_each (channel, channels) {
		const char *error = ctl_text(channel, "error");

		if (!*error)
			continue;
		table_cell(&table, "channel %lld:", ctl_number(channel, "number"));
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

	ctl_for_each (number, numbers) {
		long long n = json_integer_value(number);

		/* policyN is named after a CPU, so N is a CPU number */
		if (n >= 0 && n < MAX_CPUS)
			cpuset_add(&set, (unsigned int)n);
	}
	text = cpuset_text(&set);
	if (text)
		table_cell(table, "%s", text);
	else
		table->failed = true;
}

/* "1200000 kHz", or @none; a table cell */
static void khz_cell(struct table *table, json_t *vcpu, const char *key, const char *none)
{
	if (ctl_has(vcpu, key))
		table_cell(table, "%lld kHz", ctl_number(vcpu, key));
	else
		table_cell(table, "%s", none);
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
	cleanup_table struct table table = TABLE(columns);
	json_t *vcpu;

	ctl_for_each (vcpu, vcpus) {
		ctl_cells(&table, vcpu, "vcpu");
		table_cell(&table, "%s", ctl_has(vcpu, "cpus") ? ctl_text(vcpu, "cpus") : "no");
		if (ctl_flag(vcpu, "online"))
			khz_cell(&table, vcpu, "vote_khz", "silent");
		else
			table_cell(&table, "offline");
		khz_cell(&table, vcpu, "override_khz", "");
		list_cell(&table, json_object_get(vcpu, "frequency_domains"));
	}
	return ctl_print(&table);
}

/* "high in the hours 3-5" to @text, from @used on. Return: what is used then */
static size_t add_hours(char *text, size_t size, size_t used, json_t *hours, const char *level,
			const char *means)
{
	cleanup_free char *list = NULL;
	struct cpuset set = {0};
	json_t *wants;
	int n;

	ctl_for_each (wants, hours)
		if (json_is_string(wants) && wants_i < 24 &&
		    strcmp(json_string_value(wants), level) == 0)
			cpuset_add(&set, (unsigned int)wants_i);
	if (cpuset_is_empty(&set))
		return used;
	list = cpuset_text(&set);
	n = snprintf(text + used, size - used, "%s%s in the hours %s", used > 0 ? ", " : "", means,
		     list ? list : "?");
	return n > 0 && used + (size_t)n < size ? used + (size_t)n : used;
}

static void policy_cell(struct table *table, json_t *policy)
{
	const char *suspended =
		ctl_flag(policy, "in_force") ? "" : "; suspended by a later request";
	json_t *hours = json_object_get(policy, "hours");
	char text[256] = "", traffic[TRAFFIC_TEXT_SIZE];
	size_t used = 0;

	if (strcmp(ctl_text(policy, "kind"), "traffic") == 0) {
		table_cell(table, "traffic: %s%s",
			   traffic_text(json_object_get(policy, "traffic"), traffic), suspended);
		return;
	}
	if (strcmp(ctl_text(policy, "kind"), "time") != 0) {
		table_cell(table, "%s %s%s", ctl_text(policy, "kind"), ctl_text(policy, "level"),
			   suspended);
		return;
	}
	used = add_hours(text, sizeof(text), used, hours, "high", "high");
	used = add_hours(text, sizeof(text), used, hours, "low", "low");
	(void)add_hours(text, sizeof(text), used, hours, "traffic", "by traffic");
	table_cell(table, "time: %s%s", *text ? text : "no hours", suspended);
}

/* The operator's, and what guests have sent: too long for the table. */
static int print_policies(json_t *domain)
{
	cleanup_table struct table table = TABLE(key_value);
	char traffic[TRAFFIC_TEXT_SIZE];
	json_t *vcpu;

	if (ctl_has(domain, "traffic")) {
		table_cell(&table, "operator's policy:");
		table_cell(&table, "by traffic: %s",
			   traffic_text(json_object_get(domain, "traffic"), traffic));
	}
	ctl_for_each (vcpu, json_object_get(domain, "vcpus")) {
		if (!ctl_has(vcpu, "policy"))
			continue;
		table_cell(&table, "policy of vCPU %lld:", ctl_number(vcpu, "vcpu"));
		policy_cell(&table, json_object_get(vcpu, "policy"));
	}
	if (table.n_cells == 0)
		return CTL_OK;
	(void)fputc('\n', stdout);
	return ctl_print(&table);
}

/* Limits, if any: "1200000 to 2400000 kHz, no turbo" */
static void limits_line(struct table *table, json_t *settings)
{
	long long min = ctl_number(settings, "min_khz"), max = ctl_number(settings, "max_khz");
	const char *turbo = ctl_flag(settings, "turbo") ? "" : ", no turbo";

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

/* The kinds of commands that the guest may send, unless it may send all */
static void commands_line(struct table *table, json_t *commands)
{
	char text[64] = "";
	size_t n_all = 0, used = 0;
	json_t *command;

	while (domain_command_names[n_all])
		n_all++;
	if (json_array_size(commands) >= n_all)
		return;
	ctl_for_each (command, commands) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? ", " : "",
				 json_is_string(command) ? json_string_value(command) : "");

		if (n > 0 && used + (size_t)n < sizeof(text))
			used += (size_t)n;
	}
	text_line(table, "commands", *text ? text : "none");
}

/* The operator's policy; "vmpowerctl policy" shows all of it. */
static void operator_policy_line(struct table *table, json_t *settings)
{
	const char *policy = ctl_text(settings, "policy");
	const char *source = ctl_text(settings, "policy_source");

	if (!*source || strcmp(policy, "none") == 0)
		return;
	table_cell(table, "policy:");
	table_cell(table, "%s%s%s, set by %s, %s", policy,
		   strcmp(policy, "workload") == 0 ? " " : "",
		   strcmp(policy, "workload") == 0 ? ctl_text(settings, "policy_level") : "",
		   strcmp(source, "operator") == 0  ? "vmpowerctl"
		   : strcmp(source, "section") == 0 ? "the section"
						    : "the metadata",
		   strcmp(ctl_text(settings, "policy_rank"), "above-guest") == 0
			   ? "above what its guest asks for"
			   : "below what its guest asks for");
}

/* Settings that differ from the defaults; --json shows all */
static void settings_lines(struct table *table, json_t *settings)
{
	const char *section = ctl_text(settings, "section");
	const char *error = ctl_text(settings, "metadata_error");

	if (*section) {
		table_cell(table, "section:");
		table_cell(table, "[domain \"%s\"], %s", section, ctl_text(settings, "origin"));
	}
	if (!ctl_flag(settings, "serve"))
		text_line(table, "serve", "no");
	limits_line(table, settings);
	commands_line(table, json_object_get(settings, "commands"));
	if (!ctl_flag(settings, "queries"))
		text_line(table, "queries", "no");
	if (*section || ctl_flag(settings, "metadata")) {
		table_cell(table, "rate:");
		table_cell(table, "%lld requests/s for each channel, %lld in one go",
			   ctl_number(settings, "rate"), ctl_number(settings, "burst"));
	}
	if (ctl_number(settings, "vote_lifetime_s") > 0) {
		table_cell(table, "vote lifetime:");
		table_cell(table, "%lld s", ctl_number(settings, "vote_lifetime_s"));
	}
	operator_policy_line(table, settings);
	if (*error) {
		table_cell(table, "metadata:");
		table_cell(table, "invalid, ignored: %s", error);
	} else if (ctl_flag(settings, "metadata")) {
		text_line(table, "metadata", "followed");
	}
}

static int print_header(json_t *domain)
{
	cleanup_table struct table table = TABLE(key_value);

	text_line(&table, "name", ctl_text(domain, "name"));
	text_line(&table, "uuid", ctl_text(domain, "uuid"));
	number_line(&table, "id", domain, "id");
	text_line(&table, "state", ctl_flag(domain, "paused") ? "paused" : "running");
	if (ctl_has(domain, "problem"))
		text_line(&table, "not served", ctl_text(domain, "problem"));
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
	r = print_vcpus(json_object_get(domain, "vcpus"));
	return r == CTL_OK ? print_policies(domain) : r;
}
