/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of watch: a model (model.h) as text of a given width. Pure. */
#ifndef VMPOWER_CTL_WATCH_LINES_H
#define VMPOWER_CTL_WATCH_LINES_H

#include <jansson.h>
#include <stddef.h>

#include "ctl/common/style.h"

struct watch_line {
	char *text; /* at most the width asked for, escaped */
	enum style style;
};

struct watch_lines {
	struct watch_line *lines;
	size_t n, capacity;
};

void watch_lines_clear(struct watch_lines *lines);

/**
 * watch_lines_make() - format what watch shows
 * @lines:	zeroed; watch_lines_clear() it
 * @shown:	of struct watch_model
 * @width:	of a line, in characters
 *
 * Return: 0; -ENOMEM.
 */
int watch_lines_make(struct watch_lines *lines, json_t *shown, size_t width);

#endif
