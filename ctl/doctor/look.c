/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/doctor/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/command_line/text.h"
#include "common/json/build.h"

#define RUN_S 5
#define MOST_TEXT 4096

const char *health_name(enum health health)
{
	static const char *const names[] = {"ok", "note", "warning", "problem"};

	return names[health];
}

void doctor_add(struct doctor *doctor, enum health health, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	ASSERT(health < N_HEALTH && doctor->check);
	doctor->n[health]++;
	json_add(&doctor->findings,
		 json_pack("{s:s, s:s, s:s, s:n}", "check", doctor->check, "status",
			   health_name(health), "text", text ? text : "out of memory", "remedy"));
}

void doctor_remedy(struct doctor *doctor, const char *format, ...)
{
	size_t n = json_array_size(doctor->findings);
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	(void)json_object_set_new(json_array_get(doctor->findings, n - 1), "remedy",
				  text ? json_string(text) : json_null());
}

static char *path_of(const struct doctor *doctor, const char *format, va_list args)
{
	cleanup_free char *below = text_vmake(format, args);

	return below ? text_make("%s%s", doctor->root, below) : NULL;
}

char *doctor_path(const struct doctor *doctor, const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = path_of(doctor, format, args);
	va_end(args);
	return path;
}

static char *read_some(int fd)
{
	char *text = calloc(1, MOST_TEXT);
	size_t used = 0;
	ssize_t n = 1;

	while (text && n > 0 && used < MOST_TEXT - 1) {
		n = read(fd, text + used, MOST_TEXT - 1 - used);
		if (n > 0)
			used += (size_t)n;
	}
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

char *doctor_read(const struct doctor *doctor, const char *format, ...)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	va_list args;
	char *text;

	va_start(args, format);
	path = path_of(doctor, format, args);
	va_end(args);
	if (path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = read_some(fd);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

bool doctor_hides(struct doctor *doctor, const char *path, int mode)
{
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != EACCES)
		return false;
	doctor_add(doctor, HEALTH_NOTE, "%s can't be looked at: %s", path, strerror(EACCES));
	doctor_remedy(doctor, "use sudo");
	return true;
}

pid_t doctor_process(const struct doctor *doctor, const char *comm)
{
	cleanup_free char *path = doctor_path(doctor, "/proc");
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		cleanup_free char *name = NULL;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		name = doctor_read(doctor, "/proc/%s/comm", entry->d_name);
		if (name && strcmp(name, comm) == 0)
			return (pid_t)strtol(entry->d_name, NULL, 10);
	}
	return 0;
}

static void run_child(const char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)dup2(null, STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	(void)alarm(RUN_S); /* stays armed across exec */
	(void)execvp(argv[0], (char *const *)argv);
	_exit(127);
}

int doctor_run(const char *const argv[], char **output)
{
	int pipes[2], status;
	pid_t pid;

	*output = NULL;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run_child(argv, pipes[1]);
	(void)close(pipes[1]);
	if (pid > 0)
		*output = read_some(pipes[0]);
	(void)close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127)
		return -1;
	return WEXITSTATUS(status);
}
