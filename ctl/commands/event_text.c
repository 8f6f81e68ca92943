/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/commands/event_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/print.h"

/* "domain "fw", vCPU 0: " */
static void print_subject(FILE *out, json_t *event)
{
	if (ctl_has(event, "domain"))
		(void)fprintf(out, "domain \"%s\"%s", ctl_text(event, "domain"),
			      ctl_has(event, "channel") || ctl_has(event, "vcpu") ? ", " : ": ");
	if (ctl_has(event, "channel"))
		(void)fprintf(out, "channel %lld: ", ctl_number(event, "channel"));
	if (ctl_has(event, "vcpu"))
		(void)fprintf(out, "vCPU %lld: ", ctl_number(event, "vcpu"));
	if (ctl_has(event, "frequency_domain"))
		(void)fprintf(out, "policy%lld (CPU %s): ", ctl_number(event, "frequency_domain"),
			      ctl_text(event, "cpus"));
}

/* "1200000 kHz", or @none */
static void print_khz(FILE *out, json_t *event, const char *key, const char *none)
{
	if (ctl_has(event, key))
		(void)fprintf(out, "%lld kHz", ctl_number(event, key));
	else
		(void)fputs(none, out);
}

static void print_change(FILE *out, json_t *event, const char *none)
{
	print_khz(out, event, "previous_khz", none);
	(void)fputs(" -> ", out);
	print_khz(out, event, "khz", none);
}

static void print_decider(FILE *out, json_t *decides)
{
	cleanup_free char *text = ctl_decider(decides);

	if (text && *text)
		(void)fprintf(out, ", by %s", text);
}

static void print_what(FILE *out, json_t *event)
{
	const char *kind = ctl_text(event, "kind"), *text = ctl_text(event, "text");

	if (strcmp(kind, "vote") == 0) {
		print_change(out, event, "silent");
	} else if (strcmp(kind, "target") == 0) {
		print_change(out, event, "baseline");
		print_decider(out, json_object_get(event, "decides"));
	} else if (strcmp(kind, "override") == 0) {
		print_change(out, event, "none");
	} else if (strcmp(kind, "requests") == 0) {
		(void)fprintf(out, "%lld requests, %lld of them refused",
			      ctl_number(event, "requests"), ctl_number(event, "nacks"));
	} else {
		if (ctl_has(event, "khz"))
			print_khz(out, event, "khz", "");
		if (ctl_has(event, "previous_khz")) {
			(void)fputs(" where we had written ", out);
			print_khz(out, event, "previous_khz", "");
		}
		(void)fprintf(out, "%s%s", ctl_has(event, "khz") && *text ? ": " : "", text);
	}
}

char *event_text(json_t *event)
{
	cleanup_free char *text = NULL;
	char *escaped;
	size_t size, n;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	print_subject(out, event);
	print_what(out, event);
	if (!close_written(out))
		return NULL;
	escaped = text_escape(text);
	/* a subject alone gets no colon */
	n = escaped ? strlen(escaped) : 0;
	if (n >= 2 && strcmp(escaped + n - 2, ": ") == 0)
		escaped[n - 2] = '\0';
	return escaped;
}

enum style event_style(json_t *event)
{
	static const struct {
		const char *kind;
		enum style style;
	} styles[] = {
		{"write-failed", STYLE_BAD},	 {"foreign", STYLE_WARNING},
		{"warning", STYLE_WARNING},	 {"monitor-restarted", STYLE_BAD},
		{"channel-gone", STYLE_WARNING}, {"requests", STYLE_FAINT},
	};

	for (size_t i = 0; i < array_size(styles); i++) {
		if (strcmp(ctl_text(event, "kind"), styles[i].kind) == 0)
			return styles[i].style;
	}
	return STYLE_PLAIN;
}
