/* SPDX-License-Identifier: BSD-3-Clause */
#include "doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"
#include "print.h"
#include "style.h"
#include "text.h"

#define RUN_S 5
#define MOST_TEXT 4096

const char *health_name(enum health health)
{
	static const char *const names[] = {"ok", "note", "warning", "problem"};

	return names[health];
}

void doctor_add(struct doctor *doctor, const char *check, enum health health, const char *remedy,
		const char *text, ...)
{
	cleanup_free char *formatted = NULL;
	va_list args;

	va_start(args, text);
	formatted = text_format(text, args);
	va_end(args);
	doctor->n[health]++;
	(void)json_array_append_new(
		doctor->findings,
		json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "status", health_name(health),
			  "text", formatted ? formatted : "out of memory", "remedy", remedy));
}

static char *format_text(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *doctor_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	return text;
}

static char *path_of(const struct doctor *doctor, const char *format, va_list args)
{
	cleanup_free char *below = format_text(format, args);

	return below ? doctor_text("%s%s", doctor->root, below) : NULL;
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
	(void)alarm(RUN_S); /* survives the exec */
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

#define INDENT 19

/* On a terminal in lines of its width, those after the first below its text; else in one. */
static void print_words(const char *text)
{
	size_t width = ctl_terminal_width(), column = INDENT;

	if (width < 2 * INDENT) {
		(void)printf("%s\n", text);
		return;
	}
	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > INDENT && column + 1 + length > width) {
			(void)printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			(void)fputc(' ', stdout);
			column++;
		}
		(void)printf("%.*s", (int)length, text);
		column += length;
		text += length + strspn(text + length, " ");
	}
	(void)fputc('\n', stdout);
}

static void print_finding(json_t *finding)
{
	static const enum style styles[] = {STYLE_GOOD, STYLE_PLAIN, STYLE_WARNING, STYLE_BAD};
	const char *status = ctl_text(finding, "status"), *remedy = ctl_text(finding, "remedy");
	enum health health = HEALTH_OK;
	cleanup_free char *line = NULL;

	while (health < HEALTH_PROBLEM && strcmp(status, health_name(health)) != 0)
		health++;
	(void)printf("%s%-7s%s  %-8s  ", style(stdout, styles[health]), status,
		     style(stdout, STYLE_PLAIN), ctl_text(finding, "check"));
	if (asprintf(&line, "%s%s%s", ctl_text(finding, "text"), *remedy ? "; remedy: " : "",
		     remedy) < 0)
		line = NULL;
	print_words(line ? line : "out of memory");
}

static void print_all(const struct doctor *doctor)
{
	json_t *finding;
	size_t i;

	json_array_foreach(doctor->findings, i, finding)
	{
		print_finding(finding);
	}
	(void)fputc('\n', stdout);
	for (int health = HEALTH_PROBLEM; health > HEALTH_OK; health--)
		(void)printf("%d %s%s%s", doctor->n[health], health_name((enum health)health),
			     doctor->n[health] == 1 ? "" : "s", health > HEALTH_NOTE ? ", " : "\n");
}

static void print_json(const struct doctor *doctor)
{
	cleanup_json json_t *all =
		json_pack("{s:i, s:i, s:i, s:O}", "problems", doctor->n[HEALTH_PROBLEM], "warnings",
			  doctor->n[HEALTH_WARNING], "notes", doctor->n[HEALTH_NOTE], "findings",
			  doctor->findings);

	(void)json_dumpf(all, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
}

int ctl_doctor(const struct ctl *ctl)
{
	static void (*const checks[])(struct doctor * doctor) = {
		doctor_config,	 doctor_daemon,	 doctor_sockets, doctor_libvirt,
		doctor_security, doctor_cpufreq, doctor_writers, doctor_domains,
	};
	struct doctor doctor = {
		.ctl = ctl,
		.root = ctl->root ? ctl->root : "",
		.findings = json_array(),
	};

	if (geteuid() != 0)
		doctor_add(&doctor, "doctor", HEALTH_NOTE, "use sudo",
			   "not all can be looked at without being root");
	for (size_t i = 0; i < array_size(checks); i++)
		checks[i](&doctor);
	if (ctl->json)
		print_json(&doctor);
	else
		print_all(&doctor);
	json_decref(doctor.findings);
	json_decref(doctor.status);
	return doctor.n[HEALTH_PROBLEM] + doctor.n[HEALTH_WARNING] > 0 ? CTL_FAILED : CTL_OK;
}
