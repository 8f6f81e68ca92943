/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command that says how busy vCPUs are, for what neither telemetry nor the kernel knows: lines
 * "VCPU PERCENT", or "PERCENT" for all. It runs on; when it ends it is started again.
 */
#ifndef VMPOWER_GUEST_SENSORS_COMMAND_H
#define VMPOWER_GUEST_SENSORS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define COMMAND_ALL UINT32_MAX

struct command_sensor {
	int fd;	   /* what it prints; -1: it does not run */
	pid_t pid; /* 0: none */
	uint32_t fill;
	char text[4096];
};

/** command_start() - run it by /bin/sh. Return: 0; -errno */
int command_start(struct command_sensor *command, const char *text);

/** command_stop() - end it, and wait for that */
void command_stop(struct command_sensor *command);

/** command_fill() - read what it printed. Return: bytes; 0: nothing now; -errno: it has ended */
int command_fill(struct command_sensor *command);

/**
 * command_next() - the next line that was read
 * @vcpu:	COMMAND_ALL: for all
 *
 * Return: 1; 0: no whole line; -EINVAL: a line that is none of these, skipped.
 */
int command_next(struct command_sensor *command, uint32_t *vcpu, uint32_t *permille);

#endif
