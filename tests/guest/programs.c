/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[] = "/vmpower-guest.static";
#define CONFIG "/guest.conf"
#define MAX_ARGUMENTS 64

static pid_t agent;

int program_run(char **words, char *output, size_t size)
{
	char *arguments[MAX_ARGUMENTS] = {program};
	size_t fill = 0;
	int ends[2], status;
	pid_t pid;

	for (size_t i = 0; words[i] && i < MAX_ARGUMENTS - 2; i++)
		arguments[i + 1] = words[i];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)dup2(ends[1], STDERR_FILENO);
		(void)execv(program, arguments);
		_exit(127);
	}
	(void)close(ends[1]);
	while (fill < size - 1) {
		ssize_t n = read(ends[0], output + fill, size - 1 - fill);

		if (n <= 0)
			break;
		fill += (size_t)n;
	}
	output[fill] = '\0';
	for (char *c = output; (c = strchr(c, '\n'));)
		*c = '|';
	(void)close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int agent_start(char **lines)
{
	FILE *config = fopen(CONFIG, "we");

	if (!config)
		return -errno;
	for (size_t i = 0; lines[i]; i++)
		(void)fprintf(config, "%s\n", lines[i]);
	(void)fclose(config);
	(void)mkdir("/run", 0755);
	(void)mkdir("/run/vmpower-guest", 0755);
	agent = fork();
	if (agent == 0) {
		(void)execl(program, program, "agent", "--config", CONFIG, (char *)NULL);
		_exit(127);
	}
	return agent < 0 ? -errno : 0;
}

int agent_end(int number)
{
	int status;

	if (agent <= 0 || kill(agent, number) < 0 || waitpid(agent, &status, 0) < 0)
		return -ESRCH;
	agent = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}
