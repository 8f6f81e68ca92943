/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand verify: files that vmpower set and someone else changed. */
#include <stdio.h>
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

static int print_findings(json_t *findings)
{
	static const struct table_column columns[] = {
		{"CPU", false}, {"FILE", false}, {"OURS", true}, {"FOUND", true}, {"SINCE", false},
	};
	cleanup_table struct table table = TABLE(columns);
	char since[CTL_TIME_SIZE];
	json_t *finding;

	ctl_for_each (finding, findings) {
		ctl_cells(&table, finding, "cpus");
		table_cell(&table, "policy%lld/%s", ctl_number(finding, "frequency_domain"),
			   ctl_text(finding, "file"));
		ctl_cells(&table, finding, "ours", ctl_has(finding, "error") ? "error" : "found");
		table_cell(&table, "%s", ctl_time(since, ctl_number(finding, "since")));
	}
	return ctl_print(&table);
}

static void print_remedy(json_t *findings)
{
	bool governor = false, value = false;
	json_t *finding;

	ctl_for_each (finding, findings) {
		if (strcmp(ctl_text(finding, "file"), "scaling_governor") == 0)
			governor = true;
		else
			value = true;
	}
	(void)fputc('\n', stdout);
	if (value)
		(void)printf("vmpower sets a frequency again when the next request changes it.\n");
	if (governor)
		(void)printf(
			"Requests are refused until the governor is userspace again: set it, or "
			"let vmpowerd set it at\nonce, by "
			"\"[cpufreq] foreign = reassert\" in vmpower.conf.\n");
	(void)printf("\"vmpowerctl doctor\" looks for programs that write these files.\n");
}

int ctl_verify(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	json_t *findings;
	int r = ctl_call(ctl, "Verify", json_object(), &reply);

	if (r != CTL_OK)
		return r;
	findings = json_object_get(reply, "findings");
	if (json_array_size(findings) == 0) {
		if (!ctl->json)
			ctl_say("frequency domains controlled by vmpower: %lld; all as vmpower "
				"wrote them",
				ctl_number(reply, "checked"));
		return CTL_OK;
	}
	if (ctl->json)
		return CTL_FAILED;
	(void)print_findings(findings);
	print_remedy(findings);
	return CTL_FAILED;
}
