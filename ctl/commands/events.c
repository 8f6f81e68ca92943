/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand events: prints each event when it happens. */
#include <stdio.h>
#include <time.h>

#include "ctl/commands/commands.h"
#include "ctl/commands/event_text.h"
#include "ctl/common/client.h"
#include "ctl/common/print.h"

static void print_time(long long time_us)
{
	time_t when = (time_t)(time_us / 1000000);
	struct tm tm;
	char text[32];

	if (localtime_r(&when, &tm) && strftime(text, sizeof(text), "%H:%M:%S", &tm) > 0)
		(void)printf("%s.%03d  ", text, (int)(time_us / 1000 % 1000));
}

static void print_event(json_t *event)
{
	cleanup_free char *text = event_text(event);
	enum style how = event_style(event);

	print_time(ctl_number(event, "time_us"));
	(void)printf("%s%-19s  %s%s\n", how == STYLE_PLAIN ? "" : style(stdout, how),
		     ctl_text(event, "kind"), text ? text : "?",
		     how == STYLE_PLAIN ? "" : style(stdout, STYLE_PLAIN));
}

static void print_lost(const struct ctl *ctl, long long lost)
{
	if (ctl->json)
		(void)printf("{\"kind\":\"lost\",\"lost\":%lld}\n", lost);
	else
		(void)printf("-- %lld events were lost: this reader was too slow\n", lost);
}

/* Return: false: the output is closed. */
static bool print_reply(const struct ctl *ctl, json_t *reply)
{
	long long lost = ctl_number(reply, "lost");
	json_t *event;

	if (lost > 0)
		print_lost(ctl, lost);
	ctl_for_each (event, json_object_get(reply, "events")) {
		if (ctl->json)
			ctl_print_json(event, JSON_COMPACT);
		else
			print_event(event);
	}
	return fflush(stdout) == 0;
}

int ctl_events(const struct ctl *ctl)
{
	cleanup(client_close) struct client client = {.fd = -1};
	cleanup_free char *problem = NULL;
	int r = ctl_stream(ctl, "Monitor", json_object(), &client, &problem);

	while (r == CTL_OK) {
		cleanup_json json_t *reply = NULL;

		r = ctl_next(&client, -1, &reply, &problem);
		if (r == CTL_OK && !print_reply(ctl, reply))
			return r; /* main() reports it */
	}
	return ctl_report(r, problem);
}
