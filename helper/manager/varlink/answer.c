/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/answer.h"

#include <errno.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/manager/varlink/client.h"
#include "helper/manager/varlink/dispatch.h"

static struct varlink_client *client_of(const struct varlink_answer *answer)
{
	return container_of(answer->call, struct varlink_client, call);
}

static void add_last(struct varlink_server *server, struct varlink_answer *answer)
{
	struct varlink_answer **last = &server->answers;

	while (*last)
		last = &(*last)->next;
	answer->next = NULL;
	*last = answer;
}

static void take_out(struct varlink_server *server, struct varlink_answer *answer)
{
	struct varlink_answer **a = &server->answers;

	while (*a != answer) {
		ASSERT(*a);
		a = &(*a)->next;
	}
	*a = answer->next;
}

/* The client has gone. */
static void on_cancelled(void *data)
{
	struct varlink_answer *answer = data;
	struct varlink_client *client = client_of(answer);

	take_out(client->server, answer);
	(void)varlink_output_close(&client->out, answer->out);
	answer->end(answer);
}

static void finish(struct varlink_answer *answer, int error)
{
	struct varlink_client *client = client_of(answer);
	const char *failure;

	take_out(client->server, answer);
	(void)fputc('}', answer->out);
	failure = varlink_output_close(&client->out, answer->out);
	if (error < 0) {
		varlink_output_clear(&client->out);
		failure = "out of memory";
	}
	answer->end(answer);
	varlink_client_finish(client, failure);
}

static void do_step(struct varlink_server *server)
{
	struct varlink_answer *answer = server->answers;
	int r = answer->step(answer, answer->out);

	if (r <= 0 || ferror(answer->out)) {
		finish(answer, r);
		return;
	}
	/* the clients have turns: a long answer does not delay a short one */
	if (answer->next) {
		server->answers = answer->next;
		add_last(server, answer);
	}
}

void varlink_answer_steps(struct varlink_server *server)
{
	uint64_t end = monotonic_ns() + server->limits.slice_ns;

	while (server->answers) {
		do_step(server);
		if (monotonic_ns() >= end)
			break;
	}
	if (server->answers)
		loop_timer_set(server->loop, &server->slice, 0);
}

void varlink_answer(struct varlink_call *call, struct varlink_answer *answer)
{
	struct varlink_client *client = container_of(call, struct varlink_client, call);

	ASSERT(call->state == CALL_RUNNING || call->state == CALL_DEFERRED);
	answer->call = call;
	answer->out = call->request.oneway ? NULL
					   : varlink_output_open(&client->out,
								 client->server->limits.reply_size);
	if (!answer->out) {
		answer->end(answer);
		varlink_client_finish(client, call->request.oneway ? NULL : "out of memory");
		return;
	}
	(void)fputs("{\"parameters\":", answer->out);
	call->state = CALL_DEFERRED;
	call->cancelled = on_cancelled;
	call->data = answer;
	if (!client->server->answers)
		loop_timer_set(client->server->loop, &client->server->slice, 0);
	add_last(client->server, answer);
}

int varlink_write(FILE *out, json_t *json)
{
	/* a failure of the stream is found by the server */
	if (json)
		(void)json_dumpf(json, out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
	return json ? 0 : -ENOMEM;
}
