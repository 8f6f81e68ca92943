/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerctl: the operator's view of vmpowerd. Options, and which subcommand. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "cleanup.h"
#include "ctl.h"

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
	{"verify", "", "what someone else has changed in our files", 0, 0, ctl_verify},
	{"watch", "", "a live view of all that", 0, 0, ctl_watch},
	{"events", "", "what happens, as it happens", 0, 0, ctl_events},
	{"doctor", "", "what keeps it from working, and what to do", 0, 0, ctl_doctor},
	{"log-level", "LEVEL", "how much is logged, until vmpowerd ends", 1, 1, ctl_log_level},
	{"help", "", "this text", 0, 0, help},
};

static void print_commands(FILE *out)
{
	for (size_t i = 0; i < array_size(commands); i++)
		(void)fprintf(out, "  %-15s %-14s  %s\n", commands[i].name, commands[i].arguments,
			      commands[i].help);
}

static int help(const struct ctl *ctl)
{
	(void)ctl;
	(void)printf("usage: vmpowerctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	print_commands(stdout);
	(void)printf("\nDOMAIN is a name or a UUID; N is the number of a channel, as in\n"
		     "virtio.serial.port.poweragent.N. TO is up, down, min, max or a frequency in\n"
		     "kHz: fixed until \"set DOMAIN VCPU release\".\n\n"
		     "  --runtime-dir DIR  where vmpowerd has its control.sock (%s)\n"
		     "  --root DIR         doctor looks there, not in /\n"
		     "  --json             print the daemon's reply as JSON\n"
		     "  --version, --help\n\n"
		     "exit codes: %d done, %d vmpowerd refused it (verify, doctor: something\n"
		     "is found), %d wrong usage, %d vmpowerd can't be reached\n",
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"runtime-dir", required_argument, NULL, 'r'},
		{"root", required_argument, NULL, 'R'},
		{"json", no_argument, NULL, 'j'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct ctl ctl = {.runtime_dir = VMPOWER_RUNTIME_DIR};
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			ctl.runtime_dir = optarg;
			break;
		case 'R':
			ctl.root = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'V':
			(void)printf("vmpowerctl %s\n", VMPOWER_VERSION);
			return finish(CTL_OK);
		case 'h':
			return finish(help(&ctl));
		default:
			ctl_complain("\"vmpowerctl --help\" lists commands and options");
			return CTL_USAGE;
		}
	}
	return finish(run(&ctl, argv + optind, argc - optind));
}
