/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define GAP 2

/* C0 and DEL, and C1 as UTF-8 (C2 80 to C2 9F): bytes to escape here, 0: none. */
static size_t control_bytes(const unsigned char *c)
{
	if (c[0] < 0x20 || c[0] == 0x7f)
		return 1;
	return c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

char *text_escape(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	char *escaped = malloc(strlen(text) * 4 + 1); /* each byte as \xNN */
	char *out = escaped;

	if (!escaped)
		return NULL;
	while (*c) {
		size_t n = control_bytes(c);

		if (n == 0)
			*out++ = (char)*c++;
		for (; n > 0; n--)
			out += sprintf(out, "\\x%02x", *c++);
	}
	*out = '\0';
	return escaped;
}

char *text_format(const char *format, va_list args)
{
	cleanup_free char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL; /* undefined then */
		return NULL;
	}
	return text_escape(text);
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80; /* all but continuation bytes */
	return width;
}

void table_init(struct table *table, const struct table_column *columns, size_t n_columns)
{
	*table = (struct table){.columns = columns, .n_columns = n_columns};
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	table_init(table, table->columns, table->n_columns);
}

static bool make_room(struct table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 64;
	char **cells;

	if (table->n_cells < table->capacity)
		return true;
	cells = reallocarray(table->cells, capacity, sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->capacity = capacity;
	return true;
}

void table_cell(struct table *table, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	if (text && text[0] == '\0') {
		free(text);
		text = strdup("-");
	}
	if (!text || !make_room(table)) {
		table->failed = true;
		return;
	}
	table->cells[table->n_cells++] = take_ptr(text);
}

static void print_blanks(FILE *out, size_t n)
{
	while (n-- > 0)
		(void)fputc(' ', out);
}

static void print_cell(const struct table *table, FILE *out, const size_t *widths, size_t column,
		       const char *text)
{
	size_t blanks = widths[column] - text_width(text);
	bool last = column == table->n_columns - 1;

	if (table->columns[column].right)
		print_blanks(out, blanks);
	(void)fputs(text, out);
	if (!last && !table->columns[column].right)
		print_blanks(out, blanks);
	if (last)
		(void)fputc('\n', out);
	else
		print_blanks(out, GAP);
}

static void widen(size_t *width, const char *text)
{
	size_t needed = text_width(text);

	if (needed > *width)
		*width = needed;
}

int table_print(const struct table *table, FILE *out)
{
	cleanup_free size_t *widths = calloc(table->n_columns, sizeof(*widths));
	bool headings = table->columns[0].heading;

	if (table->failed || !widths)
		return -ENOMEM;
	for (size_t i = 0; headings && i < table->n_columns; i++)
		widen(&widths[i], table->columns[i].heading);
	for (size_t i = 0; i < table->n_cells; i++)
		widen(&widths[i % table->n_columns], table->cells[i]);
	for (size_t i = 0; headings && i < table->n_columns; i++)
		print_cell(table, out, widths, i, table->columns[i].heading);
	for (size_t i = 0; i < table->n_cells; i++)
		print_cell(table, out, widths, i % table->n_columns, table->cells[i]);
	return 0;
}
