/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wall time of short programs, side by side: runs each in turn, rounds times, and feeds each
 * run the same file through a pipe, as libvirt feeds a hook.
 *
 * usage: spawn-time ROUNDS FILE PROGRAM [ARG...] [-- PROGRAM [ARG...]]...
 * prints one line a program: median and 99th percentile, in microseconds
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

#define MAX_PROGRAMS 8
#define MAX_ROUNDS 100000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* From before the spawn to after the exit: what libvirt waits for. Return: ns */
static uint64_t run(char **argv, const char *input, size_t size)
{
	posix_spawn_file_actions_t actions;
	uint64_t began = monotonic_ns();
	int pipe_fds[2], status;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		die("pipe2");
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, pipe_fds[0], STDIN_FILENO) != 0)
		die("posix_spawn_file_actions");
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		die(argv[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(pipe_fds[0]);
	if (write(pipe_fds[1], input, size) != (ssize_t)size)
		die("write");
	(void)close(pipe_fds[1]);
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		(void)fprintf(stderr, "%s: status %d\n", argv[0], status);
		exit(1);
	}
	return monotonic_ns() - began;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static char input[65536]; /* a pipe's worth: written without a reader */
	char **programs[MAX_PROGRAMS];
	uint64_t *times[MAX_PROGRAMS];
	size_t n = 0, size;
	long rounds;
	FILE *file;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: spawn-time ROUNDS FILE PROGRAM [ARG...] [-- ...]\n");
		return 2;
	}
	rounds = strtol(argv[1], NULL, 10);
	if (rounds < 1 || rounds > MAX_ROUNDS)
		return 2;
	file = fopen(argv[2], "re");
	if (!file)
		die(argv[2]);
	size = fread(input, 1, sizeof(input), file);
	(void)fclose(file);

	programs[n++] = &argv[3];
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0 && i + 1 < argc && n < MAX_PROGRAMS) {
			argv[i] = NULL;
			programs[n++] = &argv[i + 1];
		}
	}
	for (size_t p = 0; p < n; p++) {
		times[p] = calloc((size_t)rounds, sizeof(**times));
		if (!times[p])
			die("calloc");
	}
	for (long r = 0; r < rounds; r++) {
		for (size_t p = 0; p < n; p++)
			times[p][r] = run(programs[p], input, size);
	}
	for (size_t p = 0; p < n; p++) {
		qsort(times[p], (size_t)rounds, sizeof(**times), compare);
		(void)printf("%s %.1f %.1f\n", programs[p][0], (double)times[p][rounds / 2] / 1000,
			     (double)times[p][rounds * 99 / 100] / 1000);
		free(times[p]);
	}
	return 0;
}
