/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpowerctl: the operator's view of vmpowerd. Parses options and runs a subcommand. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/command_line/command_line.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"
#include "ctl/doctor/doctor.h"
#include "ctl/watch/watch.h"

#define MANY (MAX_DOMAIN_CHANNELS + 1) /* a domain and all its channels */

static int help(const struct ctl *ctl);

static const struct {
	struct command command;
	int (*run)(const struct ctl *ctl);
} commands[] = {
	{{"status", "", "the state of the daemon", 0, 0}, ctl_status},
	{{"list", "", "registered domains", 0, 0}, ctl_list},
	{{"show", "DOMAIN", "a domain's channels and vCPUs", 1, 1}, ctl_show},
	{{"channel enable", "DOMAIN [N...]", "obey requests of all or some channels", 1, MANY},
	 ctl_channel_enable},
	{{"channel disable", "DOMAIN [N...]", "refuse requests of all or some channels", 1, MANY},
	 ctl_channel_disable},
	{{"channel add", "DOMAIN N...", "serve channels that were removed or plugged in", 2, MANY},
	 ctl_channel_add},
	{{"channel remove", "DOMAIN N...", "disconnect channels", 2, MANY}, ctl_channel_remove},
	{{"domain add", "DOMAIN", "register a running domain", 1, 1}, ctl_domain_add},
	{{"domain remove", "DOMAIN", "forget a domain until libvirt reports it", 1, 1},
	 ctl_domain_remove},
	{{"cpu", "", "CPUs, their frequencies, and who decides them", 0, 0}, ctl_cpu},
	{{"explain", "CPU", "who decides a CPU's frequency, and why", 1, 1}, ctl_explain},
	{{"set", "DOMAIN VCPU TO", "fix a vCPU's frequency, whatever guests request", 3, 3},
	 ctl_set},
	{{"policy", "DOMAIN [DO...]", "show, set or clear the policy of a domain", 1, MANY},
	 ctl_policy},
	{{"reload", "", "read the configuration again", 0, 0}, ctl_reload},
	{{"verify", "", "what others changed in files that vmpower sets", 0, 0}, ctl_verify},
	{{"watch", "", "a live view of frequencies, votes and requests", 0, 0}, ctl_watch},
	{{"events", "", "what happens, as it happens", 0, 0}, ctl_events},
	{{"doctor", "", "find what keeps vmpower from working, and how to fix it", 0, 0},
	 ctl_doctor},
	{{"metrics", "", "counters and measurements, as OpenMetrics", 0, 0}, ctl_metrics},
	{{"log-level", "LEVEL", "set how much is logged, until vmpowerd ends", 1, 1},
	 ctl_log_level},
	{{"xml", "DOMAIN", "print the channel elements that its XML lacks", 1, 1}, ctl_xml},
	{{"attach", "DOMAIN", "have libvirt add the missing channels", 1, 1}, ctl_attach},
	{{"detach", "DOMAIN", "have libvirt remove its channels", 1, 1}, ctl_detach},
	{{"help", "", "print this text", 0, 0}, help},
};

/* The options, their commands (NULL: all), and their members of struct ctl. */
static const struct command_option options[] = {
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

static const struct command *command_at(size_t index)
{
	return index < array_size(commands) ? &commands[index].command : NULL;
}

static const struct command_line command_line = {
	.program = "vmpowerctl",
	.command = command_at,
	.options = options,
	.n_options = array_size(options),
	.short_options = "c:hV",
	.option_width = 18,
	.error = ctl_error,
};

/* Print the help as JSON. */
static int help_json(void)
{
	cleanup_json json_t *all = command_line_json(&command_line);

	ctl_print_json(all, JSON_INDENT(2));
	return CTL_OK;
}

static int help(const struct ctl *ctl)
{
	if (ctl->json)
		return help_json();
	(void)printf("usage: vmpowerctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	command_line_print_commands(&command_line, stdout);
	(void)printf("\nDOMAIN is a name or a UUID; N is the number of a channel, as in\n"
		     "virtio.serial.port.poweragent.N. TO is up, down, min, max or a frequency:\n"
		     "2400000 (kHz), 2400MHz or 2.4GHz; it holds until \"set DOMAIN VCPU "
		     "release\".\n"
		     "DO is show, clear, or set with KEY=VALUE..., as in vmpower.conf(5).\n\n");
	command_line_print_options(&command_line, stdout);
	(void)printf("\nBy default attach and detach change both the running domain and its next "
		     "start.\n"
		     "The default runtime directory is %s.\n\n"
		     "exit codes: %d success; %d vmpowerd or libvirt refused, or verify or doctor "
		     "found\n"
		     "something; %d wrong usage; %d vmpowerd or libvirt can't be reached\n",
		     VMPOWER_RUNTIME_DIR, CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE);
	return CTL_OK;
}

static int run(struct ctl *ctl, char **words, int n_words)
{
	int index = command_line_find(&command_line, &words, &n_words);

	ctl->words = words;
	ctl->n_words = n_words;
	return index < 0 ? CTL_USAGE : commands[index].run(ctl);
}

static int finish(int status)
{
	if (command_line_flush(&command_line) || status != CTL_OK)
		return status;
	return CTL_FAILED;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.runtime_dir = VMPOWER_RUNTIME_DIR};

	switch (command_line_parse(&command_line, argc, argv, &ctl)) {
	case PARSED_COMMAND:
		return finish(run(&ctl, argv + optind, argc - optind));
	case PARSED_HELP:
		return finish(help(&ctl));
	case PARSED_VERSION:
		return finish(CTL_OK);
	case PARSED_WRONG:
		break;
	}
	return CTL_USAGE;
}
