/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest.conf: sections and "key = value" lines, read strictly: an unknown section or key, a key
 * that is given twice, or a bad value is an error with its line. Every key has a default.
 */
#ifndef VMPOWER_GUEST_CONFIG_CONFIG_H
#define VMPOWER_GUEST_CONFIG_CONFIG_H

#include <stdio.h>

#include "common/cpuset.h"

#define GUEST_CONFIG_FILE "/etc/vmpower/guest.conf"
#define GUEST_CONFIG_MAX_SIZE (64u * 1024)
#define GUEST_TEXT_SIZE 512
#define GUEST_ERROR_SIZE 256

struct guest_config {
	/* [agent] */
	char vcpus[GUEST_TEXT_SIZE]; /* "all" or a list */
	uint32_t interval_ms;
	/* [sensors] */
	uint32_t telemetry; /* flag */
	char telemetry_directories[GUEST_TEXT_SIZE];
	uint32_t proc_stat; /* flag */
	char command[GUEST_TEXT_SIZE];
	uint32_t silence_ms;
	/* [governor] */
	uint32_t target, saturated, margin; /* percent */
	uint32_t cooldown_ms;
	uint32_t floor_khz;
	uint32_t most_steps;
	/* [host] */
	uint32_t heartbeat_s, timeout_ms;
};

/** guest_config_defaults() - what holds without a file */
void guest_config_defaults(struct guest_config *config);

/**
 * guest_config_parse() - read a file's text over the defaults. Pure.
 * @text:	NUL-terminated; it is modified
 * @error:	set to "line 3: ..." on failure
 *
 * Return: 0; -EINVAL.
 */
int guest_config_parse(struct guest_config *config, char *text, char error[GUEST_ERROR_SIZE]);

/**
 * guest_config_load() - defaults, and a file over them
 * @path:	NULL: GUEST_CONFIG_FILE, which need not exist
 * @error:	set to "FILE: ..." on failure
 *
 * Return: 0; -EINVAL; -errno.
 */
int guest_config_load(struct guest_config *config, const char *path, char error[GUEST_ERROR_SIZE]);

/** guest_config_print() - as a file, with what each key means */
void guest_config_print(const struct guest_config *config, FILE *out);

/** guest_config_vcpus() - does the agent govern this vCPU, if there is a port for it? */
bool guest_config_vcpus(const struct guest_config *config, unsigned int vcpu);

#endif
