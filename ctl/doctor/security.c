/* SPDX-License-Identifier: BSD-3-Clause */
/* Do SELinux and AppArmor let libvirt run the hook? */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/doctor/checks.h"

static char *context_of(const struct doctor *doctor, const char *comm)
{
	pid_t pid = doctor_process(doctor, comm);

	return pid > 0 ? doctor_read(doctor, "/proc/%d/attr/current", (int)pid) : NULL;
}

static int on_glob_error(const char *path, int error)
{
	(void)path;
	return error == EACCES;
}

/* Return: 1: yes; 0: no; -1: this user may not look, a note says so */
static int has_policy_module(struct doctor *doctor)
{
	cleanup_free char *pattern =
		doctor_path(doctor, "/var/lib/selinux/*/active/modules/*/vmpower");
	glob_t found = {0};
	int r = pattern ? glob(pattern, 0, on_glob_error, &found) : GLOB_NOSPACE;

	globfree(&found);
	if (r == GLOB_ABORTED) {
		doctor_add(doctor, HEALTH_NOTE,
			   "SELinux is enforcing, and whether vmpower's policy module is installed "
			   "can't be seen: %s",
			   strerror(EACCES));
		doctor_remedy(doctor, "use sudo");
		return -1;
	}
	return r == 0;
}

/* virtqemud's own domain may run no hook without our policy module. */
static void check_enforcing(struct doctor *doctor)
{
	cleanup_free char *context = context_of(doctor, "virtqemud");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	int module = 1;

	if (hook && doctor_hides(doctor, hook, F_OK))
		return;
	if (context && strstr(context, ":virtqemud_t:") && hook && access(hook, F_OK) == 0)
		module = has_policy_module(doctor);
	if (module == 1) {
		doctor_add(doctor, HEALTH_OK, "SELinux is enforcing and allows the hook");
	} else if (module == 0) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "SELinux is enforcing and does not let virtqemud (%s) run hooks: no "
			   "domain can start",
			   context);
		doctor_remedy(doctor,
			      "install vmpower's policy module, or remove " VMPOWER_HOOK_FILE
			      ": libvirt's events are enough");
	}
}

void check_selinux(struct doctor *doctor)
{
	cleanup_free char *enforce = doctor_read(doctor, "/sys/fs/selinux/enforce");

	if (!enforce)
		doctor_add(doctor, HEALTH_OK, "SELinux is off");
	else if (strcmp(enforce, "1") != 0)
		doctor_add(doctor, HEALTH_OK, "SELinux is permissive");
	else
		check_enforcing(doctor);
}

void check_apparmor(struct doctor *doctor)
{
	cleanup_free char *enabled = doctor_read(doctor, "/sys/module/apparmor/parameters/enabled");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	struct stat st;

	if (enabled && strcmp(enabled, "Y") == 0 && hook && doctor_hides(doctor, hook, F_OK))
		return;
	if (!enabled || strcmp(enabled, "Y") != 0) {
		doctor_add(doctor, HEALTH_OK, "AppArmor is off");
	} else if (hook && lstat(hook, &st) == 0 && S_ISLNK(st.st_mode)) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "AppArmor is on and does not let libvirt run a symbolic link, as %s is",
			   hook);
		doctor_remedy(doctor, "put the program itself there: cp --remove-destination");
	} else {
		doctor_add(doctor, HEALTH_OK, "AppArmor is on and allows the hook");
	}
}
