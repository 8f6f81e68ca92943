/* SPDX-License-Identifier: BSD-3-Clause */
/* What vmpowerctl's subcommands share. */
#ifndef VMPOWER_CTL_CTL_H
#define VMPOWER_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "cleanup.h"

/* Exit codes, as in vmpowerctl --help. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,	     /* vmpowerd refused it; verify, doctor: something is found */
	CTL_USAGE = 2,	     /* the command line is wrong */
	CTL_UNREACHABLE = 3, /* vmpowerd does not run, or does not answer */
};

/* The command line, taken apart. */
struct ctl {
	const char *runtime_dir;
	const char *root;    /* doctor looks below it; NULL: / */
	const char *output;  /* metrics writes there; NULL: stdout */
	const char *vcpus;   /* a list; NULL: all */
	const char *connect; /* libvirt's URI; NULL: its default */
	bool live, config;
	bool json;
	int n_words; /* behind the subcommand's name */
	char **words;
};

/** ctl_complain() - "vmpowerctl: text" and a newline to stderr; printf(3) */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * ctl_call() - call a method of org.vmpower.Manager
 * @method:	without the interface
 * @parameters:	an object, taken over; NULL: it could not be made, a word is no UTF-8
 * @reply:	set to the reply's parameters on success; json_decref() it. With --json they are
 *		printed here
 *
 * Return: CTL_OK; else what was complained about.
 */
int ctl_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **reply);

/*
 * The same in its parts, for who has to say what went wrong elsewhere, or later: ctl_report() it.
 * @problem: set on failure, the caller's; NULL: no memory
 */

/** ctl_ask() - as ctl_call(), but prints nothing */
int ctl_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **reply,
	    char **problem);

struct client;

/**
 * ctl_stream() - call a method that streams
 * @client:	client_close() it, in any case
 */
int ctl_stream(const struct ctl *ctl, const char *method, json_t *parameters, struct client *client,
	       char **problem);

/**
 * ctl_next() - the next reply of a stream
 * @timeout_ms:	0: don't wait; negative: for ever
 * @reply:	set to its parameters, json_decref() them; NULL: none yet, with a timeout of 0
 */
int ctl_next(struct client *client, int timeout_ms, json_t **reply, char **problem);

/** ctl_report() - complain where @status is not CTL_OK. Return: @status */
int ctl_report(int status, const char *problem);

/** ctl_error_text() - what an error of the daemon means and what to do; owned by the caller */
char *ctl_error_text(const char *error, json_t *parameters);

/* for the cleanup attribute */
static inline void ctl_decref(json_t **value)
{
	json_decref(*value);
}

#define cleanup_json cleanup(ctl_decref)

/* A member of an object that the daemon sent; what is missing or of another type is "" or 0. */
const char *ctl_text(json_t *object, const char *key);
json_int_t ctl_number(json_t *object, const char *key);

struct table;

/** ctl_terminal_width() - columns of the terminal that stdout is; 0: it is none, or not known */
size_t ctl_terminal_width(void);

/** ctl_print() - print a table to stdout. Return: CTL_OK; CTL_FAILED, complained about */
int ctl_print(const struct table *table);

/** ctl_khz_cell() - the next cell: a member that is a frequency; empty where it is null */
void ctl_khz_cell(struct table *table, json_t *object, const char *key);

#endif
