/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A varlink service (varlink.org): the table that describes it, and how its methods answer calls,
 * at once or later.
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
	VARLINK_INTROSPECT, /* only org.varlink.service */
	VARLINK_READ,
	VARLINK_CHANGE,
};

#define VARLINK_MAX_PARAMETERS 4

struct varlink_method {
	const char *name; /* without the interface */
	enum varlink_access access;
	/*
	 * calls exactly one of varlink_reply(), _error(), _invalid(), _defer(), _stream(),
	 * _answer() (answer.h)
	 */
	void (*handler)(struct varlink_call *call, void *context);
	struct varlink_parameter parameters[VARLINK_MAX_PARAMETERS + 1];
};

struct varlink_service {
	const char *vendor, *product, *version, *url; /* for GetInfo */
	const char *interface;
	/* varlink; must define the errors PermissionDenied and OutOfResources (reason: string) */
	const char *description;
	const struct varlink_method *methods;	/* ends with a NULL name */
	const char *denied[VARLINK_CHANGE + 1]; /* reason for PermissionDenied, by access needed */
	/* what the peer on a socket may do; called once, when it connects */
	enum varlink_access (*access)(void *context, int fd);
};

struct varlink_limits {
	unsigned int clients;
	/* of these, reserved for peers with VARLINK_CHANGE, VARLINK_READ */
	unsigned int reserved_change, reserved_read;
	size_t call_size;    /* bytes */
	size_t reply_size;   /* bytes */
	size_t replies_size; /* of all replies that are being formed or sent */
	uint64_t slice_ns;   /* no step of an answer begins when a turn has taken this long */
	uint64_t stall_ns;   /* longest time to read a reply, except for streams */
};

/** varlink_parameters() - checked against the method's table; valid until the reply */
json_t *varlink_parameters(const struct varlink_call *call);

/**
 * varlink_reply() - answer a call; @call is invalid afterwards
 * @parameters:	an object, taken over; NULL: out of memory, replied as OutOfResources
 */
void varlink_reply(struct varlink_call *call, json_t *parameters);

/**
 * varlink_error() - answer with an error of the service; @call is invalid afterwards
 * @name:	without the interface: "NoSuchDomain"
 * @parameters:	as in varlink_reply()
 */
void varlink_error(struct varlink_call *call, const char *name, json_t *parameters);

/** varlink_invalid() - answer with org.varlink.service.InvalidParameter naming @parameter */
void varlink_invalid(struct varlink_call *call, const char *parameter);

/**
 * varlink_defer() - reply later; @call stays valid until then
 * @cancelled:	called if the client disconnects before; @call is invalid then
 */
void varlink_defer(struct varlink_call *call, void (*cancelled)(void *data), void *data);

/**
 * varlink_stream() - send replies until the client disconnects; @call is valid until then
 * @ready:	called when the client has taken the last reply: the next may be sent
 * @cancelled:	called when the client has disconnected; @call is invalid then
 *
 * Return: true; false: the call does not allow several replies, an error was sent.
 */
bool varlink_stream(struct varlink_call *call, void (*ready)(void *data),
		    void (*cancelled)(void *data), void *data);

/** varlink_busy() - is the last reply of the stream still being sent? */
bool varlink_busy(const struct varlink_call *call);

/**
 * varlink_continue() - send a reply of a stream that is not busy
 * @parameters:	as in varlink_reply()
 */
void varlink_continue(struct varlink_call *call, json_t *parameters);

#endif
