/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/json/build.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

json_t *json_text(const char *text)
{
	cleanup_free char *copy = NULL;
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	return json_string(copy);
}

json_t *json_cpus(const struct cpuset *cpus)
{
	cleanup_free char *text = cpus ? cpuset_text(cpus) : NULL;

	return cpus ? json_string(text) : json_null();
}

static void check(json_t **json, int result)
{
	if (result == 0)
		return;
	json_decref(*json);
	*json = NULL;
}

void json_put(json_t **object, const char *key, json_t *value)
{
	check(object, json_object_set_new(*object, key, value));
}

void json_add(json_t **array, json_t *value)
{
	check(array, json_array_append_new(*array, value));
}

void json_put_bool(json_t **object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

void json_put_int(json_t **object, const char *key, json_int_t value)
{
	json_put(object, key, json_integer(value));
}

void json_put_nonzero(json_t **object, const char *key, json_int_t value)
{
	json_put(object, key, value != 0 ? json_integer(value) : json_null());
}

void json_put_text(json_t **object, const char *key, const char *text)
{
	json_put(object, key, json_text(text));
}
