/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/text.h"

#include <string.h>

#include "common/value.h"

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
