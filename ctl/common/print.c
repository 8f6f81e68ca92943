/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/ctl.h"

const char *ctl_text(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long ctl_number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ctl_flag(json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

bool ctl_has(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return value && !json_is_null(value);
}

char *ctl_decider(json_t *decides)
{
	long long others = ctl_number(decides, "others");
	char more[48] = "";

	if (!ctl_has(decides, "vcpu"))
		return strdup("");
	if (others > 0)
		(void)snprintf(more, sizeof(more), " and %lld more", others);
	return text_make("%s of %s vCPU %lld%s", ctl_text(decides, "kind"),
			 ctl_text(decides, "domain"), ctl_number(decides, "vcpu"), more);
}

const char *ctl_time(char text[static CTL_TIME_SIZE], long long seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&when, &tm) ||
	    strftime(text, CTL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		text[0] = '\0';
	return text;
}

static void print_line(FILE *out, const char *before, const char *format, va_list args)
{
	cleanup_free char *text = text_format(format, args);

	(void)fprintf(out, "%s%s\n", before, text ? text : "out of memory");
}

void ctl_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stderr, "vmpowerctl: ", format, args);
	va_end(args);
}

void ctl_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stdout, "", format, args);
	va_end(args);
}

void ctl_print_json(const json_t *value, size_t flags)
{
	(void)json_dumpf(value, stdout, flags);
	(void)fputc('\n', stdout);
}

size_t ctl_terminal_width(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col
										     : 0;
}

int ctl_print(const struct table *table)
{
	if (table_print(table, stdout, ctl_terminal_width()) == 0)
		return CTL_OK;
	ctl_error("out of memory");
	return CTL_FAILED;
}

void ctl_cells_of(struct table *table, json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		if (json_is_integer(json_object_get(object, *keys)))
			table_cell(table, "%lld", ctl_number(object, *keys));
		else
			table_cell(table, "%s", ctl_text(object, *keys));
	}
}
