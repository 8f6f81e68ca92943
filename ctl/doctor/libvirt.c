/* SPDX-License-Identifier: BSD-3-Clause */
/* Which libvirt runs, is the hook installed, and does libvirt know of it? */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/doctor/checks.h"

#define HOOKS "/etc/libvirt/hooks"
#define SLACK_S 2 /* /proc/stat has the boot time in whole seconds */

static const struct {
	const char *comm, *socket;
} daemons[] = {
	{"virtqemud", "/run/libvirt/virtqemud-sock"},
	{"libvirtd", "/run/libvirt/libvirt-sock"},
};

/* Unix time of a process's start; 0: unknown */
static int64_t started(const struct doctor *doctor, pid_t pid)
{
	cleanup_free char *line = doctor_read(doctor, "/proc/%d/stat", (int)pid);
	cleanup_free char *path = doctor_path(doctor, "/proc/stat");
	cleanup_fclose FILE *file = path ? fopen(path, "re") : NULL;
	unsigned long long ticks = 0;
	long long boot = 0;
	const char *behind = line ? strrchr(line, ')') : NULL;
	char text[256];

	/* the 22nd field, the 20th after the name */
	if (!file || !behind ||
	    sscanf(behind + 1,
		   " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%llu",
		   &ticks) != 1)
		return 0;
	while (fgets(text, sizeof(text), file)) {
		if (sscanf(text, "btime %lld", &boot) == 1)
			return boot + (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
	}
	return 0;
}

/* Unix time of its last "systemctl reload"; 0: none, or unknown */
static int64_t reloaded(const char *comm)
{
	cleanup_free char *output = NULL;
	const char *argv[] = {"systemctl", "show", "--timestamp=unix", "--property=ExecReload",
			      comm,	   NULL};
	const char *found = NULL;

	if (doctor_run(argv, &output) == 0 && output)
		found = strstr(output, "start_time=[@");
	return found ? strtoll(found + strlen("start_time=[@"), NULL, 10) : 0;
}

static bool is_hook(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 0111) != 0;
}

/*
 * libvirt looks for hooks when it starts and reloads. If it finds one for QEMU, it also runs those
 * that are added later, so the oldest counts. Return: Unix time; -1: this user may not look
 */
static int64_t oldest_hook(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, HOOKS "/qemu.d");
	cleanup_free char *single = doctor_path(doctor, HOOKS "/qemu");
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int64_t oldest = INT64_MAX;
	struct stat st;

	if (path && doctor_hides(doctor, path, R_OK))
		return -1;
	if (single && stat(single, &st) == 0 && is_hook(&st))
		oldest = st.st_ctime;
	while (directory && (entry = readdir(directory))) {
		if (fstatat(dirfd(directory), entry->d_name, &st, 0) == 0 && is_hook(&st) &&
		    st.st_ctime < oldest)
			oldest = st.st_ctime;
	}
	return oldest;
}

void check_hook(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	struct stat st;

	if (path && doctor_hides(doctor, path, F_OK))
		return;
	if (!path || lstat(path, &st) < 0) {
		doctor_add(doctor, HEALTH_WARNING,
			   "%s: %s. vmpowerd learns of domains from libvirt's events only",
			   path ? path : "", strerror(errno));
		doctor_remedy(doctor,
			      "install it (\"make install\", or the package), then reload libvirt");
	} else if (stat(path, &st) < 0) {
		doctor_add(doctor, HEALTH_PROBLEM, "%s is a dangling symbolic link", path);
		doctor_remedy(doctor, "install it again");
	} else if (!is_hook(&st)) {
		doctor_add(doctor, HEALTH_PROBLEM, "%s is not executable", path);
		doctor_remedy(doctor, "chmod 755 %s", path);
	} else if ((st.st_mode & 022) != 0 || (st.st_uid != 0 && st.st_uid != geteuid())) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "users other than root can change %s, which libvirt runs as root", path);
		doctor_remedy(doctor, "chown root %s; chmod 755 %s", path, path);
	} else {
		doctor_add(doctor, HEALTH_OK, "%s is installed and executable", path);
	}
}

/* Does its socket exist? Then the daemon runs, or a connection starts it. */
static bool is_reachable(const struct doctor *doctor, size_t i)
{
	cleanup_free char *socket = doctor_path(doctor, "%s", daemons[i].socket);

	return socket && access(socket, F_OK) == 0;
}

void check_libvirt(struct doctor *doctor)
{
	cleanup_free char *first = doctor_path(doctor, "%s", daemons[0].socket);
	bool reachable = false;

	if (first && doctor_hides(doctor, first, F_OK))
		return;
	for (size_t i = 0; i < array_size(daemons); i++) {
		const char *comm = daemons[i].comm, *socket = daemons[i].socket;
		pid_t pid = doctor_process(doctor, comm);

		if (!is_reachable(doctor, i))
			continue;
		reachable = true;
		if (pid > 0)
			doctor_add(doctor, HEALTH_OK, "%s runs (pid %d) at %s%s", comm, (int)pid,
				   doctor->root, socket);
		else
			doctor_add(doctor, HEALTH_OK, "%s starts when somebody connects to %s%s",
				   comm, doctor->root, socket);
	}
	if (reachable)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "libvirt can't be reached: neither %s nor %s exists",
		   daemons[0].socket, daemons[1].socket);
	doctor_remedy(doctor, "systemctl start libvirtd, or virtqemud.socket where there is one");
}

static void check_hook_seen_by(struct doctor *doctor, const char *comm, pid_t pid)
{
	int64_t since = started(doctor, pid), reload = reloaded(comm);
	int64_t oldest = oldest_hook(doctor);

	if (since == 0 || oldest < 0)
		return;
	if (reload > since)
		since = reload;
	if (oldest <= since + SLACK_S) {
		doctor_add(doctor, HEALTH_OK, "%s (pid %d) knows of hooks", comm, (int)pid);
		return;
	}
	doctor_add(doctor, HEALTH_PROBLEM,
		   "%s (pid %d) does not know of the hook, which is newer than its start or last "
		   "reload",
		   comm, (int)pid);
	doctor_remedy(doctor, "systemctl reload %s", comm);
}

void check_hook_seen(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	struct stat st;

	if (!path || stat(path, &st) < 0 || !is_hook(&st))
		return; /* check_hook() says so */
	for (size_t i = 0; i < array_size(daemons); i++) {
		pid_t pid = doctor_process(doctor, daemons[i].comm);

		if (pid > 0 && is_reachable(doctor, i))
			check_hook_seen_by(doctor, daemons[i].comm, pid);
	}
}
