/* SPDX-License-Identifier: BSD-3-Clause */
/* Is vmpowerd's configuration valid, does it run, and does it have all it needs? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command_line/text.h"
#include "ctl/common/print.h"
#include "ctl/doctor/checks.h"

/* vmpowerd beside this program if built there, else the installed one; owned by the caller */
static char *find_daemon(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		cleanup_free char *path = text_make("%.*s/vmpowerd", (int)(slash - self), self);

		if (path && access(path, X_OK) == 0)
			return take_ptr(path);
	}
	return strdup(VMPOWER_SBIN_DIR "/vmpowerd");
}

void check_config(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, "%s", VMPOWER_CONFIG_FILE);
	cleanup_free char *daemon = find_daemon(), *output = NULL;
	const char *argv[] = {daemon, "--check-config", path, NULL};
	int r;

	if (!path || !daemon)
		return;
	if (doctor_hides(doctor, path, R_OK))
		return;
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		doctor_add(doctor, HEALTH_OK, "%s does not exist: all keys have their defaults",
			   path);
		return;
	}
	r = doctor_run(argv, &output);
	if (r == 0) {
		doctor_add(doctor, HEALTH_OK, "%s is valid", path);
	} else if (r < 0) {
		doctor_add(doctor, HEALTH_WARNING, "can't check %s: can't run %s", path, daemon);
		doctor_remedy(doctor, "install all of vmpower");
	} else {
		doctor_add(doctor, HEALTH_PROBLEM, "%.*s", output ? (int)strcspn(output, "\n") : 0,
			   output ? output : "");
		doctor_remedy(doctor, "correct it: vmpowerd neither starts nor reloads with it");
	}
}

static void ask_cpus(struct doctor *doctor)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;

	if (ctl_ask(doctor->ctl, "ListCpus", json_object(), &reply, &problem) == CTL_OK)
		doctor->cpus = json_incref(json_object_get(reply, "cpus"));
}

void check_daemon(struct doctor *doctor)
{
	cleanup_free char *path = text_make("%s/control.sock", doctor->ctl->runtime_dir);
	cleanup_free char *problem = NULL;
	json_t *status;

	if (ctl_ask(doctor->ctl, "GetStatus", json_object(), &doctor->status, &problem) != CTL_OK) {
		bool denied = path && access(path, R_OK | W_OK) < 0 && errno == EACCES;

		doctor_add(doctor, denied ? HEALTH_NOTE : HEALTH_PROBLEM, "%s",
			   problem ? problem : "out of memory");
		if (denied)
			doctor_remedy(doctor, "use sudo");
		return;
	}
	ask_cpus(doctor);
	status = doctor->status;
	doctor_add(doctor, HEALTH_OK,
		   "vmpowerd %s runs: %lld domains, %lld of %lld channels connected",
		   ctl_text(status, "version"), ctl_number(status, "domains"),
		   ctl_number(status, "connected"), ctl_number(status, "channels"));
	if (strcmp(ctl_text(status, "version"), VMPOWER_VERSION) != 0) {
		doctor_add(doctor, HEALTH_WARNING, "vmpowerd is version %s, vmpowerctl %s",
			   ctl_text(status, "version"), VMPOWER_VERSION);
		doctor_remedy(doctor, "systemctl restart vmpowerd");
	}
}

void check_monitor(struct doctor *doctor)
{
	long long restarts = ctl_number(doctor->status, "monitor_restarts");

	if (!doctor->status)
		return;
	if (!ctl_has(doctor->status, "monitor_pid")) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "vmpower-monitor does not run: guests are not heard");
		doctor_remedy(doctor, "see \"journalctl -u vmpowerd\"; vmpowerd keeps trying");
	} else if (restarts > 0) {
		doctor_add(doctor, HEALTH_WARNING, "vmpower-monitor ended unexpectedly %lld times",
			   restarts);
		doctor_remedy(doctor, "see \"journalctl -u vmpowerd\"; please report it");
	}
}

void check_connection(struct doctor *doctor)
{
	const char *uri = ctl_text(doctor->status, "libvirt_uri");

	if (!doctor->status || ctl_flag(doctor->status, "libvirt_connected") ||
	    strcmp(uri, "none") == 0)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "vmpowerd is not connected to libvirt at %s", uri);
	doctor_remedy(doctor, "check that libvirt runs, and [libvirt] uri in " VMPOWER_CONFIG_FILE);
}

void check_foreign(struct doctor *doctor)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;
	size_t n;

	if (!doctor->status ||
	    ctl_ask(doctor->ctl, "Verify", json_object(), &reply, &problem) != CTL_OK)
		return;
	n = json_array_size(json_object_get(reply, "findings"));
	if (n == 0)
		return;
	doctor_add(doctor, HEALTH_WARNING, "%zu cpufreq files have values that someone else wrote",
		   n);
	doctor_remedy(doctor, "\"vmpowerctl verify\" lists them; find out who writes them, or set "
			      "[cpufreq] foreign = reassert");
}
