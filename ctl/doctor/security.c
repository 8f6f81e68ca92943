/* SPDX-License-Identifier: BSD-3-Clause */
/* Do SELinux and AppArmor let libvirt run the hook? */
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

static bool has_policy_module(const struct doctor *doctor)
{
	cleanup_free char *pattern =
		doctor_path(doctor, "/var/lib/selinux/*/active/modules/*/vmpower");
	glob_t found;
	bool any = pattern && glob(pattern, 0, NULL, &found) == 0;

	if (any)
		globfree(&found);
	return any;
}

void check_selinux(struct doctor *doctor)
{
	cleanup_free char *enforce = doctor_read(doctor, "/sys/fs/selinux/enforce");
	cleanup_free char *context = context_of(doctor, "virtqemud");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);

	if (!enforce) {
		doctor_add(doctor, HEALTH_OK, "SELinux is off");
	} else if (strcmp(enforce, "1") != 0) {
		doctor_add(doctor, HEALTH_OK, "SELinux is permissive");
	} else if (context && strstr(context, ":virtqemud_t:") && hook && access(hook, F_OK) == 0 &&
		   !has_policy_module(doctor)) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "SELinux is enforcing and does not let virtqemud (%s) run hooks: no "
			   "domain can start",
			   context);
		doctor_remedy(doctor,
			      "install vmpower's policy module, or remove " VMPOWER_HOOK_FILE
			      ": libvirt's events are enough");
	} else {
		doctor_add(doctor, HEALTH_OK, "SELinux is enforcing and allows the hook");
	}
}

void check_apparmor(struct doctor *doctor)
{
	cleanup_free char *enabled = doctor_read(doctor, "/sys/module/apparmor/parameters/enabled");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	struct stat st;

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
