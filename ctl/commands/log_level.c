/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand log-level: how much vmpowerd and its monitor log. */
#include "common/log.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

int ctl_log_level(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r;

	if (log_level_by_name(ctl->words[0]) < 0) {
		ctl_error("invalid log level \"%s\": use error, warning, notice, info or debug",
			  ctl->words[0]);
		return CTL_USAGE;
	}
	r = ctl_call(ctl, "SetLogLevel", json_pack("{s:s}", "level", ctl->words[0]), &reply);
	if (r == CTL_OK && !ctl->json)
		ctl_say("log level %s until vmpowerd ends, it was %s", ctl->words[0],
			ctl_text(reply, "previous_level"));
	return r;
}
