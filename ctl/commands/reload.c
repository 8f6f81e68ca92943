/* SPDX-License-Identifier: BSD-3-Clause */
/* reload: have vmpowerd read its configuration anew. */
#include <stdio.h>

#include "commands.h"

/* "in force now: [channel] rate, [limits] turbo" */
static void print_list(const char *what, json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		(void)printf("%s%s", i == 0 ? what : ", ", json_string_value(name));
	}
	if (json_array_size(names) > 0)
		(void)fputc('\n', stdout);
}

int ctl_reload(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "Reload", json_object(), &reply);
	json_t *changed, *needs_restart;

	if (r != CTL_OK || ctl->json)
		return r;
	changed = json_object_get(reply, "changed");
	needs_restart = json_object_get(reply, "needs_restart");
	if (json_array_size(changed) == 0)
		(void)printf("nothing has changed\n");
	print_list("in force now: ", changed);
	print_list("needs a restart of vmpowerd: ", needs_restart);
	return CTL_OK;
}
