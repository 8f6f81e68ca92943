/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/text.h"

#define GAP 2
#define MIN_WIDTH 8 /* of a column of text that is too wide for the terminal */

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){.columns = table->columns, .n_columns = table->n_columns};
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

/* May a line break follow this byte? */
static bool may_break(char c)
{
	return c == ' ' || c == '-';
}

/* Bytes of the first @width characters; fewer if more text follows and may break earlier. */
static size_t piece(const char *text, size_t width)
{
	size_t bytes = 0, at = 0, n = 0;

	for (; text[bytes]; bytes++) {
		if ((text[bytes] & 0xc0) == 0x80)
			continue;
		if (n++ == width) /* a blank at the end of the line is not printed */
			return text[bytes] == ' ' ? bytes + 1 : at > 0 ? at : bytes;
		if (may_break(text[bytes]))
			at = bytes + 1;
	}
	return bytes;
}

/* Characters of the longest part that can't be broken. */
static size_t longest_part(const char *text)
{
	size_t longest = 0, n = 0;

	for (; *text; text++) {
		n += (*text & 0xc0) != 0x80 && *text != ' ';
		if (n > longest)
			longest = n;
		if (may_break(*text))
			n = 0;
	}
	return longest;
}

/* Print one line of a row and move each cell's @rest past it. Return: is more left? */
static bool print_line(const struct table *table, FILE *out, const size_t *widths,
		       const char **rest)
{
	size_t owed = 0; /* blanks to print before more text; none end a line */
	bool more = false;

	for (size_t i = 0; i < table->n_columns; i++) {
		size_t bytes = piece(rest[i], widths[i]), width = 0, shown = bytes;

		while (rest[i][bytes] && shown > 0 && rest[i][shown - 1] == ' ')
			shown--;
		for (size_t at = 0; at < shown; at++)
			width += (rest[i][at] & 0xc0) != 0x80;
		if (table->columns[i].right)
			owed += widths[i] - width;
		if (shown > 0) {
			print_blanks(out, owed);
			(void)fprintf(out, "%.*s", (int)shown, rest[i]);
			owed = 0;
		}
		owed += GAP + (table->columns[i].right ? 0 : widths[i] - width);
		rest[i] += bytes;
		more |= *rest[i] != '\0';
	}
	(void)fputc('\n', out);
	return more;
}

static void widen(size_t *width, const char *text)
{
	size_t needed = text_width(text);

	if (needed > *width)
		*width = needed;
}

/* Narrow the widest columns of text until the table fits, none below its @least. */
static void narrow(const struct table *table, size_t *widths, const size_t *least, size_t limit)
{
	size_t total = GAP * (table->n_columns - 1), widest;

	for (size_t i = 0; i < table->n_columns; i++)
		total += widths[i];
	for (; limit > 0 && total > limit; total--) {
		widest = table->n_columns;
		for (size_t i = 0; i < table->n_columns; i++) {
			if (!table->columns[i].right && widths[i] > least[i] &&
			    (widest == table->n_columns || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == table->n_columns)
			return;
		widths[widest]--;
	}
}

static void choose_widths(const struct table *table, size_t *widths, size_t *least, size_t limit)
{
	bool headings = table->columns[0].heading;

	for (size_t i = 0; i < table->n_columns + table->n_cells; i++) {
		size_t column = i % table->n_columns;
		const char *text = i < table->n_columns ? table->columns[i].heading
							: table->cells[i - table->n_columns];

		if (i < table->n_columns && !headings)
			continue;
		widen(&widths[column], text);
		if (longest_part(text) > least[column])
			least[column] = longest_part(text);
	}
	narrow(table, widths, least, limit);
	for (size_t i = 0; i < table->n_columns; i++)
		least[i] = MIN_WIDTH;
	narrow(table, widths, least, limit); /* still too wide: break words rather than rows */
}

int table_print(const struct table *table, FILE *out, size_t width)
{
	cleanup_free size_t *widths = calloc(table->n_columns, sizeof(*widths));
	cleanup_free size_t *least = calloc(table->n_columns, sizeof(*least));
	cleanup_free const char **rest = calloc(table->n_columns, sizeof(*rest));
	bool headings = table->columns[0].heading;

	if (table->failed || !widths || !least || !rest)
		return -ENOMEM;
	ASSERT(table->n_cells % table->n_columns == 0); /* whole rows */
	choose_widths(table, widths, least, width);
	for (size_t i = 0; headings && i < table->n_columns; i++)
		rest[i] = table->columns[i].heading;
	while (headings && print_line(table, out, widths, rest))
		;
	for (size_t row = 0; row < table->n_cells; row += table->n_columns) {
		for (size_t i = 0; i < table->n_columns; i++)
			rest[i] = table->cells[row + i];
		while (print_line(table, out, widths, rest))
			;
	}
	return 0;
}
