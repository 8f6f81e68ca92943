/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/xml_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct excerpt excerpt(const char *text)
{
	struct excerpt e;
	size_t n = strcspn(text, "\n");
	bool cut = text[n] && text[n + 1];

	if (n > sizeof(e.text) - sizeof("...")) {
		n = sizeof(e.text) - sizeof("...");
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		cut = true;
	}
	memcpy(e.text, text, n);
	memcpy(e.text + n, cut ? "..." : "", cut ? sizeof("...") : 1);
	return e;
}

void xml_error_set(struct xml_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(error->text, sizeof(error->text), format, args) < 0)
		error->text[0] = '\0';
	va_end(args);
}
