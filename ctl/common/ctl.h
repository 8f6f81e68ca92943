/* SPDX-License-Identifier: BSD-3-Clause */
/* What vmpowerctl's subcommands share: exit codes, the command line, calls to vmpowerd. */
#ifndef VMPOWER_CTL_COMMON_CTL_H
#define VMPOWER_CTL_COMMON_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "common/cleanup.h"

/* Exit codes, as in vmpowerctl --help. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,	     /* vmpowerd or libvirt refused; verify, doctor: found something */
	CTL_USAGE = 2,	     /* the command line is wrong */
	CTL_UNREACHABLE = 3, /* vmpowerd or libvirt does not run, or does not answer */
};

/* The command line, parsed. */
struct ctl {
	const char *runtime_dir;
	const char *root;    /* doctor reads files below it; NULL: / */
	const char *output;  /* the file that metrics writes; NULL: stdout */
	const char *vcpus;   /* a list; NULL: all */
	const char *connect; /* libvirt's URI; NULL: its default */
	bool live, config;
	bool json;
	int n_words; /* after the subcommand's name */
	char **words;
};

/**
 * ctl_call() - call a method of org.vmpower.Manager; print an error if it fails
 * @method:	without the interface
 * @parameters:	an object, taken over; NULL: an argument is not UTF-8
 * @reply:	set to the reply's parameters on success; json_decref() it. --json: also printed
 *
 * Return: CTL_OK; else another exit code.
 */
int ctl_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **reply);

/*
 * The same in parts, for callers that report failures elsewhere, or later with ctl_report().
 * @problem: set on failure, owned by the caller; NULL: out of memory
 */

/** ctl_ask() - as ctl_call(), but prints nothing */
int ctl_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **reply,
	    char **problem);

struct client;

/**
 * ctl_stream() - call a method that streams
 * @client:	client_close() it, on failure too
 */
int ctl_stream(const struct ctl *ctl, const char *method, json_t *parameters, struct client *client,
	       char **problem);

/**
 * ctl_next() - the next reply of a stream
 * @timeout_ms:	0: don't wait; negative: no limit
 * @reply:	set to its parameters, json_decref() them; NULL: none yet, with a timeout of 0
 */
int ctl_next(struct client *client, int timeout_ms, json_t **reply, char **problem);

/** ctl_report() - print @problem unless @status is CTL_OK. Return: @status */
int ctl_report(int status, const char *problem);

/** ctl_error_text() - what the daemon's error means and what to do; owned by the caller */
char *ctl_error_text(const char *error, json_t *parameters);

/* for the cleanup attribute */
static inline void ctl_decref(json_t **value)
{
	json_decref(*value);
}

#define cleanup_json cleanup(ctl_decref)

#endif
