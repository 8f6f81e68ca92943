/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/protocol/frame.h"
#include "tests/guest/agent_commands.h"
#include "tests/guest/net.h"
#include "tests/guest/ports.h"

#define OUR_NAME FRAME_TAG "tests"

#define MAX_WORDS 64
#define WRITE_LIMIT_MS 5000 /* the host does not read */
#define REPLY_LIMIT_MS 5000
#define FLOOD_LIMIT_MS 60000
#define FLOOD_QUIET_MS 300 /* then no more replies will come */

static size_t generation = 464;

static uint64_t in_ms(uint64_t ms)
{
	return now_us() + ms * 1000;
}

/* A decimal or 0x number of @word; @fallback where there is no such word. */
static uint64_t number(const char *word, uint64_t fallback)
{
	return word ? strtoull(word, NULL, 0) : fallback;
}

static uint32_t unit(const char *word)
{
	uint32_t known = word ? unit_number(word) : 0;

	if (word && strcmp(word, "turbo") == 0)
		return UNIT_TURBO_ON;
	if (word && strcmp(word, "noturbo") == 0)
		return UNIT_TURBO_OFF;
	return known ? known : (uint32_t)number(word, 0);
}

static struct port *port_or_error(const char *word, char *answer)
{
	struct port *port = word ? port_get((unsigned int)number(word, 0)) : NULL;

	if (!word)
		say(answer, "error which port?");
	else if (!port)
		say(answer, "error port %s: %s", word, strerror(errno));
	return port;
}

static bool send_frame(struct port *port, const struct frame *frame, char *answer)
{
	unsigned char bytes[FRAME_MAX];
	int error;

	frame_build(frame, generation, bytes);
	error = port_write(port, bytes, generation, in_ms(WRITE_LIMIT_MS));
	if (error)
		say(answer, "error write: %s", strerror(-error));
	return !error;
}

static void append_hex(char *answer, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		say(answer, "%02x", bytes[i]);
}

/*
 * Take one whole reply from the port. Return: 1; 0: none in time; -1: the bytes are not a reply.
 */
static int next_reply(struct port *port, uint64_t until_us, struct reply *reply)
{
	size_t size = 0;

	for (;;) {
		if (port->fill >= 16) {
			size = reply_size(port->buffer, generation);
			if (!size)
				return -1;
		}
		if (size && port->fill >= size)
			break;
		if (!port_fill(port, until_us))
			return 0;
	}
	reply_parse(port->buffer, size, reply);
	port_take(port, size);
	return 1;
}

static void run_power(char **words, char *answer)
{
	struct frame frame = {.vm_name = OUR_NAME, .command = FRAME_POWER};
	struct port *port = port_or_error(words[1], answer);
	struct reply reply;
	uint64_t start, until;
	int got;

	if (!port)
		return;
	frame.resource_id = number(words[2], 0);
	frame.unit = unit(words[2] ? words[3] : NULL);
	start = now_us();
	until = in_ms(number(words[2] && words[3] ? words[4] : NULL, REPLY_LIMIT_MS));
	if (!send_frame(port, &frame, answer))
		return;
	do { /* skip late replies to earlier requests */
		got = next_reply(port, until, &reply);
	} while (got > 0 && (reply.resource_id != frame.resource_id || reply.unit != frame.unit));
	if (got < 0)
		say(answer, "error the reply is none; see what 'read' says");
	else if (!got)
		say(answer, "timeout");
	else
		say(answer, "%s %llu", reply.command == REPLY_ACK ? "ack" : "nack",
		    (unsigned long long)(now_us() - start));
}

/* "1,3,5" into a list of numbers. Return: how many */
static size_t list(const char *text, uint64_t *values, size_t room)
{
	size_t n = 0;

	while (*text && n < room) {
		char *end;

		values[n++] = strtoull(text, &end, 0);
		if (end == text)
			return n - 1;
		text = *end == ',' ? end + 1 : end;
	}
	return n;
}

static void set_hours(int32_t *hours, const char *text)
{
	uint64_t values[24];
	size_t n = list(text, values, 24);

	for (size_t i = 0; i < n; i++)
		hours[i] = (int32_t)values[i];
}

static bool set_key(struct frame *frame, const char *key, const char *value)
{
	uint64_t values[10];
	uint32_t plain = (uint32_t)strtoull(value, NULL, 0);

	if (!strcmp(key, "vcpu"))
		frame->resource_id = strtoull(value, NULL, 0);
	else if (!strcmp(key, "unit"))
		frame->unit = unit(value);
	else if (!strcmp(key, "command"))
		frame->command = plain;
	else if (!strcmp(key, "name"))
		memcpy(memset(frame->vm_name, 0, sizeof(frame->vm_name)), value,
		       strnlen(value, sizeof(frame->vm_name)));
	else if (!strcmp(key, "core_type"))
		frame->core_type = (uint8_t)plain;
	else if (!strcmp(key, "workload"))
		frame->workload = plain;
	else if (!strcmp(key, "policy"))
		frame->policy = plain;
	else if (!strcmp(key, "num_vcpu"))
		frame->num_vcpu = (uint8_t)plain;
	else if (!strcmp(key, "nb_mac"))
		frame->nb_mac = (int32_t)plain;
	else if (!strcmp(key, "min_threshold"))
		frame->min_threshold = plain;
	else if (!strcmp(key, "avg_threshold"))
		frame->avg_threshold = plain;
	else if (!strcmp(key, "max_threshold"))
		frame->max_threshold = plain;
	else if (!strcmp(key, "turbo"))
		frame->turbo = (uint8_t)plain;
	else if (!strcmp(key, "busy"))
		set_hours(frame->busy_hours, value);
	else if (!strcmp(key, "quiet"))
		set_hours(frame->quiet_hours, value);
	else if (!strcmp(key, "traffic"))
		set_hours(frame->traffic_hours, value);
	else if (!strcmp(key, "macs"))
		list(value, frame->vfid, 10);
	else if (!strcmp(key, "vcpus"))
		for (size_t i = 0, n = list(value, values, 8); i < n; i++)
			frame->vcpus[i] = (uint8_t)values[i];
	else
		return false;
	return true;
}

static void run_send(char **words, char *answer)
{
	struct frame frame = {.vm_name = OUR_NAME, .command = FRAME_POWER};
	struct port *port = port_or_error(words[1], answer);

	if (!port)
		return;
	for (size_t i = 2; words[i]; i++) {
		char *value = strchr(words[i], '=');

		if (value)
			*value++ = '\0';
		if (!value || !set_key(&frame, words[i], value)) {
			say(answer, "error unknown key %s", words[i]);
			return;
		}
	}
	if (send_frame(port, &frame, answer))
		say(answer, "ok");
}

static void say_reply(char *answer, const struct reply *reply)
{
	switch (reply->command) {
	case REPLY_FREQUENCIES:
		say(answer, "frequencies size=%zu num_vcpu=%u khz=", reply->size, reply->num_vcpu);
		for (int i = 0; i < 8; i++)
			say(answer, "%s%u", i ? "," : "", reply->frequencies[i]);
		break;
	case REPLY_CAPABILITIES:
		say(answer, "capabilities size=%zu num_vcpu=%u turbo=", reply->size,
		    reply->num_vcpu);
		for (int i = 0; i < 8; i++)
			say(answer, "%s%llu", i ? "," : "", (unsigned long long)reply->turbo[i]);
		say(answer, " priority=");
		for (int i = 0; i < 8; i++)
			say(answer, "%s%llu", i ? "," : "", (unsigned long long)reply->priority[i]);
		break;
	default:
		say(answer, "%s size=%zu vcpu=%llu unit=%u",
		    reply->command == REPLY_ACK ? "ack" : "nack", reply->size,
		    (unsigned long long)reply->resource_id, reply->unit);
	}
}

static void run_reply(char **words, char *answer)
{
	struct port *port = port_or_error(words[1], answer);
	struct reply reply;
	int got;

	if (!port)
		return;
	got = next_reply(port, in_ms(number(words[2], REPLY_LIMIT_MS)), &reply);
	if (got > 0) {
		say_reply(answer, &reply);
	} else if (!got) {
		say(answer, "timeout");
	} else {
		say(answer, "garbage ");
		append_hex(answer, port->buffer, port->fill);
		port_take(port, port->fill);
	}
}

static int hex_digit(char c)
{
	const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

static void run_raw(char **words, char *answer)
{
	struct port *port = port_or_error(words[1], answer);
	unsigned char bytes[ANSWER_MAX / 2];
	size_t n = 0;
	int error;

	if (!port)
		return;
	for (size_t i = 2; words[i]; i++) {
		for (const char *c = words[i]; *c; c += 2) {
			int high = hex_digit(c[0]), low = hex_digit(c[1]);

			if (high < 0 || low < 0 || n == sizeof(bytes)) {
				say(answer, "error not hexadecimal, or too much of it");
				return;
			}
			bytes[n++] = (unsigned char)(high << 4 | low);
		}
	}
	error = port_write(port, bytes, n, in_ms(WRITE_LIMIT_MS));
	if (error)
		say(answer, "error write: %s", strerror(-error));
	else
		say(answer, "ok %zu", n);
}

static void run_read(char **words, char *answer)
{
	struct port *port = port_or_error(words[1], answer);
	uint64_t until = in_ms(number(words[1] ? words[2] : NULL, 100));

	if (!port)
		return;
	while (port_fill(port, until))
		;
	say(answer, "ok ");
	append_hex(answer, port->buffer, port->fill);
	port_take(port, port->fill);
}

/* Count the available replies; wait for one until @until_us. */
static void count_replies(struct port *port, uint64_t until_us, uint64_t *acks, uint64_t *nacks)
{
	struct reply reply;
	int got;

	while ((got = next_reply(port, until_us, &reply))) {
		if (got < 0)
			port_take(port, port->fill);
		else if (reply.command == REPLY_ACK)
			(*acks)++;
		else if (reply.command == REPLY_NACK)
			(*nacks)++;
		until_us = 0;
	}
}

static void run_flood(char **words, char *answer)
{
	struct frame frame = {.vm_name = OUR_NAME, .command = FRAME_POWER, .unit = 3};
	struct port *port = port_or_error(words[1], answer);
	uint64_t count = number(words[1] ? words[2] : NULL, 1000), sent = 0, acks = 0, nacks = 0;
	uint64_t start = now_us(), until = in_ms(FLOOD_LIMIT_MS);
	unsigned char bytes[FRAME_MAX];

	if (!port)
		return;
	frame.resource_id = number(words[1], 0);
	if (words[2] && words[3] && words[4]) {
		frame.resource_id = number(words[3], 0);
		frame.unit = unit(words[4]);
		until = in_ms(number(words[5], FLOOD_LIMIT_MS));
	}
	frame_build(&frame, generation, bytes);
	while (sent < count && now_us() < until) {
		if (!port_write(port, bytes, generation, 0))
			sent++;
		else
			port_wait(port->fd, POLLIN | POLLOUT, in_ms(10));
		count_replies(port, 0, &acks, &nacks);
	}
	for (uint64_t seen = UINT64_MAX; acks + nacks < sent && seen != acks + nacks;) {
		seen = acks + nacks;
		count_replies(port, in_ms(FLOOD_QUIET_MS), &acks, &nacks);
	}
	say(answer, "ok %llu %llu %llu %llu", (unsigned long long)sent, (unsigned long long)acks,
	    (unsigned long long)nacks, (unsigned long long)(now_us() - start));
}

/* Each request is due at a fixed time, so delays do not add up. */
static void run_pace(char **words, char *answer)
{
	struct frame frame = {.vm_name = OUR_NAME, .command = FRAME_POWER};
	struct port *port = port_or_error(words[1], answer);
	uint64_t vcpu = number(words[1] ? words[2] : NULL, 0);
	uint64_t count = number(words[1] && words[2] ? words[3] : NULL, 0), sent = 0;
	uint64_t every = number(count ? words[4] : NULL, 5000), begin = now_us();
	uint64_t acks = 0, nacks = 0, last = begin, longest = 0, seen = 0;

	if (!port)
		return;
	frame.resource_id = vcpu;
	while (acks + nacks < count) {
		uint64_t next = begin + sent * every, now = now_us();

		if (sent < count && now >= next) {
			frame.unit = unit(sent % 2 ? "down" : "up");
			if (!send_frame(port, &frame, answer))
				return;
			sent++;
			continue;
		}
		count_replies(port, sent < count ? next : in_ms(FLOOD_QUIET_MS), &acks, &nacks);
		now = now_us();
		if (now - last > longest)
			longest = now - last;
		if (acks + nacks > seen)
			last = now;
		else if (sent == count && now - last > REPLY_LIMIT_MS * 1000)
			break;
		seen = acks + nacks;
	}
	say(answer, "ok %llu %llu %llu %llu", (unsigned long long)sent, (unsigned long long)acks,
	    (unsigned long long)nacks, (unsigned long long)longest);
}

static void run_ping(char **words, char *answer)
{
	say(answer, words[1] ? "ok %s" : "ok", words[1]);
}

static void run_ports(char **words, char *answer)
{
	unsigned int numbers[MAX_PORTS];
	size_t n = port_list(numbers, MAX_PORTS);

	(void)words;
	say(answer, "ok");
	for (size_t i = 0; i < n; i++)
		say(answer, " %u", numbers[i]);
}

static void run_generation(char **words, char *answer)
{
	size_t size = (size_t)number(words[1], 0);

	if (!frame_size_known(size)) {
		say(answer, "error the generations are 16, 456, 460 and 464");
		return;
	}
	generation = size;
	say(answer, "ok");
}

static void run_connect(char **words, char *answer)
{
	struct frame frame = {.vm_name = OUR_NAME, .command = FRAME_CONNECT};
	struct port *port = port_or_error(words[1], answer);

	if (port && send_frame(port, &frame, answer))
		say(answer, "ok");
}

static void run_close(char **words, char *answer)
{
	if (words[1])
		port_close((unsigned int)number(words[1], 0));
	say(answer, "ok");
}

static void run_net(char **words, char *answer)
{
	int r = net_set_up("eth0", words[1] && strcmp(words[1], "up") == 0);

	if (r < 0)
		say(answer, "error eth0: %s", strerror(-r));
	else
		say(answer, "ok");
}

static const struct {
	const char *name;
	void (*run)(char **words, char *answer);
	enum after after;
} commands[] = {
	{"ping", run_ping, AFTER_NOTHING},
	{"ports", run_ports, AFTER_NOTHING},
	{"generation", run_generation, AFTER_NOTHING},
	{"connect", run_connect, AFTER_NOTHING},
	{"power", run_power, AFTER_NOTHING},
	{"send", run_send, AFTER_NOTHING},
	{"reply", run_reply, AFTER_NOTHING},
	{"raw", run_raw, AFTER_NOTHING},
	{"read", run_read, AFTER_NOTHING},
	{"flood", run_flood, AFTER_NOTHING},
	{"pace", run_pace, AFTER_NOTHING},
	{"close", run_close, AFTER_NOTHING},
	{"app", application_command, AFTER_NOTHING},
	{"agent", agent_command, AFTER_NOTHING},
	{"tool", tool_command, AFTER_NOTHING},
	{"net", run_net, AFTER_NOTHING},
	{"reboot", run_ping, AFTER_REBOOT},
	{"poweroff", run_ping, AFTER_POWEROFF},
};

enum after command_run(char *line, char answer[ANSWER_MAX])
{
	char *words[MAX_WORDS + 1] = {NULL}, *rest = NULL;
	size_t n = 0;

	answer[0] = '\0';
	for (char *word = strtok_r(line, " \t\r", &rest); word && n < MAX_WORDS;
	     word = strtok_r(NULL, " \t\r", &rest))
		words[n++] = word;
	for (size_t i = 0; n && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(words[0], commands[i].name)) {
			commands[i].run(words, answer);
			return commands[i].after;
		}
	}
	say(answer, "error unknown request %s", n ? words[0] : "");
	return AFTER_NOTHING;
}
