/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/escape.h"

/* Length of the UTF-8 character at @c; 0: escape its first byte. */
static size_t shown_bytes(const unsigned char *c)
{
	size_t n = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

	if (n == 1)
		return c[0] >= 0x20 && c[0] != 0x7f;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Terminals also obey C1 control characters (C2 80 to C2 9F). */
	return c[0] == 0xc2 && c[1] < 0xa0 ? 0 : n;
}

size_t escape(char *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *c = (const unsigned char *)text;
	size_t used = 0;

	while (*c) {
		size_t n = shown_bytes(c);

		if (n == 0) {
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[*c >> 4];
			out[used++] = hex[*c++ & 15];
		}
		for (; n > 0; n--)
			out[used++] = (char)*c++;
	}
	out[used] = '\0';
	return used;
}
