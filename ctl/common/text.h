/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of any length, safe for a terminal or a command line. Pure. */
#ifndef VMPOWER_CTL_COMMON_TEXT_H
#define VMPOWER_CTL_COMMON_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/** text_make() - printf(3) into new text, owned by the caller; NULL: no memory */
char *text_make(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** text_vmake() - the same for a va_list */
char *text_vmake(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/**
 * text_escape() - a copy with control characters as \xNN, so that no name can move the cursor
 *
 * Return: the copy, owned by the caller; NULL: no memory, or @text is NULL.
 */
char *text_escape(const char *text);

/** text_format() - text_vmake(), escaped; owned by the caller; NULL: no memory */
char *text_format(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/**
 * text_pasteable() - a domain for a command that a user may paste
 * @uuid:	of the domain; "": unknown
 *
 * Return: @name; @uuid if the name has a character that is special to a shell, or could be taken
 * for an id or UUID of another domain (virsh tries these first); "DOMAIN" if that is unknown.
 */
const char *text_pasteable(const char *name, const char *uuid);

/** text_width() - columns that UTF-8 text takes: its characters */
size_t text_width(const char *text);

#endif
