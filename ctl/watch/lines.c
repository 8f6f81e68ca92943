/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/watch/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/print.h"

#define BAR_MAX 30
#define BAR_MIN 6
#define FIXED_WIDTH 43	 /* of a line with a bar, without the bar and the decider */
#define DECIDER_WIDTH 26 /* the decider gets this much before the bar grows */

void watch_lines_clear(struct watch_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->lines[i].text);
	free(lines->lines);
	*lines = (struct watch_lines){0};
}

/* Cut @text after @width characters. */
static void cut(char *text, size_t width)
{
	for (; *text; text++) {
		if ((*text & 0xc0) == 0x80)
			continue;
		if (width-- == 0) {
			*text = '\0';
			return;
		}
	}
}

struct page {
	struct watch_lines *lines;
	size_t width;
	size_t bar_width;
	int error;
};

static void line(struct page *page, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void line(struct page *page, enum style style, const char *format, ...)
{
	struct watch_lines *lines = page->lines;
	struct watch_line *more;
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	if (lines->n == lines->capacity) {
		more = reallocarray(lines->lines, lines->capacity * 2 + 16, sizeof(*more));
		if (more) {
			lines->lines = more;
			lines->capacity = lines->capacity * 2 + 16;
		}
	}
	if (!text || lines->n == lines->capacity) {
		free(text);
		page->error = -ENOMEM;
		return;
	}
	cut(text, page->width);
	lines->lines[lines->n++] = (struct watch_line){text, style};
}

/* "[####......]": how far @khz is from the lowest to the highest frequency */
static void make_bar(char *bar, size_t width, json_t *limits, long long khz, char fill)
{
	long long low = ctl_number(limits, "lowest_khz"), high = ctl_number(limits, "highest_khz");
	size_t filled = 0;

	ASSERT(width <= BAR_MAX); /* the size of the arrays for bars */
	if (high > low && khz > low)
		filled = (size_t)((khz - low) * (long long)width / (high - low));
	if (filled > width)
		filled = width;
	if (khz > 0 && filled == 0)
		filled = 1; /* the lowest frequency is not an empty bar */
	bar[0] = '[';
	memset(bar + 1, '.', width);
	memset(bar + 1, fill, filled);
	memcpy(bar + 1 + width, "]", 2);
}

static void khz_text(char text[static 16], json_t *object, const char *key, const char *none)
{
	if (ctl_has(object, key))
		(void)snprintf(text, 16, "%lld", ctl_number(object, key));
	else
		(void)snprintf(text, 16, "%s", none);
}

static void fdom_line(struct page *page, json_t *fdom)
{
	long long target = ctl_number(fdom, "target_khz");
	cleanup_free char *decider = ctl_decider(json_object_get(fdom, "decides"));
	char bar[BAR_MAX + 3], to[16], now[16], policy[24];

	make_bar(bar, page->bar_width, json_object_get(fdom, "limits"),
		 target > 0 ? target : ctl_number(fdom, "current_khz"), target > 0 ? '#' : '-');
	khz_text(to, fdom, "target_khz", "baseline");
	khz_text(now, fdom, "current_khz", "-");
	(void)snprintf(policy, sizeof(policy), "policy%lld", ctl_number(fdom, "frequency_domain"));
	line(page, target > 0 ? STYLE_GOOD : STYLE_PLAIN, "%-10s %-7s %s %9s %9s  %s", policy,
	     ctl_text(fdom, "cpus"), bar, to, now,
	     !decider	? "?"
	     : *decider ? decider
			: "-");
}

static void fdom_lines(struct page *page, json_t *fdoms)
{
	json_t *fdom;

	line(page, STYLE_HEADING, "%-10s %-7s %-*s %9s %9s  %s", "FREQ-DOM", "CPUS",
	     (int)page->bar_width + 2, "", "TARGET", "CURRENT", "DECIDED BY");
	ctl_for_each (fdom, fdoms)
		fdom_line(page, fdom);
	if (json_array_size(fdoms) == 0)
		line(page, STYLE_WARNING, "this host has no cpufreq: frequencies can't be set");
}

static void vcpu_line(struct page *page, json_t *vcpu)
{
	char vote[16], override[16];

	khz_text(vote, vcpu, "vote_khz", "silent");
	if (!ctl_flag(vcpu, "online"))
		(void)snprintf(vote, sizeof(vote), "offline");
	khz_text(override, vcpu, "override_khz", "");
	line(page, STYLE_PLAIN, "  vCPU %-4lld on %-12s %9s%s%s", ctl_number(vcpu, "vcpu"),
	     ctl_has(vcpu, "cpus") ? ctl_text(vcpu, "cpus") : "any CPU", vote,
	     *override ? ", fixed at " : "", override);
}

static int count_connected(json_t *channels)
{
	json_t *channel;
	int n = 0;

	ctl_for_each (channel, channels)
		n += strcmp(ctl_text(channel, "state"), "connected") == 0;
	return n;
}

static void domain_lines(struct page *page, json_t *domain)
{
	json_t *channels = json_object_get(domain, "channels"), *vcpu;
	double nacks = json_real_value(json_object_get(domain, "nacks_per_s"));
	int connected = count_connected(channels);

	line(page, STYLE_HEADING,
	     "%s: %.0f requests/s, %.0f refused/s, %d of %zu channels connected",
	     ctl_text(domain, "name"), json_real_value(json_object_get(domain, "requests_per_s")),
	     nacks, connected, json_array_size(channels));
	ctl_for_each (vcpu, json_object_get(domain, "vcpus"))
		vcpu_line(page, vcpu);
}

static void status_line(struct page *page, json_t *status)
{
	line(page, STYLE_PLAIN,
	     "vmpower %s: %lld domains, %lld of %lld channels connected, libvirt %s%s",
	     ctl_text(status, "version"), ctl_number(status, "domains"),
	     ctl_number(status, "connected"), ctl_number(status, "channels"),
	     ctl_flag(status, "libvirt_connected") ? "connected" : "not connected",
	     ctl_has(status, "monitor_pid") ? "" : ", NO MONITOR");
}

int watch_lines_make(struct watch_lines *lines, json_t *shown, size_t width)
{
	struct page page = {.lines = lines, .width = width, .bar_width = BAR_MIN};
	json_t *domain;

	if (width > FIXED_WIDTH + DECIDER_WIDTH + BAR_MIN)
		page.bar_width = width - FIXED_WIDTH - DECIDER_WIDTH;
	if (page.bar_width > BAR_MAX)
		page.bar_width = BAR_MAX;
	status_line(&page, json_object_get(shown, "status"));
	line(&page, STYLE_PLAIN, "%s", "");
	fdom_lines(&page, json_object_get(shown, "frequency_domains"));
	ctl_for_each (domain, json_object_get(shown, "domains")) {
		line(&page, STYLE_PLAIN, "%s", "");
		domain_lines(&page, domain);
	}
	return page.error;
}
