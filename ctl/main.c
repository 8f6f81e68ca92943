/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerctl: the operator's view of vmpowerd. Options, and which subcommand. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "cleanup.h"
#include "commands.h"
#include "doctor.h"
#include "watch.h"

#define MANY (MAX_DOMAIN_CHANNELS + 1) /* a domain and all its channels */

struct command {
	const char *name;	  /* one or two words */
	const char *arguments;	  /* for people */
	const char *help;	  /* one line */
	int min_words, max_words; /* how many arguments */
	int (*run)(const struct ctl *ctl);
};

static int help(const struct ctl *ctl);

static const struct command commands[] = {
	{"status", "", "how the daemon is", 0, 0, ctl_status},
	{"list", "", "the registered domains", 0, 0, ctl_list},
	{"show", "DOMAIN", "a domain's channels and vCPUs", 1, 1, ctl_show},
	{"channel enable", "DOMAIN [N...]", "obey requests of all or some channels", 1, MANY,
	 ctl_channel_enable},
	{"channel disable", "DOMAIN [N...]", "refuse requests of all or some channels", 1, MANY,
	 ctl_channel_disable},
	{"channel add", "DOMAIN N...", "serve channels that were removed or plugged in", 2, MANY,
	 ctl_channel_add},
	{"channel remove", "DOMAIN N...", "disconnect channels", 2, MANY, ctl_channel_remove},
	{"domain add", "DOMAIN", "register a running domain", 1, 1, ctl_domain_add},
	{"domain remove", "DOMAIN", "forget a domain until libvirt tells of it", 1, 1,
	 ctl_domain_remove},
	{"cpu", "", "CPUs, their frequencies, and who decides", 0, 0, ctl_cpu},
	{"explain", "CPU", "who decides a CPU's frequency, and why", 1, 1, ctl_explain},
	{"set", "DOMAIN VCPU TO", "fix a vCPU's frequency, whatever guests ask for", 3, 3, ctl_set},
	{"reload", "", "read the configuration anew", 0, 0, ctl_reload},
	{"verify", "", "what someone else has changed in our files", 0, 0, ctl_verify},
	{"watch", "", "a live view of all that", 0, 0, ctl_watch},
	{"events", "", "what happens, as it happens", 0, 0, ctl_events},
	{"doctor", "", "what keeps it from working, and what to do", 0, 0, ctl_doctor},
	{"metrics", "", "what is counted and measured, as OpenMetrics", 0, 0, ctl_metrics},
	{"log-level", "LEVEL", "how much is logged, until vmpowerd ends", 1, 1, ctl_log_level},
	{"xml", "DOMAIN", "the channels that its XML lacks", 1, 1, ctl_xml},
	{"attach", "DOMAIN", "have libvirt add them", 1, 1, ctl_attach},
	{"detach", "DOMAIN", "have libvirt remove its power channels", 1, 1, ctl_detach},
	{"help", "", "this text", 0, 0, help},
};

/* The options, and which commands they go with; NULL: all. */
static const struct option_help {
	const char *name, *argument, *help, *commands;
	int value; /* of getopt_long() */
} options[] = {
	{"json", NULL, "print JSON", NULL, 'j'},
	{"runtime-dir", "DIR", "where vmpowerd has its control.sock", NULL, 'r'},
	{"root", "DIR", "look there, not in /", "doctor", 'R'},
	{"output", "FILE", "replace it, for node_exporter's textfile collector", "metrics", 'o'},
	{"vcpus", "LIST", "these vCPUs' channels, as in 0-3,6", "xml attach detach", 'v'},
	{"live", NULL, "of the domain that runs", "attach detach", 'l'},
	{"config", NULL, "of the domain as it starts next", "attach detach", 'C'},
	{"connect", "URI", "libvirt's URI", "xml attach detach", 'c'},
	{"version", NULL, "print the version, do nothing else", NULL, 'V'},
	{"help", NULL, "print this text, do nothing else", NULL, 'h'},
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

/* For completion, and whoever else wants to know what there is. */
static int help_json(void)
{
	cleanup_json json_t *all = json_pack("{s:[], s:[]}", "commands", "options");

	for (size_t i = 0; i < array_size(commands); i++)
		(void)json_array_append_new(json_object_get(all, "commands"),
					    json_pack("{s:s, s:s, s:s}", "name", commands[i].name,
						      "arguments", commands[i].arguments, "help",
						      commands[i].help));
	for (size_t i = 0; i < array_size(options); i++)
		(void)json_array_append_new(
			json_object_get(all, "options"),
			json_pack("{s:s, s:s?, s:s?, s:s}", "name", options[i].name, "argument",
				  options[i].argument, "commands", options[i].commands, "help",
				  options[i].help));
	(void)json_dumpf(all, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	return CTL_OK;
}

static int help(const struct ctl *ctl)
{
	if (ctl->json)
		return help_json();
	(void)printf("usage: vmpowerctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	print_commands(stdout);
	(void)printf("\nDOMAIN is a name or a UUID; N is the number of a channel, as in\n"
		     "virtio.serial.port.poweragent.N. TO is up, down, min, max or a frequency in\n"
		     "kHz: fixed until \"set DOMAIN VCPU release\".\n\n");
	print_options();
	(void)printf(
		"\nWithout --live and --config attach and detach change both where there are "
		"both.\nThe runtime directory is %s unless said otherwise.\n\n"
		"exit codes: %d done; %d vmpowerd or libvirt refused it, or verify or doctor have\n"
		"found something; %d wrong usage; %d vmpowerd or libvirt can't be reached\n",
		VMPOWER_RUNTIME_DIR, CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE);
	return CTL_OK;
}

/* How many words of the command line make up this command's name; 0: it is another one. */
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
		ctl_complain("which command? These are known:");
	else
		ctl_complain("no command \"%s%s%s\". These are known:", words[0],
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
		ctl_complain("usage: vmpowerctl %s%s%s", commands[i].name,
			     *commands[i].arguments ? " " : "", commands[i].arguments);
		return CTL_USAGE;
	}
	return unknown_command(words, n_words);
}

/* What was printed may not have arrived: a full disk, a closed pipe. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	ctl_complain("can't write the output: %m");
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

/* An option that a command would not heed is a mistake. Return: CTL_OK or CTL_USAGE */
static int check_options(const bool *given, const char *command)
{
	for (size_t i = 0; i < array_size(options); i++) {
		if (!given[i] || !options[i].commands ||
		    (command && is_word_of(command, options[i].commands)))
			continue;
		ctl_complain("--%s goes with %s only", options[i].name, options[i].commands);
		return CTL_USAGE;
	}
	return CTL_OK;
}

static void take_option(struct ctl *ctl, int value, char *argument)
{
	switch (value) {
	case 'j':
		ctl->json = true;
		break;
	case 'r':
		ctl->runtime_dir = argument;
		break;
	case 'R':
		ctl->root = argument;
		break;
	case 'o':
		ctl->output = argument;
		break;
	case 'v':
		ctl->vcpus = argument;
		break;
	case 'l':
		ctl->live = true;
		break;
	case 'C':
		ctl->config = true;
		break;
	case 'c':
		ctl->connect = argument;
		break;
	default:
		break;
	}
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
			ctl_complain("\"vmpowerctl --help\" lists commands and options");
			return CTL_USAGE;
		}
		if (value == 'V') {
			(void)printf("vmpowerctl %s\n", VMPOWER_VERSION);
			return CTL_OK;
		}
		if (value == 'h')
			return help(ctl);
		for (size_t i = 0; i < array_size(options); i++)
			given[i] |= options[i].value == value;
		take_option(ctl, value, optarg);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.runtime_dir = VMPOWER_RUNTIME_DIR};
	bool given[array_size(options)] = {false};
	int status = parse_options(&ctl, argc, argv, given);

	if (status < 0)
		status = check_options(given, argv[optind]);
	else
		return finish(status);
	return status != CTL_OK ? status : finish(run(&ctl, argv + optind, argc - optind));
}
