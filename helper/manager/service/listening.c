/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"
#include "common/unix_socket.h"

static const struct {
	const char *name; /* FileDescriptorName= */
	const char *file;
	const char *unit, *option;
	int type;
	mode_t mode;
} sockets[N_LISTENING] = {
	[LISTENING_HOOK] = {INHERITED_HOOK, "hook.sock", "vmpowerd-hook.socket",
			    "ListenSequentialPacket=", SOCK_SEQPACKET, 0600},
	[LISTENING_CONTROL] = {INHERITED_CONTROL, "control.sock", "vmpowerd.socket",
			       "ListenStream=", SOCK_STREAM, 0660},
};

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Return: 0, also if systemd passes none; -errno, logged */
static int take_over(struct listening *listening, enum listening_socket which,
		     struct inherited_fds *inherited)
{
	cleanup_close int fd = inherited_fds_take(inherited, sockets[which].name);
	int r;

	if (fd < 0)
		return 0;
	r = sd_is_socket_unix(fd, sockets[which].type, 1, NULL, 0);
	if (r == 0) {
		log_error("systemd passes an fd \"%s\" that is not a listening socket of %s; "
			  "correct %s (\"systemctl cat %s\" shows it), or mask it: then vmpowerd "
			  "creates the socket",
			  sockets[which].name, sockets[which].option, sockets[which].unit,
			  sockets[which].unit);
		return -EPROTOTYPE;
	}
	if (r > 0)
		r = set_nonblocking(fd);
	if (r < 0) {
		log_error("%s can't be taken over: %s", sockets[which].unit, strerror(-r));
		return r;
	}
	listening->inherited[which] = take_fd(&fd);
	return 0;
}

int listening_init(struct listening *listening, const char *runtime_dir,
		   struct inherited_fds *inherited)
{
	int r = 0;

	listening->runtime_dir = runtime_dir;
	for (int which = 0; which < N_LISTENING; which++)
		listening->inherited[which] = -1;
	for (int which = 0; which < N_LISTENING && r == 0; which++)
		r = take_over(listening, which, inherited);
	return r;
}

/* Members of CONTROL_GROUP may connect; if that fails, only root may. */
static void give_to_group(const char *path)
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	struct stat st;

	if (!group)
		return;
	/* The unit runs us in that group, and forbids chown(). */
	if (stat(path, &st) == 0 && st.st_gid == group->gr_gid)
		return;
	if (chown(path, (uid_t)-1, group->gr_gid) < 0)
		log_warning("can't give %s to group %s: %s; its members can't connect", path,
			    CONTROL_GROUP, strerror(errno));
}

static int create(struct listening *listening, enum listening_socket which)
{
	char path[PATH_MAX];
	int r = path_join(path, listening->runtime_dir, sockets[which].file);

	if (r == 0)
		r = unix_listen(path, sockets[which].type, sockets[which].mode);
	if (r == -EADDRINUSE)
		log_error("%s is in use: another vmpowerd serves %s; stop it first, or choose "
			  "another --runtime-dir",
			  path, listening->runtime_dir);
	else if (r < 0)
		log_error("can't listen at %s/%s: %s", listening->runtime_dir, sockets[which].file,
			  strerror(-r));
	if (r < 0)
		return r;
	listening->ours[which] = true;
	if (which == LISTENING_CONTROL)
		give_to_group(path);
	return r;
}

int listening_open(struct listening *listening, enum listening_socket which)
{
	if (listening->inherited[which] >= 0)
		return take_fd(&listening->inherited[which]);
	return create(listening, which);
}

void listening_end(struct listening *listening)
{
	char path[PATH_MAX];

	if (!listening->runtime_dir)
		return;
	for (int which = N_LISTENING - 1; which >= 0; which--) {
		if (listening->ours[which] &&
		    path_join(path, listening->runtime_dir, sockets[which].file) == 0)
			(void)unlink(path);
		listening->ours[which] = false;
		close_fd(&listening->inherited[which]);
	}
}
