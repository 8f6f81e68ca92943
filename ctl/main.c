/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerctl: the operator's view of vmpowerd. Parses options and runs a subcommand. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/json/build.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"
#include "ctl/doctor/doctor.h"
#include "ctl/watch/watch.h"

#define MANY (MAX_DOMAIN_CHANNELS + 1) /* a domain and all its channels */

struct command {
	const char *name;	  /* one or two words */
	const char *arguments;	  /* as help prints them */
	const char *help;	  /* one line */
	int min_words, max_words; /* how many arguments */
	int (*run)(const struct ctl *ctl);
};

static int help(const struct ctl *ctl);

static const struct command commands[] = {
	{"status", "", "the state of the daemon", 0, 0, ctl_status},
	{"list", "", "registered domains", 0, 0, ctl_list},
	{"show", "DOMAIN", "a domain's channels and vCPUs", 1, 1, ctl_show},
	{"channel enable", "DOMAIN [N...]", "obey requests of all or some channels", 1, MANY,
	 ctl_channel_enable},
	{"channel disable", "DOMAIN [N...]", "refuse requests of all or some channels", 1, MANY,
	 ctl_channel_disable},
	{"channel add", "DOMAIN N...", "serve channels that were removed or plugged in", 2, MANY,
	 ctl_channel_add},
	{"channel remove", "DOMAIN N...", "disconnect channels", 2, MANY, ctl_channel_remove},
	{"domain add", "DOMAIN", "register a running domain", 1, 1, ctl_domain_add},
	{"domain remove", "DOMAIN", "forget a domain until libvirt reports it", 1, 1,
	 ctl_domain_remove},
	{"cpu", "", "CPUs, their frequencies, and who decides them", 0, 0, ctl_cpu},
	{"explain", "CPU", "who decides a CPU's frequency, and why", 1, 1, ctl_explain},
	{"set", "DOMAIN VCPU TO", "fix a vCPU's frequency, whatever guests request", 3, 3, ctl_set},
	{"policy", "DOMAIN [DO...]", "show, set or clear the policy of a domain", 1, MANY,
	 ctl_policy},
	{"reload", "", "read the configuration again", 0, 0, ctl_reload},
	{"verify", "", "what others changed in files that vmpower sets", 0, 0, ctl_verify},
	{"watch", "", "a live view of frequencies, votes and requests", 0, 0, ctl_watch},
	{"events", "", "what happens, as it happens", 0, 0, ctl_events},
	{"doctor", "", "find what keeps vmpower from working, and how to fix it", 0, 0, ctl_doctor},
	{"metrics", "", "counters and measurements, as OpenMetrics", 0, 0, ctl_metrics},
	{"log-level", "LEVEL", "set how much is logged, until vmpowerd ends", 1, 1, ctl_log_level},
	{"xml", "DOMAIN", "print the channel elements that its XML lacks", 1, 1, ctl_xml},
	{"attach", "DOMAIN", "have libvirt add the missing channels", 1, 1, ctl_attach},
	{"detach", "DOMAIN", "have libvirt remove its channels", 1, 1, ctl_detach},
	{"help", "", "print this text", 0, 0, help},
};

/* The options, their commands (NULL: all), and their members of struct ctl. */
static const struct option_help {
	const char *name, *argument, *help, *commands;
	int value; /* of getopt_long() */
	size_t offset;
} options[] = {
	{"json", NULL, "print JSON", NULL, 'j', offsetof(struct ctl, json)},
	{"runtime-dir", "DIR", "the directory of vmpowerd's control.sock", NULL, 'r',
	 offsetof(struct ctl, runtime_dir)},
	{"root", "DIR", "examine this directory instead of /", "doctor", 'R',
	 offsetof(struct ctl, root)},
	{"output", "FILE", "replace this file, for node_exporter's textfile collector", "metrics",
	 'o', offsetof(struct ctl, output)},
	{"vcpus", "LIST", "the channels of these vCPUs, as in 0-3,6", "xml attach detach", 'v',
	 offsetof(struct ctl, vcpus)},
	{"live", NULL, "change the running domain", "attach detach", 'l',
	 offsetof(struct ctl, live)},
	{"config", NULL, "change the domain's next start", "attach detach", 'C',
	 offsetof(struct ctl, config)},
	{"connect", "URI", "libvirt's URI", "xml attach detach", 'c',
	 offsetof(struct ctl, connect)},
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
		char name[32];

		(void)snprintf(name, sizeof(name), "--%s %s", o->name,
			       o->argument ? o->argument : "");
		(void)printf("  %-18s %s%s%s\n", name, o->commands ? o->commands : "",
			     o->commands ? ": " : "", o->help);
	}
}

/* Print the help as JSON. */
static int help_json(void)
{
	json_t *all_commands = json_array(), *all_options = json_array();
	cleanup_json json_t *all = NULL;

	for (size_t i = 0; i < array_size(commands); i++)
		json_add(&all_commands,
			 json_pack("{s:s, s:s, s:s}", "name", commands[i].name, "arguments",
				   commands[i].arguments, "help", commands[i].help));
	for (size_t i = 0; i < array_size(options); i++)
		json_add(&all_options, json_pack("{s:s, s:s?, s:s?, s:s}", "name", options[i].name,
						 "argument", options[i].argument, "commands",
						 options[i].commands, "help", options[i].help));
	all = json_pack("{s:o, s:o}", "commands", all_commands, "options", all_options);
	ctl_print_json(all, JSON_INDENT(2));
	return CTL_OK;
}

static int help(const struct ctl *ctl)
{
	if (ctl->json)
		return help_json();
	(void)printf("usage: vmpowerctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	print_commands(stdout);
	(void)printf("\nDOMAIN is a name or a UUID; N is the number of a channel, as in\n"
		     "virtio.serial.port.poweragent.N. TO is up, down, min, max or a frequency:\n"
		     "2400000 (kHz), 2400MHz or 2.4GHz; it holds until \"set DOMAIN VCPU "
		     "release\".\n"
		     "DO is show, clear, or set with KEY=VALUE..., as in vmpower.conf(5).\n\n");
	print_options();
	(void)printf("\nBy default attach and detach change both the running domain and its next "
		     "start.\n"
		     "The default runtime directory is %s.\n\n"
		     "exit codes: %d success; %d vmpowerd or libvirt refused, or verify or doctor "
		     "found\n"
		     "something; %d wrong usage; %d vmpowerd or libvirt can't be reached\n",
		     VMPOWER_RUNTIME_DIR, CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE);
	return CTL_OK;
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

static int unknown_command(char **words, int n_words)
{
	if (n_words == 0)
		ctl_error("no command given. The commands are:");
	else
		ctl_error("unknown command \"%s%s%s\". The commands are:", words[0],
			  n_words > 1 ? " " : "", n_words > 1 ? words[1] : "");
	print_commands(stderr);
	return CTL_USAGE;
}

static int run(struct ctl *ctl, char **words, int n_words)
{
	for (size_t i = 0; i < array_size(commands); i++) {
		int n = name_words(&commands[i], words, n_words);

		if (n == 0)
			continue;
		ctl->words = words + n;
		ctl->n_words = n_words - n;
		if (ctl->n_words >= commands[i].min_words && ctl->n_words <= commands[i].max_words)
			return commands[i].run(ctl);
		ctl_error("usage: vmpowerctl %s%s%s", commands[i].name,
			  *commands[i].arguments ? " " : "", commands[i].arguments);
		return CTL_USAGE;
	}
	return unknown_command(words, n_words);
}

/* Report a failed write: a full disk, a closed pipe */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	ctl_error("can't write the output: %m");
	return status == CTL_OK ? CTL_FAILED : status;
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

/* Refuse options that the command would ignore. Return: CTL_OK or CTL_USAGE */
static int check_options(const bool *given, const char *command)
{
	for (size_t i = 0; i < array_size(options); i++) {
		if (!given[i] || !options[i].commands ||
		    (command && is_word_of(command, options[i].commands)))
			continue;
		ctl_error("--%s is an option of %s only", options[i].name, options[i].commands);
		return CTL_USAGE;
	}
	return CTL_OK;
}

/* An option with an argument sets a string in struct ctl, one without sets a flag. */
static void take_option(struct ctl *ctl, const struct option_help *option, char *argument)
{
	void *member = (char *)ctl + option->offset;

	if (option->argument)
		*(const char **)member = argument;
	else
		*(bool *)member = true;
}

/* Return: -1 to go on; else the exit status. */
static int parse_options(struct ctl *ctl, int argc, char **argv, bool *given)
{
	struct option long_options[array_size(options) + 1] = {{0}};
	int value;

	for (size_t i = 0; i < array_size(options); i++)
		long_options[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument : no_argument,
			.val = options[i].value,
		};
	while ((value = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
		if (value == '?') {
			ctl_error("\"vmpowerctl --help\" lists commands and options");
			return CTL_USAGE;
		}
		if (value == 'V') {
			(void)printf("vmpowerctl %s\n", VMPOWER_VERSION);
			return CTL_OK;
		}
		if (value == 'h')
			return help(ctl);
		for (size_t i = 0; i < array_size(options); i++) {
			if (options[i].value != value)
				continue;
			given[i] = true;
			take_option(ctl, &options[i], optarg);
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.runtime_dir = VMPOWER_RUNTIME_DIR};
	bool given[array_size(options)] = {false};
	int status = parse_options(&ctl, argc, argv, given);

	if (status >= 0)
		return finish(status);
	status = check_options(given, argv[optind]);
	return status != CTL_OK ? status : finish(run(&ctl, argv + optind, argc - optind));
}
