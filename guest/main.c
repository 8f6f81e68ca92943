/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpower-guest: runs in a virtual machine and asks its host. Parses options and runs a command. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/command_line/command_line.h"
#include "guest/port/agent_socket.h"
#include "guest/tool/tool.h"

static int help(const struct tool *tool);

static const struct {
	struct command command;
	int (*run)(const struct tool *tool);
} commands[] = {
	{{"request", "VCPU WHAT", "ask for up, down, min, max, turbo-on or turbo-off", 2, 2},
	 tool_request},
	{{"query", "[VCPU]", "which frequencies vCPUs have voted for", 0, 1}, tool_query},
	{{"policy send", "TYPE [LEVEL]", "a rule that votes: time, traffic, workload high", 1, 2},
	 tool_policy_send},
	{{"policy remove", "", "end the policies of --vcpus, or all", 0, 0}, tool_policy_remove},
	{{"status", "", "the ports, and whether the host answers", 0, 0}, tool_status},
	{{"agent", "", "measure how busy vCPUs are, and ask for them", 0, 0}, tool_agent},
	{{"help", "", "print this text", 0, 0}, help},
};

/* The options, their commands (NULL: all), and their members of struct tool. */
static const struct command_option options[] = {
	{"json", NULL, "print JSON", NULL, 'j', offsetof(struct tool, json)},
	{"timeout", "MS", "wait so long for an answer (2000)", NULL, 't',
	 offsetof(struct tool, timeout)},
	{"port", "N", "use this port, not the vCPU's own", "request query policy", 'p',
	 offsetof(struct tool, port)},
	{"vm-name", "NAME", "what DPDK's host knows this machine by", "request query policy status",
	 'n', offsetof(struct tool, vm_name)},
	{"new-session", NULL, "first end the votes of this port", "request", 's',
	 offsetof(struct tool, new_session)},
	{"caps", NULL, "ask whether vCPUs may use turbo", "query", 'c',
	 offsetof(struct tool, caps)},
	{"vcpus", "LIST", "the vCPUs of a policy, as in 0-3,6", "policy", 'v',
	 offsetof(struct tool, vcpus)},
	{"busy-hours", "LIST", "hours for the highest frequency", "policy", 'B',
	 offsetof(struct tool, busy_hours)},
	{"quiet-hours", "LIST", "hours for the lowest frequency", "policy", 'Q',
	 offsetof(struct tool, quiet_hours)},
	{"traffic-hours", "LIST", "hours to go by traffic", "policy", 'T',
	 offsetof(struct tool, traffic_hours)},
	{"macs", "LIST", "count packets of these interfaces", "policy", 'm',
	 offsetof(struct tool, macs)},
	{"min-packets", "N", "per second; hosts ignore it", "policy", 'x',
	 offsetof(struct tool, min_packets)},
	{"medium-packets", "N", "per second, for the medium frequency", "policy", 'y',
	 offsetof(struct tool, medium_packets)},
	{"max-packets", "N", "per second, for the highest one", "policy", 'z',
	 offsetof(struct tool, max_packets)},
	{"config", "FILE", "instead of /etc/vmpower/guest.conf", "agent", 'C',
	 offsetof(struct tool, config)},
	{"check-config", NULL, "check the configuration, and end", "agent", 'k',
	 offsetof(struct tool, check_config)},
	{"print-config", NULL, "print all keys and their values, and end", "agent", 'P',
	 offsetof(struct tool, print_config)},
	{"release", NULL, "end the votes of an agent that was killed, and end", "agent", 'r',
	 offsetof(struct tool, release)},
	{"socket", "PATH", "the agent's socket", NULL, 'S', offsetof(struct tool, socket)},
	{"ports", "DIR", "where the ports are", NULL, 'd', offsetof(struct tool, ports)},
	{"version", NULL, "print the version", NULL, 'V', 0},
	{"help", NULL, "print this text", NULL, 'h', 0},
};

static const struct command *command_at(size_t index)
{
	return index < array_size(commands) ? &commands[index].command : NULL;
}

static const struct command_line command_line = {
	.program = "vmpower-guest",
	.command = command_at,
	.options = options,
	.n_options = array_size(options),
	.short_options = "hV",
	.option_width = 20,
	.error = tool_error,
};

static int help(const struct tool *tool)
{
	if (tool->json)
		return tool_print_json(command_line_json(&command_line));
	(void)printf("usage: vmpower-guest [OPTION...] COMMAND [ARGUMENT...]\n\n");
	command_line_print_commands(&command_line, stdout);
	(void)printf("\nVCPU is the number of a virtual CPU; \"query\" takes \"all\" as well. N is "
		     "the number of a\n"
		     "port, as in virtio.serial.port.poweragent.N.\n\n");
	command_line_print_options(&command_line, stdout);
	(void)printf(
		"\nexit codes: %d success; %d the host refused; %d wrong usage; %d no port, no "
		"host or no\n"
		"answer\n",
		TOOL_OK, TOOL_REFUSED, TOOL_USAGE, TOOL_UNREACHABLE);
	return TOOL_OK;
}

static int run(struct tool *tool, char **words, int n_words)
{
	int index = command_line_find(&command_line, &words, &n_words);

	tool->words = words;
	tool->n_words = n_words;
	return index < 0 ? TOOL_USAGE : commands[index].run(tool);
}

static int finish(int status)
{
	if (command_line_flush(&command_line) || status != TOOL_OK)
		return status;
	return TOOL_REFUSED;
}

int main(int argc, char **argv)
{
	const char *socket = getenv(AGENT_SOCKET_VARIABLE);
	struct tool tool = {.ports = getenv(TOOL_PORTS_VARIABLE),
			    .socket = socket ? socket : AGENT_SOCKET};

	switch (command_line_parse(&command_line, argc, argv, &tool)) {
	case PARSED_COMMAND:
		return finish(run(&tool, argv + optind, argc - optind));
	case PARSED_HELP:
		return finish(help(&tool));
	case PARSED_VERSION:
		return finish(TOOL_OK);
	case PARSED_WRONG:
		break;
	}
	return TOOL_USAGE;
}
