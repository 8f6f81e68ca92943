/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/sensors/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/cleanup.h"

static void __attribute__((noreturn)) run(const char *text, int out)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(out, STDOUT_FILENO) >= 0)
		(void)execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	_exit(127);
}

int command_start(struct command_sensor *command, const char *text)
{
	int ends[2];

	*command = (struct command_sensor){.fd = -1};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	command->pid = fork();
	if (command->pid == 0)
		run(text, ends[1]);
	(void)close(ends[1]);
	if (command->pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		command->pid = 0;
		(void)close(ends[0]);
		return -EAGAIN;
	}
	command->fd = ends[0];
	return 0;
}

void command_stop(struct command_sensor *command)
{
	close_fd(&command->fd);
	if (command->pid > 0) {
		(void)kill(-command->pid, SIGKILL);
		(void)kill(command->pid, SIGKILL);
		(void)waitpid(command->pid, NULL, 0);
	}
	command->pid = 0;
}

int command_fill(struct command_sensor *command)
{
	ssize_t n;

	if (command->fill == sizeof(command->text))
		command->fill = 0; /* a line that long is none */
	n = read(command->fd, command->text + command->fill, sizeof(command->text) - command->fill);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	command->fill += (uint32_t)n;
	return (int)n;
}

/* "37.5" percent, with a NUL behind it. Return: what follows; NULL: none */
static const char *take_percent(const char *text, uint32_t *permille)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || !(percent >= 0) || percent > 100)
		return NULL;
	*permille = (uint32_t)(percent * 10 + 0.5);
	return end + strspn(end, " \t%\r");
}

static int parse(const char *line, uint32_t *vcpu, uint32_t *permille)
{
	const char *rest = take_percent(line, permille);
	char *end;
	unsigned long number;

	*vcpu = COMMAND_ALL;
	if (rest && !*rest)
		return 1;
	number = strtoul(line, &end, 10);
	if (end == line || (*end != ' ' && *end != '\t') || number >= MAX_DOMAIN_VCPUS)
		return -EINVAL;
	*vcpu = (uint32_t)number;
	rest = take_percent(end, permille);
	return rest && !*rest ? 1 : -EINVAL;
}

int command_next(struct command_sensor *command, uint32_t *vcpu, uint32_t *permille)
{
	char *newline = memchr(command->text, '\n', command->fill);
	uint32_t size;
	int r;

	if (!newline)
		return 0;
	*newline = '\0';
	r = parse(command->text, vcpu, permille);
	size = (uint32_t)(newline + 1 - command->text);
	command->fill -= size;
	memmove(command->text, command->text + size, command->fill);
	return r;
}
