/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand explain: who decides a CPU's frequency, and why, in sentences and a table. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "cleanup.h"
#include "commands.h"
#include "number.h"
#include "table.h"

#define KHZ "%" JSON_INTEGER_FORMAT " kHz"

/* A line of output, made fit for a terminal: it has names in it. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	(void)printf("%s\n", text ? text : "(out of memory)");
}

static json_int_t count(json_t *says, const char *key)
{
	json_int_t n = 0;
	json_t *vcpu;
	size_t i;

	json_array_foreach(says, i, vcpu)
	{
		json_t *value = json_object_get(vcpu, key);

		n += json_is_integer(value) || json_is_true(value);
	}
	return n;
}

/* The highest vote that does not decide. */
static json_int_t highest_vote(json_t *says)
{
	json_int_t khz = 0;
	json_t *vcpu;
	size_t i;

	json_array_foreach(says, i, vcpu)
	{
		if (ctl_number(vcpu, "vote_khz") > khz)
			khz = ctl_number(vcpu, "vote_khz");
	}
	return khz;
}

static void say_where(json_t *cpu)
{
	json_int_t number = ctl_number(cpu, "cpu");
	const char *offline = json_is_true(json_object_get(cpu, "online")) ? "" : " (offline)";

	if (!json_is_integer(json_object_get(cpu, "frequency_domain"))) {
		say("CPU %" JSON_INTEGER_FORMAT "%s has no cpufreq driver: its frequency can't be "
		    "set.",
		    number, offline);
		return;
	}
	say("CPU %" JSON_INTEGER_FORMAT "%s is in frequency domain policy%" JSON_INTEGER_FORMAT
	    ", CPU list %s: driver %s, method %s.",
	    number, offline, ctl_number(cpu, "frequency_domain"), ctl_text(cpu, "cpus"),
	    ctl_text(cpu, "driver"), ctl_text(cpu, "method"));
}

static void say_why(json_t *cpu, json_t *says)
{
	json_t *decides = json_object_get(cpu, "decides");
	const char *kind = ctl_text(decides, "kind"), *domain = ctl_text(decides, "domain");
	json_int_t vcpu = ctl_number(decides, "vcpu"), khz = ctl_number(decides, "khz");
	json_int_t others = ctl_number(decides, "others");
	char more[64] = "";

	if (others > 0)
		(void)snprintf(more, sizeof(more), ", and %" JSON_INTEGER_FORMAT " more", others);
	if (strcmp(kind, "override") == 0) {
		say("Target " KHZ ", by the operator: an override on domain \"%s\", vCPU "
		    "%" JSON_INTEGER_FORMAT "%s, beats all votes.",
		    khz, domain, vcpu, more);
		say("\"vmpowerctl set %s %" JSON_INTEGER_FORMAT " release\" ends it.",
		    text_pasteable(domain), vcpu);
	} else if (strcmp(kind, "vote") == 0) {
		say("Target " KHZ ", by vote: domain \"%s\", vCPU %" JSON_INTEGER_FORMAT
		    "%s: the highest vote. Votes here: %" JSON_INTEGER_FORMAT ".",
		    khz, domain, vcpu, more, count(says, "vote_khz"));
	} else if (strcmp(kind, "silence") == 0) {
		say("Target " KHZ ", for the sake of the silent: domain \"%s\", vCPU "
		    "%" JSON_INTEGER_FORMAT "%s: pinned here, has not voted.",
		    khz, domain, vcpu, more);
		say("That counts as the highest frequency without turbo. The highest vote is " KHZ
		    ".",
		    highest_vote(says));
	} else {
		say("Nobody has voted: it is left at its baseline.");
	}
}

/* Where what should be and what was written are not the same. */
static void say_difference(json_t *cpu, json_t *write_error)
{
	json_int_t wanted = ctl_number(json_object_get(cpu, "decides"), "khz");
	json_int_t target = ctl_number(cpu, "target_khz");

	if (json_is_string(write_error))
		say("The kernel refused the last frequency: %s. \"journalctl -u vmpowerd\" says "
		    "more.",
		    json_string_value(write_error));
	else if (wanted != target && !json_is_true(json_object_get(cpu, "online")))
		say("It is offline: that is set when it comes back.");
	else if (wanted != target && target == 0)
		say("Nothing is written yet: that is about to happen, or could not be done, which "
		    "\"journalctl -u vmpowerd\" would say.");
	else if (wanted != target)
		say("What was written last is " KHZ ": the change is about to happen.", target);
}

static void say_state(json_t *cpu, json_t *limits)
{
	json_t *baseline = json_object_get(cpu, "baseline");
	bool ours = json_is_true(json_object_get(cpu, "controlled"));

	if (json_is_integer(json_object_get(cpu, "current_khz")))
		say("The driver says that it runs at " KHZ " now.", ctl_number(cpu, "current_khz"));
	if (json_is_object(baseline))
		say("Baseline%s: governor %s, %" JSON_INTEGER_FORMAT " to " KHZ ".",
		    ours ? ", when neither votes nor overrides are left" : "",
		    ctl_text(baseline, "governor"), ctl_number(baseline, "min_khz"),
		    ctl_number(baseline, "max_khz"));
	say("The host allows %" JSON_INTEGER_FORMAT " to " KHZ
	    "; the hardware can do %" JSON_INTEGER_FORMAT " to " KHZ ".",
	    ctl_number(limits, "min_khz"), ctl_number(limits, "max_khz"),
	    ctl_number(limits, "lowest_khz"), ctl_number(limits, "highest_khz"));
	say("Without turbo the highest is " KHZ ".", ctl_number(limits, "non_turbo_khz"));
}

static void vote_cell(struct table *table, json_t *vcpu)
{
	json_t *khz = json_object_get(vcpu, "vote_khz");

	if (json_is_true(json_object_get(vcpu, "paused"))) {
		if (json_is_integer(khz))
			table_cell(table, "%" JSON_INTEGER_FORMAT ", paused",
				   json_integer_value(khz));
		else
			table_cell(table, "silent, paused");
	} else if (json_is_integer(khz)) {
		ctl_khz_cell(table, vcpu, "vote_khz");
	} else if (json_is_true(json_object_get(vcpu, "protects"))) {
		table_cell(table, "silent, protected");
	} else {
		table_cell(table, "silent");
	}
}

/* @limit: "min", "max": the host's; "domain-max", ...; "" */
static void clamped_cell(struct table *table, const char *limit)
{
	static const char of_domain[] = "domain-";
	size_t n = strlen(of_domain);

	if (strncmp(limit, of_domain, n) == 0)
		table_cell(table, "domain %s", limit + n);
	else
		table_cell(table, "%s%s", *limit ? "host " : "", limit);
}

static int print_says(json_t *says)
{
	static const struct table_column columns[] = {
		{"DOMAIN", false},  {"VCPU", true},	   {"PINNED", false},
		{"VOTE-KHZ", true}, {"CLAMPED-BY", false}, {"OVERRIDE-KHZ", true},
		{"DECIDES", false},
	};
	cleanup_table struct table table;
	json_t *vcpu;
	size_t i;

	table_init(&table, columns, array_size(columns));
	json_array_foreach(says, i, vcpu)
	{
		table_cell(&table, "%s", ctl_text(vcpu, "domain"));
		table_cell(&table, "%" JSON_INTEGER_FORMAT, ctl_number(vcpu, "vcpu"));
		table_cell(&table, "%s",
			   json_is_string(json_object_get(vcpu, "cpus")) ? ctl_text(vcpu, "cpus")
									 : "no");
		vote_cell(&table, vcpu);
		clamped_cell(&table, ctl_text(vcpu, "clamped"));
		ctl_khz_cell(&table, vcpu, "override_khz");
		table_cell(&table, "%s",
			   json_is_true(json_object_get(vcpu, "decides")) ? "yes" : "");
	}
	return ctl_print(&table);
}

int ctl_explain(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	json_t *cpu, *says;
	uint32_t number;
	int r;

	if (parse_u32(ctl->words[0], MAX_CPUS - 1, &number) < 0) {
		ctl_complain("\"%s\" is no CPU: CPUs are numbers from 0 to %d", ctl->words[0],
			     MAX_CPUS - 1);
		return CTL_USAGE;
	}
	r = ctl_call(ctl, "ExplainCpu", json_pack("{s:i}", "cpu", (int)number), &reply);
	if (r != CTL_OK || ctl->json)
		return r;
	cpu = json_object_get(reply, "cpu");
	says = json_object_get(reply, "vcpus");
	say_where(cpu);
	if (!json_is_integer(json_object_get(cpu, "frequency_domain")))
		return CTL_OK;
	say_why(cpu, says);
	say_difference(cpu, json_object_get(reply, "write_error"));
	say_state(cpu, json_object_get(reply, "limits"));
	if (ctl_number(reply, "floating") > 0)
		say("vCPUs that are not pinned, may run here, and have no say: "
		    "%" JSON_INTEGER_FORMAT ".",
		    ctl_number(reply, "floating"));
	if (json_array_size(says) == 0) {
		say("No vCPU is pinned here.");
		return CTL_OK;
	}
	(void)fputc('\n', stdout);
	return print_says(says);
}
