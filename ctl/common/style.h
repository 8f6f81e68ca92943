/* SPDX-License-Identifier: BSD-3-Clause */
/* Colours: only on a terminal, and not if NO_COLOR (no-color.org) is set. */
#ifndef VMPOWER_CTL_COMMON_STYLE_H
#define VMPOWER_CTL_COMMON_STYLE_H

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_FAINT, STYLE_HEADING };

/** style_wanted() - does @out get colours? */
bool style_wanted(FILE *out);

/** style() - the escape sequence of @style, STYLE_PLAIN to end it; "" without colours */
const char *style(FILE *out, enum style style);

#endif
