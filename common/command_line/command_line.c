/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/command_line/command_line.h"

#include <getopt.h>
#include <string.h>

#include "common/assertion.h"
#include "common/json/build.h"

/* --- help ------------------------------------------------------------------------------------ */

void command_line_print_commands(const struct command_line *line, FILE *out)
{
	const struct command *command;

	for (size_t i = 0; (command = line->command(i)); i++)
		(void)fprintf(out, "  %-15s %-14s  %s\n", command->name, command->arguments,
			      command->help);
}

void command_line_print_options(const struct command_line *line, FILE *out)
{
	for (size_t i = 0; i < line->n_options; i++) {
		const struct command_option *o = &line->options[i];
		char name[40];

		(void)snprintf(name, sizeof(name), "--%s %s", o->name,
			       o->argument ? o->argument : "");
		(void)fprintf(out, "  %-*s %s%s%s\n", line->option_width, name,
			      o->commands ? o->commands : "", o->commands ? ": " : "", o->help);
	}
}

json_t *command_line_json(const struct command_line *line)
{
	json_t *commands = json_array(), *options = json_array();
	const struct command *command;

	for (size_t i = 0; (command = line->command(i)); i++)
		json_add(&commands, json_pack("{s:s, s:s, s:s}", "name", command->name, "arguments",
					      command->arguments, "help", command->help));
	for (size_t i = 0; i < line->n_options; i++) {
		const struct command_option *o = &line->options[i];

		json_add(&options,
			 json_pack("{s:s, s:s?, s:s?, s:s}", "name", o->name, "argument",
				   o->argument, "commands", o->commands, "help", o->help));
	}
	return json_pack("{s:o, s:o}", "commands", commands, "options", options);
}

bool command_line_flush(const struct command_line *line)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	line->error("can't write the output: %m");
	return false;
}

/* --- options --------------------------------------------------------------------------------- */

static bool is_word_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += n) {
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* @command: its first word; NULL: none */
static enum command_line_parsed check_options(const struct command_line *line, const bool *given,
					      const char *command)
{
	for (size_t i = 0; i < line->n_options; i++) {
		const struct command_option *o = &line->options[i];

		if (!given[i] || !o->commands || (command && is_word_of(command, o->commands)))
			continue;
		line->error("--%s is an option of %s only", o->name, o->commands);
		return PARSED_WRONG;
	}
	return PARSED_COMMAND;
}

static void take_option(const struct command_line *line, int value, void *members, bool *given)
{
	for (size_t i = 0; i < line->n_options; i++) {
		const struct command_option *o = &line->options[i];
		void *member = (char *)members + o->offset;

		if (o->value != value)
			continue;
		given[i] = true;
		if (o->argument)
			*(const char **)member = optarg;
		else
			*(bool *)member = true;
	}
}

enum command_line_parsed command_line_parse(const struct command_line *line, int argc, char **argv,
					    void *members)
{
	struct option long_options[MAX_COMMAND_OPTIONS + 1] = {{0}};
	bool given[MAX_COMMAND_OPTIONS] = {false};
	int value;

	ASSERT(line->n_options <= MAX_COMMAND_OPTIONS);
	for (size_t i = 0; i < line->n_options; i++)
		long_options[i] = (struct option){
			.name = line->options[i].name,
			.has_arg = line->options[i].argument ? required_argument : no_argument,
			.val = line->options[i].value,
		};
	while ((value = getopt_long(argc, argv, line->short_options, long_options, NULL)) != -1) {
		if (value == '?') {
			line->error("\"%s --help\" lists commands and options", line->program);
			return PARSED_WRONG;
		}
		if (value == 'V') {
			(void)printf("%s %s\n", line->program, VMPOWER_VERSION);
			return PARSED_VERSION;
		}
		if (value == 'h')
			return PARSED_HELP;
		take_option(line, value, members, given);
	}
	return check_options(line, given, argv[optind]);
}

/* --- commands -------------------------------------------------------------------------------- */

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

static int unknown_command(const struct command_line *line, char **words, int n_words)
{
	if (n_words == 0)
		line->error("no command given. The commands are:");
	else
		line->error("unknown command \"%s%s%s\". The commands are:", words[0],
			    n_words > 1 ? " " : "", n_words > 1 ? words[1] : "");
	command_line_print_commands(line, stderr);
	return -1;
}

int command_line_find(const struct command_line *line, char ***words, int *n_words)
{
	const struct command *command;

	for (size_t i = 0; (command = line->command(i)); i++) {
		int n = name_words(command, *words, *n_words);

		if (n == 0)
			continue;
		*words += n;
		*n_words -= n;
		if (*n_words >= command->min_words && *n_words <= command->max_words)
			return (int)i;
		line->error("usage: %s %s%s%s", line->program, command->name,
			    *command->arguments ? " " : "", command->arguments);
		return -1;
	}
	return unknown_command(line, *words, *n_words);
}
