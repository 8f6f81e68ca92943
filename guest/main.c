/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpower-guest: runs in a virtual machine and asks its host. Parses options and runs a command. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/build.h"
#include "guest/port/agent_socket.h"
#include "guest/tool/tool.h"

struct command {
	const char *name;	  /* one or two words */
	const char *arguments;	  /* as help prints them */
	const char *help;	  /* one line */
	int min_words, max_words; /* how many arguments */
	int (*run)(const struct tool *tool);
};

static int help(const struct tool *tool);

static const struct command commands[] = {
	{"request", "VCPU WHAT", "ask for up, down, min, max, turbo-on or turbo-off", 2, 2,
	 tool_request},
	{"query", "[VCPU]", "which frequencies vCPUs have voted for", 0, 1, tool_query},
	{"policy send", "TYPE [LEVEL]", "a rule that votes: time, traffic, workload high", 1, 2,
	 tool_policy_send},
	{"policy remove", "", "end the policies of --vcpus, or all", 0, 0, tool_policy_remove},
	{"status", "", "the ports, and whether the host answers", 0, 0, tool_status},
	{"agent", "", "measure how busy vCPUs are, and ask for them", 0, 0, tool_agent},
	{"help", "", "print this text", 0, 0, help},
};

/* The options, their commands (NULL: all), and their members of struct tool. */
static const struct option_help {
	const char *name, *argument, *help, *commands;
	int value; /* of getopt_long() */
	size_t offset;
} options[] = {
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

static void print_commands(FILE *out)
{
	for (size_t i = 0; i < array_size(commands); i++)
		(void)fprintf(out, "  %-15s %-14s  %s\n", commands[i].name, commands[i].arguments,
			      commands[i].help);
}

static void print_options(void)
{
	for (size_t i = 0; i < array_size(options); i++) {
		const struct option_help *o = &options[i];
		char name[40];

		(void)snprintf(name, sizeof(name), "--%s %s", o->name,
			       o->argument ? o->argument : "");
		(void)printf("  %-20s %s%s%s\n", name, o->commands ? o->commands : "",
			     o->commands ? ": " : "", o->help);
	}
}

/* Print the help as JSON. */
static int help_json(void)
{
	json_t *all_commands = json_array(), *all_options = json_array(), *all = json_object();

	for (size_t i = 0; i < array_size(commands); i++)
		json_add(&all_commands,
			 json_pack("{s:s, s:s, s:s}", "name", commands[i].name, "arguments",
				   commands[i].arguments, "help", commands[i].help));
	for (size_t i = 0; i < array_size(options); i++)
		json_add(&all_options, json_pack("{s:s, s:s?, s:s?, s:s}", "name", options[i].name,
						 "argument", options[i].argument, "commands",
						 options[i].commands, "help", options[i].help));
	json_put(&all, "commands", all_commands);
	json_put(&all, "options", all_options);
	return tool_print_json(all);
}

static int help(const struct tool *tool)
{
	if (tool->json)
		return help_json();
	(void)printf("usage: vmpower-guest [OPTION...] COMMAND [ARGUMENT...]\n\n");
	print_commands(stdout);
	(void)printf("\nVCPU is the number of a virtual CPU; \"query\" takes \"all\" as well. N is "
		     "the number of a\n"
		     "port, as in virtio.serial.port.poweragent.N.\n\n");
	print_options();
	(void)printf(
		"\nexit codes: %d success; %d the host refused; %d wrong usage; %d no port, no "
		"host or no\n"
		"answer\n",
		TOOL_OK, TOOL_REFUSED, TOOL_USAGE, TOOL_UNREACHABLE);
	return TOOL_OK;
}

/* Return: how many words of the command line are this command's name; 0: another command */
static int name_words(const struct command *command, char **words, int n_words)
{
	const char *space = strchr(command->name, ' ');

	if (!space)
		return n_words > 0 && strcmp(words[0], command->name) == 0;
	if (n_words < 2 || strncmp(words[0], command->name, (size_t)(space - command->name)) != 0 ||
	    words[0][space - command->name] != '\0')
		return 0;
	return strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static int run(struct tool *tool, char **words, int n_words)
{
	for (size_t i = 0; i < array_size(commands); i++) {
		int n = name_words(&commands[i], words, n_words);

		if (n == 0)
			continue;
		tool->words = words + n;
		tool->n_words = n_words - n;
		if (tool->n_words >= commands[i].min_words &&
		    tool->n_words <= commands[i].max_words)
			return commands[i].run(tool);
		tool_error("usage: vmpower-guest %s%s%s", commands[i].name,
			   *commands[i].arguments ? " " : "", commands[i].arguments);
		return TOOL_USAGE;
	}
	if (n_words == 0)
		tool_error("no command given. The commands are:");
	else
		tool_error("unknown command \"%s%s%s\". The commands are:", words[0],
			   n_words > 1 ? " " : "", n_words > 1 ? words[1] : "");
	print_commands(stderr);
	return TOOL_USAGE;
}

/* Report a failed write: a full disk, a closed pipe */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	tool_error("can't write the output: %m");
	return status == TOOL_OK ? TOOL_REFUSED : status;
}

static bool is_word_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += n) {
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* Refuse options that the command would ignore. Return: TOOL_OK or TOOL_USAGE */
static int check_options(const bool *given, const char *command)
{
	for (size_t i = 0; i < array_size(options); i++) {
		if (!given[i] || !options[i].commands ||
		    (command && is_word_of(command, options[i].commands)))
			continue;
		tool_error("--%s is an option of %s only", options[i].name, options[i].commands);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

/* Return: -1 to go on; else the exit status. */
static int parse_options(struct tool *tool, int argc, char **argv, bool *given)
{
	struct option long_options[array_size(options) + 1] = {{0}};
	int value;

	for (size_t i = 0; i < array_size(options); i++)
		long_options[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument : no_argument,
			.val = options[i].value,
		};
	while ((value = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (value == '?') {
			tool_error("\"vmpower-guest --help\" lists commands and options");
			return TOOL_USAGE;
		}
		if (value == 'V') {
			(void)printf("vmpower-guest %s\n", VMPOWER_VERSION);
			return TOOL_OK;
		}
		if (value == 'h')
			return help(tool);
		for (size_t i = 0; i < array_size(options); i++) {
			void *member = (char *)tool + options[i].offset;

			if (options[i].value != value)
				continue;
			given[i] = true;
			if (options[i].argument)
				*(const char **)member = optarg;
			else
				*(bool *)member = true;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	const char *socket = getenv(AGENT_SOCKET_VARIABLE);
	struct tool tool = {.ports = getenv(TOOL_PORTS_VARIABLE),
			    .socket = socket ? socket : AGENT_SOCKET};
	bool given[array_size(options)] = {false};
	int status = parse_options(&tool, argc, argv, given);

	if (status >= 0)
		return finish(status);
	status = check_options(given, argv[optind]);
	return status != TOOL_OK ? status : finish(run(&tool, argv + optind, argc - optind));
}
