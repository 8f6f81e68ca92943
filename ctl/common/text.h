/* SPDX-License-Identifier: BSD-3-Clause */
/* Text for a command line, and its width in a terminal. Pure. */
#ifndef VMPOWER_CTL_COMMON_TEXT_H
#define VMPOWER_CTL_COMMON_TEXT_H

#include <stddef.h>

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
