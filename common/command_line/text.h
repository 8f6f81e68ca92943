/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of any length, safe for a terminal. Pure. */
#ifndef VMPOWER_COMMON_COMMAND_LINE_TEXT_H
#define VMPOWER_COMMON_COMMAND_LINE_TEXT_H

#include <stdarg.h>

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

#endif
