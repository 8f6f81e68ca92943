/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "common/command_line/text.h"
#include "common/json/build.h"
#include "guest/tool/tool.h"

static void print_line(FILE *out, const char *before, const char *format, va_list args)
{
	cleanup_free char *text = text_format(format, args);

	(void)fprintf(out, "%s%s\n", before, text ? text : "out of memory");
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

int tool_print_answer(json_t *object, const struct port *port, bool ack, uint64_t took_us)
{
	json_put_int(&object, "port", port->number);
	json_put_text(&object, "answer", ack ? "ack" : "nack");
	json_put_int(&object, "microseconds", (json_int_t)took_us);
	return tool_print_json(object);
}
