/* SPDX-License-Identifier: BSD-3-Clause */
/* One varlink call as data: read from JSON, its parameters held against a table. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_REQUEST_H
#define VMPOWER_HELPER_MANAGER_VARLINK_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum varlink_type {
	VARLINK_BOOL,
	VARLINK_STRING,
	VARLINK_INT,
	VARLINK_INTS, /* []int */
};

/* One parameter of a method; a table of them ends with a NULL name. */
struct varlink_parameter {
	const char *name;
	enum varlink_type type;
	bool nullable; /* may be null or left out */
};

struct varlink_request {
	json_t *message;
	const char *method;    /* as called: interface.Method; lives in @message */
	json_t *parameters;    /* an object, in any case */
	bool oneway;	       /* the client wants no reply */
	bool more;	       /* the client takes any number of replies */
	const char *bad_field; /* a field of the call itself that we do not accept, or NULL */
};

/**
 * varlink_request_parse() - read a call
 * @text:	@size bytes of JSON
 * @request:	filled on success: varlink_request_clear() it
 * @problem:	set on failure: what is wrong, for the log (static text)
 *
 * Return: 0; -EBADMSG where it is no call at all: there is nothing to reply to.
 */
int varlink_request_parse(const char *text, size_t size, struct varlink_request *request,
			  const char **problem);
void varlink_request_clear(struct varlink_request *request);

/**
 * varlink_parameters_check() - are these the method's parameters, each of its type?
 * @table:	the method's parameters
 * @parameters:	an object
 *
 * Return: NULL where they are, else the name of the first that is unknown, missing or of
 * another type; lives in @table or @parameters.
 */
const char *varlink_parameters_check(const struct varlink_parameter *table, json_t *parameters);

#endif
