/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand metrics: counters and measurements for monitoring systems. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/whole_file.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

/* The collector runs as another user and reads *.prom: the temporary name must not match. */
static int replace_file(const char *path, const char *text)
{
	char suffix[16];
	const struct whole_file_write how = {.suffix = suffix, .mode = 0644};

	(void)snprintf(suffix, sizeof(suffix), ".%d", (int)getpid());
	return whole_file_replace(AT_FDCWD, path, text, strlen(text), &how);
}

int ctl_metrics(const struct ctl *ctl)
{
	const char *format = ctl->output ? "prometheus" : "openmetrics";
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "Metrics", json_pack("{s:s}", "format", format), &reply);

	if (r != CTL_OK || (ctl->json && !ctl->output))
		return r;
	if (!ctl->output) {
		(void)fputs(ctl_text(reply, "text"), stdout);
		return CTL_OK;
	}
	r = replace_file(ctl->output, ctl_text(reply, "text"));
	if (r == 0)
		return CTL_OK;
	ctl_error("can't write %s: %s; the old file is unchanged", ctl->output, strerror(-r));
	return CTL_FAILED;
}
