/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand cpu: what each CPU runs at, and who decides. */
#include <stdio.h>

#include "commands.h"
#include "table.h"

/* "schedutil 1200000-3600000" */
static void baseline_cell(struct table *table, json_t *baseline)
{
	json_t *low = json_object_get(baseline, "min_khz");
	json_t *high = json_object_get(baseline, "max_khz");

	if (json_is_integer(low) && json_is_integer(high))
		table_cell(table, "%s %" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT,
			   ctl_text(baseline, "governor"), json_integer_value(low),
			   json_integer_value(high));
	else
		table_cell(table, "%s", ctl_text(baseline, "governor"));
}

static void decider_cell(struct table *table, json_t *decides)
{
	const char *kind = ctl_text(decides, "kind");
	json_int_t others = ctl_number(decides, "others");
	char more[48] = "";

	if (!json_is_integer(json_object_get(decides, "vcpu"))) {
		table_cell(table, "%s", "");
		return;
	}
	if (others > 0)
		(void)snprintf(more, sizeof(more), " and %" JSON_INTEGER_FORMAT " more", others);
	table_cell(table, "%s of %s vCPU %" JSON_INTEGER_FORMAT "%s", kind,
		   ctl_text(decides, "domain"), ctl_number(decides, "vcpu"), more);
}

static void frequency_domain_cell(struct table *table, json_t *cpu)
{
	json_t *policy = json_object_get(cpu, "frequency_domain");

	if (json_is_integer(policy))
		table_cell(table, "policy%" JSON_INTEGER_FORMAT, json_integer_value(policy));
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
	cleanup_table struct table table;
	json_t *cpu;
	size_t i;
	int r = ctl_call(ctl, "ListCpus", json_object(), &reply);

	table_init(&table, columns, array_size(columns));
	if (r != CTL_OK || ctl->json)
		return r;
	json_array_foreach(json_object_get(reply, "cpus"), i, cpu)
	{
		table_cell(&table, "%" JSON_INTEGER_FORMAT, ctl_number(cpu, "cpu"));
		frequency_domain_cell(&table, cpu);
		table_cell(&table, "%s", ctl_text(cpu, "driver"));
		table_cell(&table, "%s", ctl_text(cpu, "method"));
		baseline_cell(&table, json_object_get(cpu, "baseline"));
		ctl_khz_cell(&table, cpu, "target_khz");
		if (json_is_true(json_object_get(cpu, "online")))
			ctl_khz_cell(&table, cpu, "current_khz");
		else
			table_cell(&table, "offline");
		decider_cell(&table, json_object_get(cpu, "decides"));
	}
	return ctl_print(&table);
}
