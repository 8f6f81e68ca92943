/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One DPDK application's telemetry: how busy its lcores are, as differences of what it counts.
 * Never blocks: one question at a time is out.
 */
#ifndef VMPOWER_GUEST_SENSORS_TELEMETRY_H
#define VMPOWER_GUEST_SENSORS_TELEMETRY_H

#include <stdbool.h>

#include "guest/sensors/telemetry_text.h"

#define TELEMETRY_PATH_SIZE 108
#define TELEMETRY_OUTPUT 16384 /* max_output_len of DPDK */
#define TELEMETRY_FROZEN 3     /* readings without a cycle: the lcore does not run its loop */

enum telemetry_state { TELEMETRY_GREETING, TELEMETRY_READY, TELEMETRY_USAGE, TELEMETRY_INFO };

struct telemetry_lcore {
	uint32_t id;
	bool placed; /* are its CPUs known? */
	struct cpuset cpus;
	uint64_t total, busy; /* as last read */
	uint32_t frozen;      /* readings in a row without a cycle */
	bool measured;	      /* did the last reading give a difference? */
	uint32_t permille;
};

struct telemetry {
	int fd; /* -1: not connected */
	char path[TELEMETRY_PATH_SIZE];
	enum telemetry_state state;
	bool silent;		  /* it does not count: told, and not asked again */
	uint32_t n_lcores, asked; /* whose CPUs are asked for */
	uint64_t from_ns, to_ns;  /* of the last difference */
	struct telemetry_lcore lcores[MAX_LCORES];
	char text[TELEMETRY_OUTPUT + 1];
};

/** telemetry_open() - connect to an application's socket. Return: 0; -errno */
int telemetry_open(struct telemetry *telemetry, const char *path);
void telemetry_close(struct telemetry *telemetry);

/** telemetry_ask() - ask how busy it is, unless an answer is due. Return: 0; -errno: it is gone */
int telemetry_ask(struct telemetry *telemetry);

/**
 * telemetry_read() - its socket is readable
 *
 * Return: 1: lcores[].measured and permille are new; 0: not yet; -ENOTSUP: it does not count (once;
 * it is silent then); -errno: it is gone, or talks nonsense.
 */
int telemetry_read(struct telemetry *telemetry, uint64_t now_ns);

/** telemetry_covers() - does it speak for this CPU? It does if it counts for an lcore there */
bool telemetry_covers(const struct telemetry *telemetry, unsigned int cpu);

#endif
