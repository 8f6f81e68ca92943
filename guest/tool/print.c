/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "guest/tool/tool.h"

static void print_line(FILE *out, const char *before, const char *format, va_list args)
{
	cleanup_free char *text = NULL, *safe = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	if (text)
		safe = malloc(ESCAPED_SIZE(strlen(text)));
	if (safe)
		(void)escape(safe, text);
	(void)fprintf(out, "%s%s\n", before, safe ? safe : "out of memory");
}

void tool_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stderr, "vmpower-guest: ", format, args);
	va_end(args);
}

void tool_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stdout, "", format, args);
	va_end(args);
}

int tool_print_json(json_t *object)
{
	int r = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

	json_decref(object);
	if (r < 0) {
		tool_error("out of memory");
		return TOOL_REFUSED;
	}
	(void)putchar('\n');
	return TOOL_OK;
}
