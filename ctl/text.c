/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* C0 and DEL, and C1 as UTF-8 (C2 80 to C2 9F): bytes to escape here, 0: none. */
static size_t control_bytes(const unsigned char *c)
{
	if (c[0] < 0x20 || c[0] == 0x7f)
		return 1;
	return c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

char *text_escape(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	char *escaped = text ? malloc(strlen(text) * 4 + 1) : NULL; /* each byte as \xNN */
	char *out = escaped;

	if (!escaped)
		return NULL;
	while (*c) {
		size_t n = control_bytes(c);

		if (n == 0)
			*out++ = (char)*c++;
		for (; n > 0; n--)
			out += sprintf(out, "\\x%02x", *c++);
	}
	*out = '\0';
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

const char *text_pasteable(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_.:@%+=-";

	return name[0] != '-' && name[strspn(name, plain)] == '\0' ? name : "DOMAIN";
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80; /* all but continuation bytes */
	return width;
}
