/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text tables: aligned columns, two spaces between them, no blanks at line ends. Cells are
 * escaped, so that no name can move the cursor. Writes to a FILE, no other I/O.
 */
#ifndef VMPOWER_CTL_COMMON_TABLE_H
#define VMPOWER_CTL_COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"

struct table_column {
	const char *heading; /* set for all columns or for none */
	bool right;	     /* align right, as numbers are */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* row by row, escaped */
	size_t n_cells, capacity;
	bool failed; /* out of memory: table_print() reports it */
};

/** TABLE() - an empty table; @table_columns: an array that outlives it */
#define TABLE(table_columns)                                                                       \
	((struct table){.columns = (table_columns), .n_columns = array_size(table_columns)})

void table_free(struct table *table);

/** table_cell() - the next cell, row after row; printf(3) */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * table_print() - print headings (if columns[0] has one) and rows
 *
 * @width:	of the terminal: longer rows wrap their text within its column; 0: do not wrap
 *
 * An empty cell is shown as "-". Return: 0; -ENOMEM, also for an earlier table_cell().
 */
int table_print(const struct table *table, FILE *out, size_t width);

#define cleanup_table cleanup(table_free)

#endif
