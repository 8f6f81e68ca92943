/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor: looks at everything that has to be right for a guest's request to become a frequency,
 * without needing vmpowerd. Each doctor_*() below looks at one part and adds its findings.
 */
#ifndef VMPOWER_CTL_DOCTOR_LOOK_H
#define VMPOWER_CTL_DOCTOR_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl.h"

enum health {
	HEALTH_OK,
	HEALTH_NOTE,	/* may be as it is wanted */
	HEALTH_WARNING, /* works, but not well */
	HEALTH_PROBLEM, /* does not work */
	N_HEALTH
};

struct doctor {
	const struct ctl *ctl;
	const char *root; /* "" or a directory that stands for / */
	json_t *findings; /* [{"check", "status", "text", "remedy"}] */
	int n[N_HEALTH];
	json_t *status; /* vmpowerd's GetStatus; NULL: it does not answer */
};

/** doctor_add() - a finding; @check: its name, @remedy: what to do, or NULL; printf(3) for both */
void doctor_add(struct doctor *doctor, const char *check, enum health health, const char *remedy,
		const char *text, ...) __attribute__((format(printf, 5, 6)));

/** doctor_text() - printf(3) of any length, for a remedy; the caller's; NULL: no memory */
char *doctor_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *health_name(enum health health);

/** doctor_path() - a path below the root; the caller's; NULL: no memory */
char *doctor_path(const struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_read() - a file's first line, at most 4095 bytes; the caller's; NULL: can't be read */
char *doctor_read(const struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_process() - a process whose comm is this; 0: there is none */
pid_t doctor_process(const struct doctor *doctor, const char *comm);

/**
 * doctor_run() - run a program, 5 s at most, without stdin
 * @output:	set to what it wrote, at most 4095 bytes; the caller's
 *
 * Return: its exit status; -1: it could not be run, or was killed.
 */
int doctor_run(const char *const argv[], char **output);

void doctor_config(struct doctor *doctor);   /* is it valid? */
void doctor_daemon(struct doctor *doctor);   /* vmpowerd, sets doctor->status */
void doctor_sockets(struct doctor *doctor);  /* who may use them */
void doctor_libvirt(struct doctor *doctor);  /* which daemon, hook, does it see it? */
void doctor_security(struct doctor *doctor); /* SELinux, AppArmor */
void doctor_cpufreq(struct doctor *doctor);  /* driver and governor of each frequency domain */
void doctor_writers(struct doctor *doctor);  /* who else sets frequencies */
void doctor_domains(struct doctor *doctor);  /* channels and pinning */

#endif
