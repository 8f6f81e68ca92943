/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/manager/varlink/text.h"

#define SERVICE "org.varlink.service"

static struct varlink_client *client_of(const struct varlink_call *call)
{
	return container_of(call, struct varlink_client, call);
}

/* Written with as little memory as possible. */
static const char *put_failure(struct varlink_client *client, const char *reason)
{
	FILE *out = varlink_output_open(&client->out, SIZE_MAX);

	if (out)
		(void)fprintf(
			out, "{\"error\":\"%s.OutOfResources\",\"parameters\":{\"reason\":\"%s\"}}",
			client->server->service->interface, reason);
	return varlink_output_close(&client->out, out);
}

void varlink_client_finish(struct varlink_client *client, const char *failure)
{
	if (failure && put_failure(client, failure))
		varlink_client_doom(client, "can't be answered: out of memory");
	varlink_client_send(client);
}

/* @reply: taken over; NULL: out of memory. Return: as varlink_output_close() */
static const char *put_reply(struct varlink_client *client, json_t *reply)
{
	FILE *out =
		reply ? varlink_output_open(&client->out, client->server->limits.reply_size) : NULL;
	bool complete = out && json_dumpf(reply, out, JSON_COMPACT) == 0;
	const char *failure = varlink_output_close(&client->out, out);

	json_decref(reply);
	if (!failure && !complete) {
		varlink_output_clear(&client->out);
		failure = "out of memory";
	}
	return failure;
}

/* @reply: taken over; NULL: out of memory */
static void send_reply(struct varlink_call *call, json_t *reply)
{
	struct varlink_client *client = client_of(call);

	ASSERT(call->state != CALL_NONE); /* a call is answered once */
	if (call->request.oneway) {
		json_decref(reply);
		varlink_client_send(client);
		return;
	}
	varlink_client_finish(client, put_reply(client, reply));
}

static void send_error(struct varlink_call *call, const char *interface, const char *name,
		       json_t *parameters)
{
	json_t *reply = NULL;

	if (parameters)
		reply = json_pack("{s:s++, s:o}", "error", interface, ".", name, "parameters",
				  parameters);
	send_reply(call, reply);
}

json_t *varlink_parameters(const struct varlink_call *call)
{
	return call->request.parameters;
}

void varlink_reply(struct varlink_call *call, json_t *parameters)
{
	send_reply(call, parameters ? json_pack("{s:o}", "parameters", parameters) : NULL);
}

void varlink_error(struct varlink_call *call, const char *name, json_t *parameters)
{
	send_error(call, client_of(call)->server->service->interface, name, parameters);
}

static void service_error(struct varlink_call *call, const char *name, const char *key,
			  const char *value)
{
	send_error(call, SERVICE, name, json_pack("{s:s}", key, value));
}

void varlink_invalid(struct varlink_call *call, const char *parameter)
{
	service_error(call, "InvalidParameter", "parameter", parameter);
}

void varlink_defer(struct varlink_call *call, void (*cancelled)(void *data), void *data)
{
	ASSERT(call->state == CALL_RUNNING);
	call->state = CALL_DEFERRED;
	call->cancelled = cancelled;
	call->data = data;
}

bool varlink_stream(struct varlink_call *call, void (*ready)(void *data),
		    void (*cancelled)(void *data), void *data)
{
	ASSERT(call->state == CALL_RUNNING);
	if (call->request.oneway || !call->request.more) {
		send_error(call, SERVICE, "ExpectedMore", json_object());
		return false;
	}
	call->state = CALL_STREAMING;
	call->ready = ready;
	call->cancelled = cancelled;
	call->data = data;
	return true;
}

bool varlink_busy(const struct varlink_call *call)
{
	return client_of(call)->out.first != NULL;
}

void varlink_continue(struct varlink_call *call, json_t *parameters)
{
	json_t *reply = json_pack("{s:o*, s:b}", "parameters", parameters, "continues", 1);

	ASSERT(call->state == CALL_STREAMING);
	if (!parameters) {
		json_decref(reply);
		reply = NULL;
	}
	if (put_reply(client_of(call), reply))
		varlink_client_doom(client_of(call), "can't be answered: out of memory");
	varlink_client_push(client_of(call));
}

static void get_info(struct varlink_call *call, void *context)
{
	const struct varlink_service *service = client_of(call)->server->service;

	(void)context;
	varlink_reply(call,
		      json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", service->vendor,
				"product", service->product, "version", service->version, "url",
				service->url, "interfaces", SERVICE, service->interface));
}

static void get_interface_description(struct varlink_call *call, void *context)
{
	const struct varlink_service *service = client_of(call)->server->service;
	const char *interface =
		json_string_value(json_object_get(call->request.parameters, "interface"));
	const char *text = NULL;

	(void)context;
	if (strcmp(interface, service->interface) == 0)
		text = service->description;
	else if (strcmp(interface, SERVICE) == 0)
		text = varlink_text_service;
	if (text)
		varlink_reply(call, json_pack("{s:s}", "description", text));
	else
		service_error(call, "InterfaceNotFound", "interface", interface);
}

static const struct varlink_method service_methods[] = {
	{"GetInfo", VARLINK_INTROSPECT, get_info, {{0}}},
	{"GetInterfaceDescription",
	 VARLINK_INTROSPECT,
	 get_interface_description,
	 {{"interface", VARLINK_STRING, false}}},
	{.name = NULL},
};

static const struct varlink_method *find(const struct varlink_method *methods, const char *name)
{
	while (methods->name && strcmp(methods->name, name) != 0)
		methods++;
	return methods->name ? methods : NULL;
}

/* "a.b.Method" is Method of interface "a.b". */
static bool is_interface(const char *method, const char *dot, const char *interface)
{
	return strlen(interface) == (size_t)(dot - method) &&
	       strncmp(method, interface, strlen(interface)) == 0;
}

/* NULL: no such method, an error was sent */
static const struct varlink_method *find_method(struct varlink_call *call)
{
	const struct varlink_service *service = client_of(call)->server->service;
	const struct varlink_method *method = NULL;
	const char *name = call->request.method;
	const char *dot = strrchr(name, '.');
	cleanup_free char *interface = NULL;

	if (!dot) {
		service_error(call, "MethodNotFound", "method", name);
		return NULL;
	}
	if (is_interface(name, dot, SERVICE)) {
		method = find(service_methods, dot + 1);
	} else if (is_interface(name, dot, service->interface)) {
		method = find(service->methods, dot + 1);
	} else {
		interface = strndup(name, (size_t)(dot - name));
		service_error(call, "InterfaceNotFound", "interface", interface);
		return NULL;
	}
	if (!method)
		service_error(call, "MethodNotFound", "method", name);
	return method;
}

static void run(struct varlink_client *client)
{
	struct varlink_call *call = &client->call;
	const struct varlink_service *service = client->server->service;
	const struct varlink_method *method = find_method(call);
	const char *bad;

	if (!method)
		return;
	if (client->access < method->access) {
		varlink_error(call, "PermissionDenied",
			      json_pack("{s:s}", "reason", service->denied[method->access]));
		return;
	}
	bad = call->request.bad_field;
	if (!bad)
		bad = varlink_parameters_check(method->parameters, call->request.parameters);
	if (bad)
		varlink_invalid(call, bad);
	else
		method->handler(call, client->server->context);
}

int varlink_dispatch(struct varlink_client *client, const char *message, size_t size)
{
	struct varlink_call *call = &client->call;
	const char *problem;
	char text[64];

	if (varlink_request_parse(message, size, &call->request, &problem) < 0) {
		(void)snprintf(text, sizeof(text), "sent a call that %s", problem);
		varlink_complain(client, text);
		return -EBADMSG;
	}
	call->state = CALL_RUNNING;
	run(client);
	if (call->state == CALL_RUNNING) /* neither answered nor deferred */
		service_error(call, "MethodNotImplemented", "method", call->request.method);
	return 0;
}
