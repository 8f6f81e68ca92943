/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may use vmpowerd's sockets, and what a crash left in its directory. */
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/command_line/text.h"
#include "ctl/doctor/checks.h"

/* The unit runs vmpowerd as this user. */
static bool is_service_user(uid_t uid)
{
	const struct passwd *user = getpwnam("vmpower");

	return user && user->pw_uid == uid;
}

static void check_mode(struct doctor *doctor, const char *name, mode_t allowed)
{
	cleanup_free char *path = text_make("%s/%s", doctor->ctl->runtime_dir, name);
	struct stat st;
	mode_t mode;

	if (!path || stat(path, &st) < 0)
		return; /* nothing listens: check_daemon() says so */
	mode = st.st_mode & 07777;
	if ((mode & ~allowed) != 0) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "%s has mode %04o: more than %04o lets others in", path, mode, allowed);
	} else if (st.st_uid != 0 && st.st_uid != geteuid() && !is_service_user(st.st_uid)) {
		doctor_add(doctor, HEALTH_PROBLEM,
			   "%s belongs to user id %u, neither root nor vmpower", path, st.st_uid);
	} else {
		doctor_add(doctor, HEALTH_OK, "%s: mode %04o", path, mode);
		return;
	}
	doctor_remedy(doctor, "systemctl stop vmpowerd, then systemctl start vmpowerd");
}

/* Only root, and for control.sock the group, may use them. */
void check_sockets(struct doctor *doctor)
{
	check_mode(doctor, "", 0755);
	check_mode(doctor, "hook.sock", 0600);
	check_mode(doctor, "control.sock", 0660);
}

void check_baseline(struct doctor *doctor)
{
	cleanup_free char *bad = text_make("%s/baseline.bad", doctor->ctl->runtime_dir);

	if (!bad || access(bad, F_OK) < 0)
		return;
	doctor_add(doctor, HEALTH_WARNING, "%s: values from before a crash could not be restored",
		   bad);
	doctor_remedy(doctor,
		      "check governors and limits (\"vmpowerctl cpu\"), then remove the file");
}
