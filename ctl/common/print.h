/* SPDX-License-Identifier: BSD-3-Clause */
/* Printing, and access to members of the daemon's replies. */
#ifndef VMPOWER_CTL_COMMON_PRINT_H
#define VMPOWER_CTL_COMMON_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/common/table.h"

/* A member of an object from the daemon; "", 0 or false if it is missing or of another type. */
const char *ctl_text(json_t *object, const char *key);
long long ctl_number(json_t *object, const char *key);
bool ctl_flag(json_t *object, const char *key);

/** ctl_has() - does the member exist, and is it not null? */
bool ctl_has(json_t *object, const char *key);

/* For each element of a JSON array; of anything else, none. */
#define ctl_for_each(item, array)                                                                  \
	for (size_t item##_i = 0; ((item) = json_array_get((array), item##_i)); item##_i++)

/**
 * ctl_decider() - whose vote, silence or override decides: "vote of vm1 vCPU 0 and 2 more"
 * @decides:	a Decider of the interface
 *
 * Return: the text, owned by the caller; "": nobody decides; NULL: no memory.
 */
char *ctl_decider(json_t *decides);

#define CTL_TIME_SIZE 64

/** ctl_time() - Unix time in s as local date and time. Return: @text */
const char *ctl_time(char text[static CTL_TIME_SIZE], long long seconds);

/** ctl_error() - "vmpowerctl: text" and a newline to stderr, escaped; printf(3) */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** ctl_say() - a line to stdout, escaped; printf(3) */
void ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** ctl_print_json() - a line to stdout; @flags of json_dumpf() */
void ctl_print_json(const json_t *value, size_t flags);

/** ctl_terminal_width() - columns of the terminal on stdout; 0: no terminal, or unknown */
size_t ctl_terminal_width(void);

/** ctl_print() - print a table to stdout. Return: CTL_OK; CTL_FAILED: error printed */
int ctl_print(const struct table *table);

/** ctl_cells() - add members as cells, text or numbers; the arguments are their keys */
#define ctl_cells(table, object, ...)                                                              \
	ctl_cells_of(table, object, (const char *const[]){__VA_ARGS__, NULL})
void ctl_cells_of(struct table *table, json_t *object, const char *const *keys);

#endif
