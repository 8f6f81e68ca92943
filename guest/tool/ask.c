/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports for the commands, and what to do when there is none, or no answer. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/clock.h"
#include "common/value.h"
#include "guest/port/agent_socket.h"
#include "guest/port/exchange.h"
#include "guest/port/ports.h"
#include "guest/tool/tool.h"

#define LONGEST_TIMEOUT_MS 3600000u

bool tool_number(const char *what, const char *text, uint32_t max, uint32_t *number)
{
	if (parse_u32(text, max, number) == 0)
		return true;
	tool_error("%s \"%s\": use a number from 0 to %u", what, text, max);
	return false;
}

bool tool_vcpu(const char *text, uint32_t *vcpu)
{
	return tool_number("vCPU", text, MAX_DOMAIN_VCPUS - 1, vcpu);
}

bool tool_timeout(const struct tool *tool, uint32_t *timeout_ms)
{
	*timeout_ms = TOOL_TIMEOUT_MS;
	return !tool->timeout ||
	       tool_number("--timeout", tool->timeout, LONGEST_TIMEOUT_MS, timeout_ms);
}

static void no_ports(const struct tool *tool)
{
	tool_error("this virtual machine has no power port (%s/" CHANNEL_NAME_PREFIX
		   "N). On the host, add them: \"vmpowerctl attach DOMAIN\", or channels in the "
		   "domain's XML. In the guest, the driver virtio_console must be loaded.",
		   tool->ports ? tool->ports : PORTS_DIRECTORY);
}

static void not_opened(const struct tool *tool, unsigned int number, int error)
{
	char path[PORT_PATH_SIZE], name[64];
	int pid;

	if (error == -ENOENT) {
		tool_error("there is no port %u. \"vmpower-guest status\" lists those that there "
			   "are; on the host, \"vmpowerctl attach DOMAIN\" adds missing ones.",
			   number);
		return;
	}
	if (ports_path(tool->ports, number, path) < 0)
		path[0] = '\0';
	if (error == -EACCES || error == -EPERM) {
		tool_error("can't open port %u: %s. Be root, or in the group that %s belongs to.",
			   number, strerror(-error), path);
		return;
	}
	if (error != -EBUSY) {
		tool_error("can't open port %u (%s): %s", number, path, strerror(-error));
		return;
	}
	pid = ports_holder(path, name);
	if (pid)
		tool_error("port %u is in use by %s (process %d): only one program at a time can "
			   "open it. Use another one (--port), or end that program.",
			   number, name, pid);
	else
		tool_error("port %u is in use by another program: only one at a time can open it. "
			   "As root, \"vmpower-guest status\" says which. Use another one "
			   "(--port), or end that program.",
			   number);
}

int tool_open_one(const struct tool *tool, unsigned int number, struct port *port)
{
	int r = agent_port_open(tool->socket, number, port);

	return r == 0 ? 0 : port_open(tool->ports, number, port);
}

/* The lowest port that can be opened. Return: 0; -errno of the first one that can't, @port->number
 */
static int open_any(const struct tool *tool, const struct cpuset *numbers, struct port *port)
{
	unsigned int number, first = UINT32_MAX;
	int error = -ENOENT;

	cpuset_for_each (number, numbers) {
		int r = tool_open_one(tool, number, port);

		if (r == 0)
			return 0;
		if (first == UINT32_MAX) {
			first = number;
			error = r;
		}
	}
	port->number = first;
	return error;
}

int tool_open(const struct tool *tool, uint32_t vcpu, struct port *port)
{
	struct cpuset numbers;
	uint32_t number = vcpu;
	int r;

	port->fd = -1;
	if (tool->port && !tool_number("--port", tool->port, MAX_CHANNEL_NUMBER, &number))
		return TOOL_USAGE;
	r = ports_list(tool->ports, &numbers);
	if (r < 0 && r != -ENOENT) {
		tool_error("can't list the ports in %s: %s",
			   tool->ports ? tool->ports : PORTS_DIRECTORY, strerror(-r));
		return TOOL_UNREACHABLE;
	}
	if (r == -ENOENT || cpuset_is_empty(&numbers)) {
		no_ports(tool);
		return TOOL_UNREACHABLE;
	}
	if (tool->port || cpuset_has(&numbers, number)) {
		r = tool_open_one(tool, number, port);
		port->number = number;
	} else {
		r = open_any(tool, &numbers, port);
	}
	if (r == 0)
		return TOOL_OK;
	not_opened(tool, port->number, r);
	return TOOL_UNREACHABLE;
}

static void not_answered(const struct port *port, int error, uint32_t timeout_ms)
{
	if (error == -ENOTCONN)
		tool_error("no host program is connected to port %u. On the host, vmpowerd must "
			   "run, and \"vmpowerctl list\" must show this domain.",
			   port->number);
	else if (error == -EAGAIN)
		tool_error("the host does not read port %u: the request was not sent within %u ms. "
			   "It may limit how often this guest asks.",
			   port->number, timeout_ms);
	else if (error == -ETIMEDOUT)
		tool_error("no answer on port %u within %u ms. The host may be busy, may have the "
			   "channel disabled, or may not answer this command (DPDK's "
			   "vm_power_manager does not always). Whether the request counts is not "
			   "known. --timeout MS waits longer.",
			   port->number, timeout_ms);
	else
		tool_error("port %u: %s", port->number, strerror(-error));
}

bool tool_name(const struct tool *tool, struct frame *frame)
{
	size_t length = tool->vm_name ? strlen(tool->vm_name) : 0;

	if (!tool->vm_name)
		return true;
	if (length == 0 || length >= FRAME_NAME_SIZE) {
		tool_error("--vm-name \"%s\": use 1 to %d bytes", tool->vm_name,
			   FRAME_NAME_SIZE - 1);
		return false;
	}
	memcpy(frame->vm_name, tool->vm_name, length);
	return true;
}

int tool_ask(const struct tool *tool, struct port *port, struct frame *frame, struct reply *reply,
	     uint64_t *took_us)
{
	uint64_t start_ns = monotonic_ns();
	uint32_t timeout_ms;
	int r;

	if (!tool_timeout(tool, &timeout_ms))
		return TOOL_USAGE;
	if (!tool_name(tool, frame))
		return TOOL_USAGE;
	r = exchange(port, frame, start_ns + timeout_ms * NS_PER_MS, reply);
	if (took_us)
		*took_us = (monotonic_ns() - start_ns) / NS_PER_US;
	if (r == 0)
		return TOOL_OK;
	not_answered(port, r, timeout_ms);
	return TOOL_UNREACHABLE;
}
