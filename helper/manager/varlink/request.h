/* SPDX-License-Identifier: BSD-3-Clause */
/* A varlink call: parsed from JSON, its parameters checked against a table. Pure. */
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
	bool nullable; /* may be null or missing */
};

struct varlink_request {
	json_t *message;
	const char *method;    /* interface.Method; part of @message */
	json_t *parameters;    /* always an object */
	bool oneway;	       /* no reply wanted */
	bool more;	       /* several replies allowed */
	const char *bad_field; /* name of an invalid field of the call itself; NULL: none */
};

/**
 * varlink_request_parse() - parse a call
 * @text:	@size bytes of JSON
 * @request:	set on success, to be freed with varlink_request_clear()
 * @problem:	set on failure, for the log: "is not JSON" (static text)
 *
 * Return: 0; -EBADMSG: not a call, so there is nothing to reply to.
 */
int varlink_request_parse(const char *text, size_t size, struct varlink_request *request,
			  const char **problem);
void varlink_request_clear(struct varlink_request *request);

/**
 * varlink_parameters_check() - check a call's parameters
 * @table:	the method's parameters
 * @parameters:	an object
 *
 * Return: NULL: valid; else the name of one that is unknown, missing or of the wrong type, part of
 * @table or @parameters.
 */
const char *varlink_parameters_check(const struct varlink_parameter *table, json_t *parameters);

#endif
