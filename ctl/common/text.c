/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/escape.h"
#include "common/value.h"

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

const char *text_pasteable(const char *name, const char *uuid)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@%+=-";

	char same[UUID_SIZE];

	if (name[0] && name[0] != '-' && name[strspn(name, plain)] == '\0' &&
	    name[strspn(name, "0123456789")] != '\0' && !value_uuid(name, same))
		return name;
	return *uuid ? uuid : "DOMAIN";
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80; /* all but continuation bytes */
	return width;
}
