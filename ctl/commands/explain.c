/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand explain: who decides a CPU's frequency, and why, in sentences and a table. */
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/value.h"
#include "ctl/commands/commands.h"
#include "ctl/print.h"
#include "ctl/text.h"

static long long count_votes(json_t *vcpus)
{
	long long n = 0;
	json_t *vcpu;

	ctl_for_each (vcpu, vcpus)
		n += ctl_has(vcpu, "vote_khz");
	return n;
}

static long long highest_vote(json_t *vcpus)
{
	long long khz = 0;
	json_t *vcpu;

	ctl_for_each (vcpu, vcpus) {
		if (ctl_number(vcpu, "vote_khz") > khz)
			khz = ctl_number(vcpu, "vote_khz");
	}
	return khz;
}

static void say_where(json_t *cpu)
{
	long long number = ctl_number(cpu, "cpu");
	const char *offline = ctl_flag(cpu, "online") ? "" : " (offline)";

	if (!ctl_has(cpu, "frequency_domain")) {
		ctl_say("CPU %lld%s has no cpufreq driver: its frequency can't be set.", number,
			offline);
		return;
	}
	ctl_say("CPU %lld%s is in frequency domain policy%lld, CPU list %s: driver %s, method %s.",
		number, offline, ctl_number(cpu, "frequency_domain"), ctl_text(cpu, "cpus"),
		ctl_text(cpu, "driver"), ctl_text(cpu, "method"));
}

static void say_why(json_t *cpu, json_t *vcpus)
{
	json_t *decides = json_object_get(cpu, "decides");
	const char *kind = ctl_text(decides, "kind"), *domain = ctl_text(decides, "domain");
	long long vcpu = ctl_number(decides, "vcpu"), khz = ctl_number(decides, "khz");
	long long others = ctl_number(decides, "others");
	char more[64] = "";

	if (others > 0)
		(void)snprintf(more, sizeof(more), ", and %lld more", others);
	if (strcmp(kind, "override") == 0) {
		ctl_say("Target %lld kHz: an override by the operator, on domain \"%s\", vCPU "
			"%lld%s: it beats all votes.",
			khz, domain, vcpu, more);
		ctl_say("\"vmpowerctl set %s %lld release\" ends it.", text_pasteable(domain),
			vcpu);
	} else if (strcmp(kind, "vote") == 0) {
		ctl_say("Target %lld kHz: the highest vote, by domain \"%s\", vCPU %lld%s. Votes "
			"here: %lld.",
			khz, domain, vcpu, more, count_votes(vcpus));
	} else if (strcmp(kind, "silence") == 0) {
		ctl_say("Target %lld kHz: the silence of domain \"%s\", vCPU %lld%s: pinned here, "
			"has not voted.",
			khz, domain, vcpu, more);
		ctl_say("Silence counts as the highest frequency without turbo. The highest vote "
			"is %lld kHz.",
			highest_vote(vcpus));
	} else {
		ctl_say("Nobody has voted: the baseline stays.");
	}
}

/* Why the frequency written last is not the one decided */
static void say_difference(json_t *cpu, json_t *write_error)
{
	long long wanted = ctl_number(json_object_get(cpu, "decides"), "khz");
	long long target = ctl_number(cpu, "target_khz");

	if (json_is_string(write_error))
		ctl_say("The kernel refused the last frequency: %s. \"journalctl -u vmpowerd\" "
			"says more.",
			json_string_value(write_error));
	else if (wanted != target && !ctl_flag(cpu, "online"))
		ctl_say("The CPU is offline: the target is set when it comes back.");
	else if (wanted != target && target == 0)
		ctl_say("Nothing is written yet: the write is pending, or it failed; see "
			"\"journalctl -u vmpowerd\".");
	else if (wanted != target)
		ctl_say("The frequency written last is %lld kHz: the change is pending.", target);
}

static void say_state(json_t *cpu, json_t *limits)
{
	json_t *baseline = json_object_get(cpu, "baseline");

	if (ctl_has(cpu, "current_khz"))
		ctl_say("The driver reports %lld kHz now.", ctl_number(cpu, "current_khz"));
	if (json_is_object(baseline))
		ctl_say("Baseline%s: governor %s, %lld to %lld kHz.",
			ctl_flag(cpu, "controlled")
				? ", in force again when no votes or overrides are left"
				: "",
			ctl_text(baseline, "governor"), ctl_number(baseline, "min_khz"),
			ctl_number(baseline, "max_khz"));
	ctl_say("The host allows %lld to %lld kHz; the hardware can do %lld to %lld kHz.",
		ctl_number(limits, "min_khz"), ctl_number(limits, "max_khz"),
		ctl_number(limits, "lowest_khz"), ctl_number(limits, "highest_khz"));
	ctl_say("The highest frequency without turbo is %lld kHz.",
		ctl_number(limits, "non_turbo_khz"));
}

static void vote_cell(struct table *table, json_t *vcpu)
{
	const char *paused = ctl_flag(vcpu, "paused") ? ", paused" : "";

	if (ctl_has(vcpu, "vote_khz"))
		table_cell(table, "%lld%s", ctl_number(vcpu, "vote_khz"), paused);
	else if (*paused)
		table_cell(table, "silent, paused");
	else
		table_cell(table, ctl_flag(vcpu, "protects") ? "silent, protected" : "silent");
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

static int print_vcpus(json_t *vcpus)
{
	static const struct table_column columns[] = {
		{"DOMAIN", false},  {"VCPU", true},	   {"PINNED", false},
		{"VOTE-KHZ", true}, {"CLAMPED-BY", false}, {"OVERRIDE-KHZ", true},
		{"DECIDES", false},
	};
	cleanup_table struct table table = TABLE(columns);
	json_t *vcpu;

	ctl_for_each (vcpu, vcpus) {
		ctl_cells(&table, vcpu, "domain", "vcpu");
		table_cell(&table, "%s", ctl_has(vcpu, "cpus") ? ctl_text(vcpu, "cpus") : "no");
		vote_cell(&table, vcpu);
		clamped_cell(&table, ctl_text(vcpu, "clamped"));
		ctl_cells(&table, vcpu, "override_khz");
		table_cell(&table, "%s", ctl_flag(vcpu, "decides") ? "yes" : "");
	}
	return ctl_print(&table);
}

int ctl_explain(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	json_t *cpu, *vcpus;
	uint32_t number;
	int r;

	if (parse_u32(ctl->words[0], MAX_CPUS - 1, &number) < 0) {
		ctl_error("invalid CPU \"%s\": use 0 to %d", ctl->words[0], MAX_CPUS - 1);
		return CTL_USAGE;
	}
	r = ctl_call(ctl, "ExplainCpu", json_pack("{s:i}", "cpu", (int)number), &reply);
	if (r != CTL_OK || ctl->json)
		return r;
	cpu = json_object_get(reply, "cpu");
	vcpus = json_object_get(reply, "vcpus");
	say_where(cpu);
	if (!ctl_has(cpu, "frequency_domain"))
		return CTL_OK;
	say_why(cpu, vcpus);
	say_difference(cpu, json_object_get(reply, "write_error"));
	say_state(cpu, json_object_get(reply, "limits"));
	if (ctl_number(reply, "floating") > 0)
		ctl_say("Unpinned vCPUs that may run here and have no vote: %lld.",
			ctl_number(reply, "floating"));
	if (json_array_size(vcpus) == 0) {
		ctl_say("No vCPU is pinned here.");
		return CTL_OK;
	}
	(void)fputc('\n', stdout);
	return print_vcpus(vcpus);
}
