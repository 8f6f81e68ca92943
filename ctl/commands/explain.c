/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand explain: who decides a CPU's frequency, and why, in sentences and a table. */
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "common/value.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"
#include "ctl/common/text.h"
#include "ctl/common/traffic.h"

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

/*
 * Who decides: ", preposition domain "vm", vCPU 1, and 2 more"; "" if vmpowerd can't tell, as while
 * a request is being handled. Owned by the caller; NULL: no memory
 */
static char *by_whom(const char *preposition, json_t *decides)
{
	long long others = ctl_number(decides, "others");
	char more[64] = "";

	if (!ctl_has(decides, "domain"))
		return text_make("%s", "");
	if (others > 0)
		(void)snprintf(more, sizeof(more), ", and %lld more", others);
	return text_make(", %s domain \"%s\", vCPU %lld%s", preposition,
			 ctl_text(decides, "domain"), ctl_number(decides, "vcpu"), more);
}

/* A silent vCPU loses nothing by the votes of others. */
static void say_silence(json_t *cpu, json_t *decides)
{
	cleanup_free char *whose = by_whom("because of", decides);
	bool limits = strcmp(ctl_text(cpu, "method"), "limits") == 0;

	ctl_say("It is left to its baseline%s%s: pinned here, has not voted.",
		limits ? ", with the highest vote as its minimum" : "",
		whose && *whose ? whose : ", because of a vCPU");
	if (ctl_has(cpu, "target_khz") && limits)
		ctl_say("Range %lld to %lld kHz: from the highest vote, but not less than the "
			"baseline's minimum, to the baseline's maximum.",
			ctl_number(cpu, "lowest_khz"), ctl_number(cpu, "target_khz"));
	else if (ctl_has(cpu, "target_khz"))
		ctl_say("Until it is given back, in a second, it runs at the baseline's maximum: "
			"%lld kHz.",
			ctl_number(cpu, "target_khz"));
	ctl_say("The highest vote is %lld kHz. It decides once nobody is silent here, or once it "
		"is as high as the baseline's maximum.",
		ctl_number(cpu, "asked_khz"));
}

static void say_override(json_t *decides)
{
	cleanup_free char *whose = by_whom("on", decides);

	ctl_say("Target %lld kHz: an override by the operator%s: it beats all votes.",
		ctl_number(decides, "khz"), whose ? whose : "");
	if (ctl_has(decides, "domain"))
		ctl_say("\"vmpowerctl set %s %lld release\" ends it.",
			text_pasteable(ctl_text(decides, "domain"), ""),
			ctl_number(decides, "vcpu"));
}

static void say_vote(json_t *decides)
{
	cleanup_free char *whose = by_whom("by", decides);

	ctl_say("Target %lld kHz: the highest vote%s.", ctl_number(decides, "khz"),
		whose ? whose : "");
}

static void say_why(json_t *cpu)
{
	json_t *decides = json_object_get(cpu, "decides");
	const char *kind = ctl_text(decides, "kind");

	if (strcmp(kind, "override") == 0) {
		say_override(decides);
	} else if (strcmp(kind, "vote") == 0) {
		say_vote(decides);
	} else if (strcmp(kind, "silence") == 0) {
		say_silence(cpu, decides);
	} else {
		ctl_say("Nobody has voted: the baseline stays.");
		return;
	}
	ctl_say("Votes here: %lld. Silent vCPUs here: %lld.", ctl_number(cpu, "voters"),
		ctl_number(cpu, "silent"));
}

static void say_in_force(json_t *cpu)
{
	long long lowest = ctl_number(cpu, "lowest_khz"), target = ctl_number(cpu, "target_khz");

	if (target == 0)
		ctl_say("The baseline is in force.");
	else if (lowest < target)
		ctl_say("In force is what was written last: %lld to %lld kHz.", lowest, target);
	else
		ctl_say("In force is what was written last: %lld kHz.", target);
}

/* Is something decided that is not in force? Silence may be served by doing nothing. */
static bool differs(json_t *cpu)
{
	json_t *decides = json_object_get(cpu, "decides");
	bool in_range = strcmp(ctl_text(decides, "kind"), "silence") == 0 &&
			strcmp(ctl_text(cpu, "method"), "limits") == 0;

	return ctl_number(decides, "khz") != ctl_number(cpu, "target_khz") ||
	       (in_range && !ctl_has(cpu, "target_khz"));
}

/* Why what is decided is not in force */
static void say_difference(json_t *cpu, json_t *write_error)
{
	if (!json_is_string(write_error) && !differs(cpu))
		return;
	if (!ctl_flag(cpu, "online")) {
		ctl_say("The CPU is offline: what is decided is set when it comes back.");
		return;
	}
	if (!json_is_string(write_error)) {
		ctl_say("That is not in force yet: it will be in a moment.");
		say_in_force(cpu);
		return;
	}
	ctl_say("That is not in force: %s: %s.",
		ctl_flag(cpu, "controlled") ? "the kernel refused to set it"
					    : "its cpufreq files can't be used",
		json_string_value(write_error));
	say_in_force(cpu);
	ctl_say("vmpower tries again by itself. \"journalctl -u vmpowerd\" says more.");
}

/* What someone else wrote */
static void say_foreign(json_t *foreign)
{
	const char *file = ctl_text(foreign, "file");

	if (!json_is_object(foreign))
		return;
	if (strcmp(file, "scaling_governor") == 0)
		ctl_say("It runs under governor %s: written by someone else. \"vmpowerctl "
			"verify\" says more.",
			ctl_text(foreign, "found"));
	else
		ctl_say("It runs at %s: written by someone else (%s). The next vote that "
			"changes this file overwrites it.",
			ctl_text(foreign, "found"), file);
}

static void say_state(json_t *cpu, json_t *limits)
{
	json_t *baseline = json_object_get(cpu, "baseline");

	if (ctl_has(cpu, "current_khz"))
		ctl_say("The driver reports %lld kHz now.", ctl_number(cpu, "current_khz"));
	if (json_is_object(baseline) && *ctl_text(baseline, "governor"))
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

/* The other threads of its core: the core runs at the highest frequency that one asks for */
static void say_siblings(json_t *cpu, bool pinned)
{
	json_t *sibling;

	ctl_for_each (sibling, json_object_get(cpu, "siblings")) {
		const char *reason = ctl_text(sibling, "holds_up");
		long long number = ctl_number(sibling, "cpu");

		if (strcmp(reason, "target") == 0)
			ctl_say("CPU %lld, a thread of the same core, holds the core up: its "
				"target is %lld kHz. \"vmpowerctl explain %lld\" says why.",
				number, ctl_number(sibling, "target_khz"), number);
		else if (strcmp(reason, "baseline") == 0)
			ctl_say("CPU %lld, a thread of the same core, may hold the core up: it is "
				"at its baseline, where its governor decides.",
				number);
		else if (strcmp(reason, "unmanaged") == 0)
			ctl_say("CPU %lld, a thread of the same core, may hold the core up: "
				"vmpower can't set its frequency.",
				number);
		else
			ctl_say("CPU %lld is a thread of the same core.", number);
		if (pinned && !ctl_flag(sibling, "pinned"))
			ctl_say("No vCPU is pinned to CPU %lld.", number);
	}
}

static void vote_cell(struct table *table, json_t *vcpu)
{
	const char *paused = ctl_flag(vcpu, "paused") ? ", paused" : "";
	const char *policy = ctl_flag(vcpu, "by_operator_policy") ? ", by the operator's policy"
			     : ctl_flag(vcpu, "by_policy")	  ? ", by policy"
								  : "";

	if (ctl_has(vcpu, "vote_khz") && ctl_has(vcpu, "standing_khz") &&
	    !ctl_flag(vcpu, "by_operator_policy"))
		table_cell(table, "%lld%s, in place of the operator's policy: %lld%s",
			   ctl_number(vcpu, "vote_khz"), policy, ctl_number(vcpu, "standing_khz"),
			   paused);
	else if (ctl_has(vcpu, "vote_khz"))
		table_cell(table, "%lld%s%s", ctl_number(vcpu, "vote_khz"), policy, paused);
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

static void say_traffic(json_t *vcpus)
{
	char text[TRAFFIC_TEXT_SIZE];
	json_t *vcpu;

	ctl_for_each (vcpu, vcpus)
		if (ctl_has(vcpu, "traffic"))
			ctl_say("Traffic of %s, vCPU %lld: %s.", ctl_text(vcpu, "domain"),
				ctl_number(vcpu, "vcpu"),
				traffic_text(json_object_get(vcpu, "traffic"), text));
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
	say_why(cpu);
	say_difference(cpu, json_object_get(reply, "write_error"));
	say_foreign(json_object_get(cpu, "foreign"));
	say_state(cpu, json_object_get(reply, "limits"));
	say_siblings(cpu, json_array_size(vcpus) > 0);
	if (ctl_number(reply, "floating") > 0)
		ctl_say("Unpinned vCPUs that may run here and have no vote: %lld.",
			ctl_number(reply, "floating"));
	say_traffic(vcpus);
	if (json_array_size(vcpus) == 0) {
		ctl_say("No vCPU is pinned here.");
		return CTL_OK;
	}
	(void)fputc('\n', stdout);
	return print_vcpus(vcpus);
}
