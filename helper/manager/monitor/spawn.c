/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/unix_socket.h"
#include "helper/link/message.h"

int monitor_find_program(char path[static PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			if (path_join(path, self, "vmpower-monitor") == 0 &&
			    access(path, X_OK) == 0)
				return 0;
		}
	}
	return path_join(path, VMPOWER_LIBEXEC_DIR, "vmpower-monitor");
}

/* A user that owns no files. Without root the monitor runs as our own user. */
static const struct passwd *monitor_user(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam("vmpower-monitor");
	return user ? user : getpwnam("nobody");
}

/*
 * In a session of its own: signals to ours are not for it. The child gets stderr and the listener;
 * all other fds are CLOEXEC.
 */
static int set_child_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
			int listen_fd)
{
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, listen_fd, LINK_LISTEN_FD);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(attributes,
					     POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	return -r;
}

/* What a service manager tells us is not for it. */
static bool is_ours_alone(const char *variable)
{
	static const char *const ours[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",
					   "LD_" /* its sandbox knows no other code */};

	for (size_t i = 0; i < array_size(ours); i++) {
		if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
			return true;
	}
	return false;
}

/* Return: our environment without that, the caller's; its strings stay ours. NULL: no memory */
static char **child_environment(void)
{
	size_t n = 0, used = 0;
	char **environment;

	while (environ[n])
		n++;
	environment = calloc(n + 1, sizeof(environment[0]));
	for (size_t i = 0; environment && i < n; i++) {
		if (!is_ours_alone(environ[i]))
			environment[used++] = environ[i];
	}
	return environment;
}

/* posix_spawn(), not fork(): the libvirt thread may hold any lock now. */
static int spawn(const char *program, int listen_fd, uint32_t lease_s, pid_t *pid)
{
	const struct passwd *user = monitor_user();
	cleanup_free char **environment = child_environment();
	char lease[16], uid[16], gid[16];
	char *argv[] = {(char *)"vmpower-monitor",
			(char *)"--lease",
			lease,
			(char *)"--user",
			uid,
			(char *)"--group",
			gid,
			NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	(void)snprintf(lease, sizeof(lease), "%u", lease_s);
	(void)snprintf(uid, sizeof(uid), "%u", user ? user->pw_uid : 0);
	(void)snprintf(gid, sizeof(gid), "%u", user ? user->pw_gid : 0);
	r = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	r = set_child_up(&actions, &attributes, listen_fd);
	if (r == 0)
		r = -posix_spawn(pid, program, &actions, &attributes, argv, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

int monitor_spawn(const char *program, const char *socket, uint32_t lease_s, pid_t *pid)
{
	cleanup_close int fd = unix_listen(socket, SOCK_SEQPACKET, 0600);
	cleanup_close int link = -1;
	int r;

	if (fd < 0)
		return fd;
	/* dup2() of an fd onto itself would leave CLOEXEC set */
	if (fd == LINK_LISTEN_FD) {
		int other = fcntl(fd, F_DUPFD_CLOEXEC, LINK_LISTEN_FD + 1);

		if (other < 0)
			return -errno;
		close_fd(&fd);
		fd = other;
	}
	/* before it runs: one that ends at once is heard as ending, not as nobody there */
	link = unix_connect_asking(socket, SOCK_SEQPACKET);
	r = link < 0 ? link : spawn(program, fd, lease_s, pid);
	return r < 0 ? r : take_fd(&link);
}

const char *monitor_reap(pid_t *pid, const char *otherwise, char text[MONITOR_ENDING_TEXT])
{
	int status = 0;

	if (*pid <= 0)
		return otherwise;
	(void)kill(*pid, SIGKILL);
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
	if (WIFEXITED(status))
		(void)snprintf(text, MONITOR_ENDING_TEXT, "it exited with status %d",
			       WEXITSTATUS(status));
	else
		(void)snprintf(text, MONITOR_ENDING_TEXT, "it was killed by signal %d (%s)",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	return text;
}
