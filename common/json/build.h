/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON objects and arrays, one line a field. When memory runs out the whole object is freed and
 * becomes NULL; everything that is put into it afterwards is freed as well.
 */
#ifndef VMPOWER_COMMON_JSON_BUILD_H
#define VMPOWER_COMMON_JSON_BUILD_H

#include <jansson.h>
#include <stdbool.h>

/** json_text() - any bytes as a string, those that are not UTF-8 as "?"; NULL: null */
json_t *json_text(const char *text);

/** json_put() - add a field. @value: taken over; NULL: out of memory */
void json_put(json_t **object, const char *key, json_t *value);

/** json_add() - add an element. @value: as above */
void json_add(json_t **array, json_t *value);

void json_put_bool(json_t **object, const char *key, bool value);
void json_put_int(json_t **object, const char *key, json_int_t value);
void json_put_nonzero(json_t **object, const char *key, json_int_t value); /* 0: null */
void json_put_text(json_t **object, const char *key, const char *text);	   /* as json_text() */

#endif
