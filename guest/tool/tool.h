/* SPDX-License-Identifier: BSD-3-Clause */
/* What vmpower-guest's commands share: exit codes, the command line, ports, printing. */
#ifndef VMPOWER_GUEST_TOOL_TOOL_H
#define VMPOWER_GUEST_TOOL_TOOL_H

#include <jansson.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "guest/port/port.h"

/* Exit codes, as in vmpower-guest --help. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_REFUSED = 1,     /* the host said no */
	TOOL_USAGE = 2,	      /* the command line is wrong */
	TOOL_UNREACHABLE = 3, /* no port, no host, no answer */
};

/* The command line, parsed. */
struct tool {
	bool json, new_session, caps;
	bool check_config, print_config, release;
	const char *config;  /* of the agent; NULL: the system's */
	const char *socket;  /* the agent's */
	const char *ports;   /* the directory of the ports; NULL: the system's */
	const char *timeout; /* ms */
	const char *port;    /* which port to use; NULL: the vCPU's own */
	const char *vm_name; /* NULL: a nonce */
	const char *vcpus, *busy_hours, *quiet_hours, *traffic_hours, *macs;
	const char *min_packets, *medium_packets, *max_packets;
	int n_words; /* after the command's name */
	char **words;
};

#define TOOL_PORTS_VARIABLE "VMPOWER_GUEST_PORTS"
/* Without KVM, QEMU may leave the first reply after a port was opened lying for a second. */
#define TOOL_TIMEOUT_MS 2000u

/* The commands. Return: an exit code. */
int tool_request(const struct tool *tool);
int tool_query(const struct tool *tool);
int tool_policy_send(const struct tool *tool);
int tool_policy_remove(const struct tool *tool);
int tool_status(const struct tool *tool);
int tool_agent(const struct tool *tool);

/** tool_error() - "vmpower-guest: text" and a newline to stderr, escaped; printf(3) */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** tool_say() - a line to stdout, escaped; printf(3) */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * tool_print_json() - to stdout
 * @object:	released; NULL: no memory
 *
 * Return: TOOL_OK; TOOL_REFUSED: no memory.
 */
int tool_print_json(json_t *object);

/** tool_print_answer() - the same, with the host's answer to a request through this port */
int tool_print_answer(json_t *object, const struct port *port, bool ack, uint64_t took_us);

/** tool_number() - a whole number, 0 to @max; an error is printed. Return: false: it is none */
bool tool_number(const char *what, const char *text, uint32_t max, uint32_t *number);

/** tool_vcpu() - a vCPU's number; an error is printed. Return: false: it is none */
bool tool_vcpu(const char *text, uint32_t *vcpu);

/** tool_timeout() - until when an answer counts; an error is printed. Return: false: no number */
bool tool_timeout(const struct tool *tool, uint32_t *timeout_ms);

/** tool_name() - put --vm-name into a request; an error is printed. Return: does it fit? */
bool tool_name(const struct tool *tool, struct frame *frame);

/**
 * tool_open() - open the port that a command is to use; errors are printed
 * @vcpu:	its own port is preferred, unless --port says which; any other one will do.
 *		UINT32_MAX: none is preferred
 *
 * Return: TOOL_OK; TOOL_USAGE; TOOL_UNREACHABLE.
 */
int tool_open(const struct tool *tool, uint32_t vcpu, struct port *port);

/** tool_open_one() - open a port, or the agent in its place. Return: as port_open()'s */
int tool_open_one(const struct tool *tool, unsigned int number, struct port *port);

/**
 * tool_ask() - send a request through an open port, and wait for its answer; errors are printed
 * @reply:	set on success, if the command has an answer
 * @took_us:	set to how long the answer took; NULL: not wanted
 *
 * Return: TOOL_OK (NACK is an answer, too); TOOL_USAGE; TOOL_UNREACHABLE.
 */
int tool_ask(const struct tool *tool, struct port *port, struct frame *frame, struct reply *reply,
	     uint64_t *took_us);

#define cleanup_port cleanup(port_close)

#endif
