/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a hook for many domains, some at a time, as libvirt does when a host boots.
 *
 * usage: storm AT_A_TIME OPERATION DIR N PROGRAM	domain i is bench<i>, its XML is DIR/<i>
 *
 * Prints how many milliseconds each one took, from its start to its end, one a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"

#define MAX_AT_A_TIME 64u

extern char **environ;

static struct {
	pid_t pid; /* 0: free */
	uint64_t began_ns;
} running[MAX_AT_A_TIME];

static _Noreturn void die(const char *what, int error)
{
	(void)fprintf(stderr, "storm: %s: %s\n", what, strerror(error));
	exit(1);
}

static void begin(unsigned int slot, char *const words[], const char *directory, unsigned long i)
{
	char name[32], path[4096];
	char *argv[] = {words[0], name, words[1], words[2], words[3], NULL};
	posix_spawn_file_actions_t actions;
	int r;

	(void)snprintf(name, sizeof(name), "bench%lu", i);
	(void)snprintf(path, sizeof(path), "%s/%lu", directory, i);
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0);
	if (r != 0)
		die(path, r);
	running[slot].began_ns = monotonic_ns();
	r = posix_spawn(&running[slot].pid, words[0], &actions, NULL, argv, environ);
	if (r != 0)
		die(words[0], r);
	(void)posix_spawn_file_actions_destroy(&actions);
}

/* Return: the slot that is free now. */
static unsigned int end(unsigned int n)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);
	uint64_t now = monotonic_ns();

	for (unsigned int slot = 0; slot < n; slot++) {
		if (pid <= 0 || running[slot].pid != pid)
			continue;
		if (status != 0)
			die("a hook failed", EIO);
		(void)printf("%.3f\n", (double)(now - running[slot].began_ns) / 1e6);
		running[slot].pid = 0;
		return slot;
	}
	die("waitpid", errno);
}

int main(int argc, char **argv)
{
	unsigned long at_a_time = argc == 6 ? strtoul(argv[1], NULL, 10) : 0, n, i = 0;
	char begins[] = "begin", ends[] = "end", none[] = "-";
	char *words[4];

	if (at_a_time == 0 || at_a_time > MAX_AT_A_TIME) {
		(void)fprintf(stderr, "usage: storm AT_A_TIME OPERATION DIR N PROGRAM\n");
		return 2;
	}
	n = strtoul(argv[4], NULL, 10);
	words[0] = argv[5];
	words[1] = argv[2];
	words[2] = strcmp(argv[2], "stopped") == 0 ? ends : begins;
	words[3] = none;
	for (; i < n && i < at_a_time; i++)
		begin((unsigned int)i, words, argv[3], i);
	for (unsigned long ended = 0; ended < n; ended++) {
		unsigned int slot = end((unsigned int)at_a_time);

		if (i < n)
			begin(slot, words, argv[3], i++);
	}
	return 0;
}
