/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand cpu: the frequency of each CPU, and who decides it. */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

/* "schedutil 1200000-3600000" */
static void baseline_cell(struct table *table, json_t *baseline)
{
	if (ctl_has(baseline, "min_khz") && ctl_has(baseline, "max_khz"))
		table_cell(table, "%s %lld-%lld", ctl_text(baseline, "governor"),
			   ctl_number(baseline, "min_khz"), ctl_number(baseline, "max_khz"));
	else
		table_cell(table, "%s", ctl_text(baseline, "governor"));
}

static void decider_cell(struct table *table, json_t *decides, json_t *foreign)
{
	cleanup_free char *text = ctl_decider(decides);

	if (json_is_object(foreign))
		table_cell(table, "%s; runs at %s: written by someone else", text ? text : "?",
			   ctl_text(foreign, "found"));
	else
		table_cell(table, "%s", text ? text : "?");
}

static void frequency_domain_cell(struct table *table, json_t *cpu)
{
	if (ctl_has(cpu, "frequency_domain"))
		table_cell(table, "policy%lld", ctl_number(cpu, "frequency_domain"));
	else
		table_cell(table, "none");
}

/* "5, 6 (baseline)": the other threads of its core, and why one may hold the core up */
static void siblings_cell(struct table *table, json_t *siblings)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *between = "";
	json_t *sibling;

	if (out) {
		ctl_for_each (sibling, siblings) {
			const char *reason = ctl_text(sibling, "holds_up");

			(void)fprintf(out, "%s%lld%s%s%s", between, ctl_number(sibling, "cpu"),
				      *reason ? " (" : "", reason, *reason ? ")" : "");
			between = ", ";
		}
		(void)fclose(out);
	}
	table_cell(table, "%s", text ? text : "?");
}

static bool any_has_siblings(json_t *cpus)
{
	json_t *cpu;

	ctl_for_each (cpu, cpus) {
		if (ctl_has(cpu, "siblings"))
			return true;
	}
	return false;
}

int ctl_cpu(const struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{"CPU", true},	       {"FREQUENCY-DOMAIN", false}, {"DRIVER", false},
		{"METHOD", false},     {"BASELINE", false},	    {"TARGET-KHZ", true},
		{"CURRENT-KHZ", true}, {"DECIDED-BY", false},	    {"SIBLINGS", false},
	};
	cleanup_json json_t *reply = NULL;
	cleanup_table struct table table = TABLE(columns);
	json_t *cpus, *cpu;
	bool smt;
	int r = ctl_call(ctl, "ListCpus", json_object(), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	cpus = json_object_get(reply, "cpus");
	smt = any_has_siblings(cpus);
	table.n_columns -= !smt;
	ctl_for_each (cpu, cpus) {
		ctl_cells(&table, cpu, "cpu");
		frequency_domain_cell(&table, cpu);
		ctl_cells(&table, cpu, "driver", "method");
		baseline_cell(&table, json_object_get(cpu, "baseline"));
		ctl_cells(&table, cpu, "target_khz");
		if (ctl_flag(cpu, "online"))
			ctl_cells(&table, cpu, "current_khz");
		else
			table_cell(&table, "offline");
		decider_cell(&table, json_object_get(cpu, "decides"),
			     json_object_get(cpu, "foreign"));
		if (smt)
			siblings_cell(&table, json_object_get(cpu, "siblings"));
	}
	return ctl_print(&table);
}
