/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand cpu: the frequency of each CPU, and who decides it. */
#include "ctl/commands/commands.h"
#include "ctl/print.h"

/* "schedutil 1200000-3600000" */
static void baseline_cell(struct table *table, json_t *baseline)
{
	if (ctl_has(baseline, "min_khz") && ctl_has(baseline, "max_khz"))
		table_cell(table, "%s %lld-%lld", ctl_text(baseline, "governor"),
			   ctl_number(baseline, "min_khz"), ctl_number(baseline, "max_khz"));
	else
		table_cell(table, "%s", ctl_text(baseline, "governor"));
}

static void decider_cell(struct table *table, json_t *decides)
{
	cleanup_free char *text = ctl_decider(decides);

	table_cell(table, "%s", text ? text : "?");
}

static void frequency_domain_cell(struct table *table, json_t *cpu)
{
	if (ctl_has(cpu, "frequency_domain"))
		table_cell(table, "policy%lld", ctl_number(cpu, "frequency_domain"));
	else
		table_cell(table, "none");
}

int ctl_cpu(const struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{"CPU", true},	       {"FREQUENCY-DOMAIN", false}, {"DRIVER", false},
		{"METHOD", false},     {"BASELINE", false},	    {"TARGET-KHZ", true},
		{"CURRENT-KHZ", true}, {"DECIDED-BY", false},
	};
	cleanup_json json_t *reply = NULL;
	cleanup_table struct table table = TABLE(columns);
	json_t *cpu;
	int r = ctl_call(ctl, "ListCpus", json_object(), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	ctl_for_each (cpu, json_object_get(reply, "cpus")) {
		ctl_cells(&table, cpu, "cpu");
		frequency_domain_cell(&table, cpu);
		ctl_cells(&table, cpu, "driver", "method");
		baseline_cell(&table, json_object_get(cpu, "baseline"));
		ctl_cells(&table, cpu, "target_khz");
		if (ctl_flag(cpu, "online"))
			ctl_cells(&table, cpu, "current_khz");
		else
			table_cell(&table, "offline");
		decider_cell(&table, json_object_get(cpu, "decides"));
	}
	return ctl_print(&table);
}
