/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of a program with commands: PROGRAM [OPTION...] COMMAND [ARGUMENT...]. The
 * program has a table of commands and one of options; this parses by them, refuses what they do not
 * allow, and prints them as help.
 */
#ifndef VMPOWER_COMMON_COMMAND_LINE_COMMAND_LINE_H
#define VMPOWER_COMMON_COMMAND_LINE_COMMAND_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MAX_COMMAND_OPTIONS 32

struct command {
	const char *name;	  /* one or two words */
	const char *arguments;	  /* as help prints them */
	const char *help;	  /* one line */
	int min_words, max_words; /* how many arguments */
};

struct command_option {
	const char *name, *argument, *help;
	const char *commands; /* whose option it is, in one text; NULL: of all */
	int value;	      /* of getopt_long(); 'h' and 'V': --help and --version */
	/* of the program's structure: of a string if the option has an argument, else of a flag */
	size_t offset;
};

struct command_line {
	const char *program;
	/* the command with this index; NULL: there are no more */
	const struct command *(*command)(size_t index);
	const struct command_option *options;
	size_t n_options;	   /* at most MAX_COMMAND_OPTIONS */
	const char *short_options; /* of getopt_long() */
	int option_width;	   /* columns of the longest, as help prints it */
	/* a line to stderr, escaped */
	void (*error)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

enum command_line_parsed {
	PARSED_COMMAND, /* one follows, or none */
	PARSED_HELP,	/* it was asked for */
	PARSED_VERSION, /* likewise, and is printed */
	PARSED_WRONG,	/* an error was printed */
};

/**
 * command_line_parse() - take the options; optind is behind them
 * @members:	the program's structure
 *
 * An option of other commands than the one that follows is wrong: it would be ignored.
 */
enum command_line_parsed command_line_parse(const struct command_line *line, int argc, char **argv,
					    void *members);

/**
 * command_line_find() - which command it is, and its arguments
 * @words:	behind the options; moved behind the command's name
 *
 * Return: its index; -1: there is none, or it has too few or too many words; an error was printed.
 */
int command_line_find(const struct command_line *line, char ***words, int *n_words);

void command_line_print_commands(const struct command_line *line, FILE *out);
void command_line_print_options(const struct command_line *line, FILE *out);

/** command_line_json() - both as JSON, the caller's; NULL: no memory */
json_t *command_line_json(const struct command_line *line);

/** command_line_flush() - was all output written? A full disk, a closed pipe: an error is printed
 */
bool command_line_flush(const struct command_line *line);

#endif
