/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checks of doctor share: reading the host, and adding findings. */
#ifndef VMPOWER_CTL_DOCTOR_LOOK_H
#define VMPOWER_CTL_DOCTOR_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl/common/ctl.h"

enum health {
	HEALTH_OK,
	HEALTH_NOTE,	/* may be intended */
	HEALTH_WARNING, /* works, but not well */
	HEALTH_PROBLEM, /* does not work */
	N_HEALTH
};

const char *health_name(enum health health);

struct doctor {
	const struct ctl *ctl;
	const char *root;  /* "" or a directory that stands for / */
	const char *check; /* the name of the check that runs */
	json_t *findings;  /* [{"check", "status", "text", "remedy"}] */
	int n[N_HEALTH];
	json_t *status; /* vmpowerd's GetStatus; NULL: no answer */
	json_t *cpus;	/* its ListCpus; NULL: no answer */
	json_t *known;	/* its domains' UUIDs, as keys; NULL: no answer */
};

/** doctor_add() - a finding of the check that runs; printf(3) */
void doctor_add(struct doctor *doctor, enum health health, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

/** doctor_remedy() - what to do about the finding that was added last; printf(3) */
void doctor_remedy(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_path() - a path below the root, owned by the caller; NULL: out of memory */
char *doctor_path(const struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_read() - a file's first line, up to 4095 bytes, owned by the caller; NULL: unreadable */
char *doctor_read(const struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * doctor_hides() - may this user not look at a file? If so, a note says that, and no more should be
 * said about it
 * @mode:	R_OK or F_OK
 */
bool doctor_hides(struct doctor *doctor, const char *path, int mode);

/** doctor_process() - find a process by its comm. Return: its pid; 0: none */
pid_t doctor_process(const struct doctor *doctor, const char *comm);

/**
 * doctor_run() - run a program for at most 5 s, without stdin
 * @output:	set to what it wrote, up to 4095 bytes, owned by the caller
 *
 * Return: its exit status; -1: it can't be run, or was killed.
 */
int doctor_run(const char *const argv[], char **output);

#endif
