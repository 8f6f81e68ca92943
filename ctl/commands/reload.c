/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand reload: have vmpowerd read its configuration again. */
#include <stdio.h>

#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

/* "in force now: [channel] rate, [limits] turbo" */
static void print_list(const char *what, json_t *names)
{
	const char *before = what;
	json_t *name;

	ctl_for_each (name, names) {
		(void)printf("%s%s", before, json_string_value(name));
		before = ", ";
	}
	if (json_array_size(names) > 0)
		(void)fputc('\n', stdout);
}

int ctl_reload(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "Reload", json_object(), &reply);
	json_t *changed;

	if (r != CTL_OK || ctl->json)
		return r;
	changed = json_object_get(reply, "changed");
	if (json_array_size(changed) == 0)
		ctl_say("nothing has changed");
	print_list("in force now: ", changed);
	print_list("needs a restart of vmpowerd: ", json_object_get(reply, "needs_restart"));
	return CTL_OK;
}
