/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of guests and tenants, made harmless: it must not forge a line nor drive a terminal. Pure.
 */
#ifndef VMPOWER_COMMON_ESCAPE_H
#define VMPOWER_COMMON_ESCAPE_H

#include <stddef.h>

/* Room for what escape() makes of @length bytes, with its NUL */
#define ESCAPED_SIZE(length) (4 * (length) + 1)

/**
 * escape() - write control characters, and bytes that are not UTF-8, as \xNN
 * @out:	ESCAPED_SIZE(strlen(text)) bytes
 *
 * A backslash stays as it is: the result is for people to read, not to be read back.
 *
 * Return: length of @out without its NUL.
 */
size_t escape(char *out, const char *text);

#endif
