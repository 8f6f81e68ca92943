/* SPDX-License-Identifier: BSD-3-Clause */
/* Which libvirt runs, is our hook there, and does the daemon that runs know of it? */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "look.h"
#include "print.h"

#define HOOKS "/etc/libvirt/hooks"
#define SLACK_S 2 /* /proc/stat tells the time of boot in whole seconds */

static const struct {
	const char *comm, *socket;
} daemons[] = {
	{"virtqemud", "/run/libvirt/virtqemud-sock"},
	{"libvirtd", "/run/libvirt/libvirt-sock"},
};

/* Unix time at which a process was started; 0: not known */
static int64_t started(const struct doctor *doctor, pid_t pid)
{
	cleanup_free char *line = doctor_read(doctor, "/proc/%d/stat", (int)pid);
	cleanup_free char *path = doctor_path(doctor, "/proc/stat");
	cleanup_fclose FILE *file = path ? fopen(path, "re") : NULL;
	unsigned long long ticks = 0;
	long long boot = 0;
	const char *behind = line ? strrchr(line, ')') : NULL;
	char text[256];

	/* the 22nd field, the 20th behind the name */
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

/* Unix time of its last "systemctl reload"; 0: none, or not known */
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
 * libvirt looks for hooks when it is started and reloaded. Where it finds any for QEMU it finds
 * later ones by itself: the oldest counts.
 */
static int64_t oldest_hook(const struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, HOOKS "/qemu.d");
	cleanup_free char *single = doctor_path(doctor, HOOKS "/qemu");
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int64_t oldest = INT64_MAX;
	struct stat st;

	if (single && stat(single, &st) == 0 && is_hook(&st))
		oldest = st.st_ctime;
	while (directory && (entry = readdir(directory))) {
		if (fstatat(dirfd(directory), entry->d_name, &st, 0) == 0 && is_hook(&st) &&
		    st.st_ctime < oldest)
			oldest = st.st_ctime;
	}
	return oldest;
}

static void look_whether_seen(struct doctor *doctor, const char *comm, pid_t pid)
{
	int64_t since = started(doctor, pid), reload = reloaded(comm);
	cleanup_free char *remedy = doctor_text("systemctl reload %s", comm);

	if (since == 0)
		return;
	if (reload > since)
		since = reload;
	if (oldest_hook(doctor) > since + SLACK_S)
		doctor_add(
			doctor, "hook", HEALTH_PROBLEM, remedy,
			"%s (pid %d) does not know of the hook, which is newer than its start or "
			"last reload",
			comm, (int)pid);
	else
		doctor_add(doctor, "hook", HEALTH_OK, NULL, "%s (pid %d) knows of hooks", comm,
			   (int)pid);
}

/* Return: is it there, and can it be run? */
static bool look_at_hook(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	cleanup_free char *remedy = NULL;
	struct stat st, target;

	if (!path || lstat(path, &st) < 0) {
		doctor_add(doctor, "hook", HEALTH_WARNING,
			   "install it (\"make install\", or the package), then reload libvirt",
			   "%s: %s. Domains are heard of from libvirt's events alone",
			   path ? path : "", strerror(errno));
		return false;
	}
	if (S_ISLNK(st.st_mode) && stat(path, &target) < 0) {
		doctor_add(doctor, "hook", HEALTH_PROBLEM, "install it again",
			   "%s is a link to nothing", path);
		return false;
	}
	if (!S_ISLNK(st.st_mode))
		target = st;
	if (!is_hook(&target)) {
		remedy = doctor_text("chmod 755 %s", path);
		doctor_add(doctor, "hook", HEALTH_PROBLEM, remedy, "%s is not executable", path);
		return false;
	}
	if ((target.st_mode & 022) != 0 || (target.st_uid != 0 && target.st_uid != geteuid())) {
		remedy = doctor_text("chown root %s; chmod 755 %s", path, path);
		doctor_add(doctor, "hook", HEALTH_PROBLEM, remedy,
			   "%s can be changed by others than root, and libvirt runs it as root",
			   path);
		return true;
	}
	doctor_add(doctor, "hook", HEALTH_OK, NULL, "%s is installed and executable", path);
	return true;
}

void doctor_libvirt(struct doctor *doctor)
{
	bool installed, reachable = false;

	installed = look_at_hook(doctor);
	for (size_t i = 0; i < array_size(daemons); i++) {
		cleanup_free char *socket = doctor_path(doctor, "%s", daemons[i].socket);
		pid_t pid = doctor_process(doctor, daemons[i].comm);
		struct stat st;

		if (!socket || stat(socket, &st) < 0)
			continue;
		reachable = true;
		if (pid > 0)
			doctor_add(doctor, "libvirt", HEALTH_OK, NULL, "%s runs (pid %d) at %s",
				   daemons[i].comm, (int)pid, socket);
		else
			doctor_add(doctor, "libvirt", HEALTH_OK, NULL,
				   "%s is started when somebody connects to %s", daemons[i].comm,
				   socket);
		if (pid > 0 && installed)
			look_whether_seen(doctor, daemons[i].comm, pid);
	}
	if (!reachable)
		doctor_add(doctor, "libvirt", HEALTH_PROBLEM,
			   "systemctl start libvirtd, or virtqemud.socket where there is that",
			   "no libvirt is in reach: neither %s nor %s is there", daemons[0].socket,
			   daemons[1].socket);
}
