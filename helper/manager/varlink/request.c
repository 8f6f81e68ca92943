/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/request.h"

#include <errno.h>
#include <string.h>

/* A missing flag is false. Return: false: not a boolean */
static bool read_flag(json_t *message, const char *name, bool *flag)
{
	json_t *value = json_object_get(message, name);

	*flag = json_is_true(value);
	return !value || json_is_boolean(value);
}

static int read_call(struct varlink_request *request, const char **problem)
{
	json_t *message = request->message;
	json_t *parameters = json_object_get(message, "parameters");
	bool upgrade;

	if (!json_is_object(message)) {
		*problem = "is not a JSON object";
		return -EBADMSG;
	}
	request->method = json_string_value(json_object_get(message, "method"));
	if (!request->method) {
		*problem = "has no \"method\" string";
		return -EBADMSG;
	}
	if (!read_flag(message, "oneway", &request->oneway) ||
	    !read_flag(message, "more", &request->more) ||
	    !read_flag(message, "upgrade", &upgrade)) {
		*problem = "has a flag that is not a boolean";
		return -EBADMSG;
	}
	if (upgrade)
		request->bad_field = "upgrade";
	if (!parameters || json_is_null(parameters)) {
		request->parameters = json_object();
	} else if (json_is_object(parameters)) {
		request->parameters = json_incref(parameters);
	} else {
		request->parameters = json_object();
		request->bad_field = "parameters";
	}
	if (!request->parameters) {
		*problem = "does not fit into memory";
		return -EBADMSG;
	}
	return 0;
}

int varlink_request_parse(const char *text, size_t size, struct varlink_request *request,
			  const char **problem)
{
	int r;

	*request = (struct varlink_request){
		.message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL)};
	if (!request->message) {
		*problem = "is not JSON";
		return -EBADMSG;
	}
	r = read_call(request, problem);
	if (r < 0)
		varlink_request_clear(request);
	return r;
}

void varlink_request_clear(struct varlink_request *request)
{
	json_decref(request->parameters);
	json_decref(request->message);
	*request = (struct varlink_request){0};
}

static bool is_ints(json_t *value)
{
	json_t *element;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, element)
	{
		if (!json_is_integer(element))
			return false;
	}
	return true;
}

static bool fits(const struct varlink_parameter *parameter, json_t *value)
{
	if (!value || json_is_null(value))
		return parameter->nullable;
	switch (parameter->type) {
	case VARLINK_BOOL:
		return json_is_boolean(value);
	case VARLINK_STRING:
		return json_is_string(value);
	case VARLINK_INT:
		return json_is_integer(value);
	case VARLINK_INTS:
		return is_ints(value);
	}
	return false;
}

static bool is_known(const struct varlink_parameter *table, const char *name)
{
	for (; table->name; table++) {
		if (strcmp(table->name, name) == 0)
			return true;
	}
	return false;
}

const char *varlink_parameters_check(const struct varlink_parameter *table, json_t *parameters)
{
	const struct varlink_parameter *parameter;
	const char *name;
	json_t *value;

	json_object_foreach(parameters, name, value)
	{
		if (!is_known(table, name))
			return name;
	}
	for (parameter = table; parameter->name; parameter++) {
		if (!fits(parameter, json_object_get(parameters, parameter->name)))
			return parameter->name;
	}
	return NULL;
}
