/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/command_line/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/escape.h"

char *text_escape(const char *text)
{
	char *escaped = text ? malloc(ESCAPED_SIZE(strlen(text))) : NULL;

	if (escaped)
		(void)escape(escaped, text);
	return escaped;
}

char *text_vmake(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *text_make(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_vmake(format, args);
	va_end(args);
	return text;
}

char *text_format(const char *format, va_list args)
{
	cleanup_free char *text = text_vmake(format, args);

	return text_escape(text);
}
