/* SPDX-License-Identifier: BSD-3-Clause */
/* Colours: on a terminal only, and never where NO_COLOR (no-color.org) is set. */
#ifndef VMPOWER_CTL_STYLE_H
#define VMPOWER_CTL_STYLE_H

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_FAINT, STYLE_HEADING };

/** style_wanted() - are colours wanted there? */
bool style_wanted(FILE *out);

/** style() - what switches it on, STYLE_PLAIN off; "" where no colours are wanted */
const char *style(FILE *out, enum style style);

#endif
