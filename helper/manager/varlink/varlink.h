/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A varlink service (varlink.org) as its methods see it: what it consists of, and how a call is
 * answered, at once or later.
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_VARLINK_H
#define VMPOWER_HELPER_MANAGER_VARLINK_VARLINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/manager/varlink/request.h"

struct varlink_call;

/* What a client may do; each includes those before it. */
enum varlink_access {
	VARLINK_INTROSPECT, /* org.varlink.service alone */
	VARLINK_READ,
	VARLINK_CHANGE,
};

#define VARLINK_MAX_PARAMETERS 4

struct varlink_method {
	const char *name; /* without the interface */
	enum varlink_access access;
	/* replies (varlink_reply(), varlink_error()) or defers (varlink_defer()), just once */
	void (*handler)(struct varlink_call *call, void *context);
	struct varlink_parameter parameters[VARLINK_MAX_PARAMETERS + 1];
};

struct varlink_service {
	const char *vendor, *product, *version, *url; /* for GetInfo */
	const char *interface;			      /* its name */
	/* varlink text; defines the errors PermissionDenied and OutOfResources (reason: string) */
	const char *description;
	const struct varlink_method *methods;
	size_t n_methods;
	const char *denied[VARLINK_CHANGE + 1]; /* why a method of that access is refused */
	/* what may this peer do? asked once, at accept */
	enum varlink_access (*access)(void *context, int fd);
};

struct varlink_limits {
	unsigned int clients;
	/* places among them that peers with less than CHANGE, than READ, can't take */
	unsigned int reserved_change, reserved_read;
	size_t call_size;  /* bytes */
	size_t reply_size; /* bytes */
	uint64_t stall_ns; /* a client that takes longer to read a reply is dropped; no stream */
};

/** varlink_parameters() - of a call: checked against the method's table; valid until the reply */
json_t *varlink_parameters(const struct varlink_call *call);

/**
 * varlink_reply() - answer a call; @call is invalid afterwards
 * @parameters:	an object, taken over; NULL: it could not be made for want of memory
 */
void varlink_reply(struct varlink_call *call, json_t *parameters);

/**
 * varlink_error() - answer a call with an error of the service's interface; @call is invalid
 * afterwards
 * @name:	"NoSuchDomain", without the interface
 * @parameters:	as in varlink_reply()
 */
void varlink_error(struct varlink_call *call, const char *name, json_t *parameters);

/** varlink_invalid() - answer with org.varlink.service.InvalidParameter naming @parameter */
void varlink_invalid(struct varlink_call *call, const char *parameter);

/**
 * varlink_defer() - the reply comes later; @call stays valid until then
 * @cancelled:	called instead if the client is gone before; @call is invalid then
 */
void varlink_defer(struct varlink_call *call, void (*cancelled)(void *data), void *data);

/**
 * varlink_stream() - replies come from now on until the client hangs up; @call is valid until then
 * @ready:	the client has taken the last one, the next may be sent
 * @cancelled:	the client is gone; @call is invalid then
 *
 * Return: true; false: the client wants no or only one reply, which is an error and was replied.
 */
bool varlink_stream(struct varlink_call *call, void (*ready)(void *data),
		    void (*cancelled)(void *data), void *data);

/** varlink_busy() - has the client not taken the last reply of its stream yet? */
bool varlink_busy(const struct varlink_call *call);

/**
 * varlink_continue() - send one reply of a stream, while it is not busy
 * @parameters:	as in varlink_reply()
 */
void varlink_continue(struct varlink_call *call, json_t *parameters);

#endif
