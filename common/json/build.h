/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds JSON objects and arrays, one line per field. When memory runs out, the whole object is
 * freed and becomes NULL, and whatever is added to it afterwards is freed at once: check only at
 * the end.
 */
#ifndef VMPOWER_COMMON_JSON_BUILD_H
#define VMPOWER_COMMON_JSON_BUILD_H

#include <jansson.h>
#include <stdbool.h>

#include "common/cpuset.h"

/** json_text() - a string; if it is not UTF-8, its non-ASCII bytes become "?"; NULL: null */
json_t *json_text(const char *text);

/** json_cpus() - a list of CPUs, "2,5-7"; NULL: null */
json_t *json_cpus(const struct cpuset *cpus);

/** json_put() - set a field. @value: taken over; NULL: memory ran out while it was built */
void json_put(json_t **object, const char *key, json_t *value);

/** json_add() - append an element. @value: as above */
void json_add(json_t **array, json_t *value);

void json_put_bool(json_t **object, const char *key, bool value);
void json_put_int(json_t **object, const char *key, json_int_t value);
void json_put_nonzero(json_t **object, const char *key, json_int_t value); /* 0: null */
void json_put_text(json_t **object, const char *key, const char *text);	   /* json_text() */

#endif
