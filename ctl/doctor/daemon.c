/* SPDX-License-Identifier: BSD-3-Clause */
/* Is vmpowerd configured as it can be, does it run and answer, and who may talk to it? */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"
#include "print.h"

/* Beside our own program where it was built, else where it is installed. */
static char *find_daemon(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path, *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash && asprintf(&path, "%.*s/vmpowerd", (int)(slash - self), self) >= 0) {
			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
	}
	return strdup(VMPOWER_SBIN_DIR "/vmpowerd");
}

void doctor_config(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, "%s", VMPOWER_CONFIG_FILE);
	cleanup_free char *daemon = find_daemon(), *output = NULL;
	const char *argv[] = {daemon, "--check-config", path, NULL};
	int r;

	if (!path || !daemon)
		return;
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		doctor_add(doctor, "config", HEALTH_OK, NULL,
			   "%s: none, all keys have their defaults", path);
		return;
	}
	r = doctor_run(argv, &output);
	if (r == 0)
		doctor_add(doctor, "config", HEALTH_OK, NULL, "%s is valid", path);
	else if (r < 0)
		doctor_add(doctor, "config", HEALTH_WARNING, "install vmpower whole",
			   "%s can't be checked: %s can't be run", path, daemon);
	else
		doctor_add(doctor, "config", HEALTH_PROBLEM,
			   "correct it: vmpowerd does not start, or reload, with that", "%.*s",
			   output ? (int)strcspn(output, "\n") : 0, output ? output : "");
}

static void look_at_status(struct doctor *doctor)
{
	json_t *status = doctor->status;
	json_int_t restarts = ctl_number(status, "monitor_restarts");

	doctor_add(doctor, "daemon", HEALTH_OK, NULL,
		   "vmpowerd %s runs: %" JSON_INTEGER_FORMAT " domains, %" JSON_INTEGER_FORMAT
		   " of %" JSON_INTEGER_FORMAT " channels connected",
		   ctl_text(status, "version"), ctl_number(status, "domains"),
		   ctl_number(status, "connected"), ctl_number(status, "channels"));
	if (strcmp(ctl_text(status, "version"), VMPOWER_VERSION) != 0)
		doctor_add(doctor, "daemon", HEALTH_WARNING, "systemctl restart vmpowerd",
			   "vmpowerd is version %s, vmpowerctl %s", ctl_text(status, "version"),
			   VMPOWER_VERSION);
	if (!json_is_integer(json_object_get(status, "monitor_pid")))
		doctor_add(doctor, "monitor", HEALTH_PROBLEM,
			   "\"journalctl -u vmpowerd\" says why; it is tried again all the time",
			   "vmpower-monitor does not run: no guest is heard");
	else if (restarts > 0)
		doctor_add(doctor, "monitor", HEALTH_WARNING,
			   "\"journalctl -u vmpowerd\" says why, please report it",
			   "vmpower-monitor has ended unexpectedly, %" JSON_INTEGER_FORMAT " times",
			   restarts);
	if (!json_is_true(json_object_get(status, "libvirt_connected")) &&
	    strcmp(ctl_text(status, "libvirt_uri"), "none") != 0)
		doctor_add(doctor, "libvirt", HEALTH_PROBLEM,
			   "see that libvirt runs, and [libvirt] uri in " VMPOWER_CONFIG_FILE,
			   "vmpowerd is not connected to libvirt at %s",
			   ctl_text(status, "libvirt_uri"));
}

static void look_at_files(struct doctor *doctor)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;
	size_t n;

	if (ctl_ask(doctor->ctl, "Verify", json_object(), &reply, &problem) != CTL_OK)
		return;
	n = json_array_size(json_object_get(reply, "findings"));
	if (n > 0)
		doctor_add(doctor, "foreign", HEALTH_WARNING,
			   "\"vmpowerctl verify\" lists them; find out who, or set [cpufreq] "
			   "foreign = reassert",
			   "%zu cpufreq files hold what someone else wrote", n);
}

void doctor_daemon(struct doctor *doctor)
{
	cleanup_free char *problem = NULL;

	if (ctl_ask(doctor->ctl, "GetStatus", json_object(), &doctor->status, &problem) != CTL_OK) {
		doctor_add(doctor, "daemon", HEALTH_PROBLEM, NULL, "%s",
			   problem ? problem : "out of memory");
		return;
	}
	look_at_status(doctor);
	look_at_files(doctor);
}

/* The unit has vmpowerd run as this one. */
static bool is_service_user(uid_t uid)
{
	const struct passwd *user = getpwnam("vmpower");

	return user && user->pw_uid == uid;
}

/* Nobody but root, and for control.sock the group, may have a say. */
static void look_at_mode(struct doctor *doctor, const char *name, mode_t allowed)
{
	static const char remedy[] = "systemctl stop vmpowerd, then start, sets it right";
	cleanup_free char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", doctor->ctl->runtime_dir, name) < 0) {
		path = NULL;
		return;
	}
	if (stat(path, &st) < 0)
		return; /* nothing is served: "daemon" says so */
	if ((st.st_mode & 07777 & ~allowed) != 0)
		doctor_add(doctor, "sockets", HEALTH_PROBLEM, remedy,
			   "%s has mode %04o: more than %04o lets others in", path,
			   st.st_mode & 07777, allowed);
	else if (st.st_uid != 0 && st.st_uid != geteuid() && !is_service_user(st.st_uid))
		doctor_add(doctor, "sockets", HEALTH_PROBLEM, remedy,
			   "%s belongs to user id %u, neither to root nor to vmpower", path,
			   st.st_uid);
	else
		doctor_add(doctor, "sockets", HEALTH_OK, NULL, "%s: mode %04o", path,
			   st.st_mode & 07777);
}

void doctor_sockets(struct doctor *doctor)
{
	cleanup_free char *bad = NULL;

	look_at_mode(doctor, "", 0755);
	look_at_mode(doctor, "hook.sock", 0600);
	look_at_mode(doctor, "control.sock", 0660);
	if (asprintf(&bad, "%s/baseline.bad", doctor->ctl->runtime_dir) < 0)
		bad = NULL;
	if (bad && access(bad, F_OK) == 0)
		doctor_add(
			doctor, "baseline", HEALTH_WARNING,
			"look at governors and limits (\"vmpowerctl cpu\"), then remove the file",
			"%s: values from before a crash could not be put back", bad);
}
