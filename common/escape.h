/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes untrusted text harmless: it can't forge a log line or control a terminal. Pure. */
#ifndef VMPOWER_COMMON_ESCAPE_H
#define VMPOWER_COMMON_ESCAPE_H

#include <stddef.h>

/* Bytes that escape() needs for @length bytes of text, with the NUL. */
#define ESCAPED_SIZE(length) (4 * (length) + 1)

/**
 * escape() - copy text, with control characters and invalid UTF-8 as \xNN
 * @out:	ESCAPED_SIZE(strlen(text)) bytes
 *
 * Does not escape backslashes: the result is for people, not for parsers.
 *
 * Return: length of @out without its NUL.
 */
size_t escape(char *out, const char *text);

#endif
