/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/inherited_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"
#include "helper/manager/service/listening.h"
#include "tests/unit/runner.h"

static char dir[64];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/vmpower-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	static const char *const names[] = {"hook.sock", "control.sock"};
	char path[96];

	for (size_t i = 0; i < array_size(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void in_dir(char path[static 96], const char *name)
{
	(void)snprintf(path, 96, "%s/%s", dir, name);
}

static struct inherited_fds inherited_of(const char *const *names, const int *fds, size_t n)
{
	struct inherited_fds inherited = {.n = n};

	inherited.fds = calloc(n, sizeof(inherited.fds[0]));
	inherited.names = calloc(n, sizeof(inherited.names[0]));
	for (size_t i = 0; i < n; i++) {
		inherited.fds[i] = fds[i];
		inherited.names[i] = strdup(names[i]);
	}
	return inherited;
}

static int listen_as(const char *name, int type)
{
	char path[96];
	int fd;

	in_dir(path, name);
	fd = unix_listen(path, type, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In any order: each fd is taken by its name, once. */
FIXTURE(make_dir, remove_dir)

TEST_RANGE(each_goes_where_its_name_says, 0, 2)
{
	static const char *const names[] = {"control", "hook", "s", "c", "hook", "HOOK", ""};
	static const char *const turned[] = {"", "HOOK", "hook", "c", "s", "hook", "control"};
	bool turn = _i == 1;
	int fds[7], hook, control;
	struct inherited_fds inherited;
	struct listening listening = {.runtime_dir = NULL};

	for (int i = 0; i < 7; i++)
		fds[i] = memfd_create("stored", MFD_CLOEXEC);
	hook = turn ? 2 : 1;
	control = turn ? 6 : 0;
	(void)close(fds[hook]);
	(void)close(fds[control]);
	fds[hook] = listen_as("hook.sock", SOCK_SEQPACKET);
	fds[control] = listen_as("control.sock", SOCK_STREAM);
	inherited = inherited_of(turn ? turned : names, fds, 7);

	ck_assert_int_eq(listening_init(&listening, dir, &inherited), 0);
	ck_assert_int_eq(listening_open(&listening, LISTENING_HOOK), fds[hook]);
	ck_assert_int_eq(listening_open(&listening, LISTENING_CONTROL), fds[control]);
	/* nobody wants the others */
	inherited_fds_clear(&inherited);
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(is_open(fds[i]), i == hook || i == control);
	listening_end(&listening);
	(void)close(fds[hook]);
	(void)close(fds[control]);
}

TEST(taken_is_nonblocking_and_its_file_stays)
{
	static const char *const names[] = {"hook"};
	int fd = listen_as("hook.sock", SOCK_SEQPACKET), control;
	struct inherited_fds inherited = inherited_of(names, &fd, 1);
	struct listening listening = {.runtime_dir = NULL};
	char path[96];

	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert_int_eq(listening_init(&listening, dir, &inherited), 0);
	ck_assert_int_eq(listening_open(&listening, LISTENING_HOOK), fd);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	control = listening_open(&listening, LISTENING_CONTROL);
	ck_assert_int_ge(control, 0);
	listening_end(&listening);
	in_dir(path, "hook.sock");
	ck_assert_int_eq(access(path, F_OK), 0);
	in_dir(path, "control.sock");
	ck_assert_int_eq(access(path, F_OK), -1);
	inherited_fds_clear(&inherited);
	(void)close(fd);
	(void)close(control);
}

TEST_RANGE(other_sockets_are_refused_and_closed, 0, 3)
{
	static const char *const names[] = {"control"};
	char path[96];
	int fd = -1;
	struct inherited_fds inherited;
	struct listening listening = {.runtime_dir = NULL};

	switch (_i) {
	case 0:
		fd = listen_as("control.sock", SOCK_SEQPACKET);
		break;
	case 1:
		fd = memfd_create("control", MFD_CLOEXEC);
		break;
	case 2: /* does not listen */
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		break;
	}
	inherited = inherited_of(names, &fd, 1);
	ck_assert_int_eq(listening_init(&listening, dir, &inherited), -EPROTOTYPE);
	ck_assert(!is_open(fd));
	listening_end(&listening);
	inherited_fds_clear(&inherited);
	in_dir(path, "control.sock");
	ck_assert_int_eq(access(path, F_OK) == 0, _i == 0);
}

TEST_RANGE(bad_environment_gives_no_fds, 0, 6)
{
	static const struct {
		const char *pid, *n, *names;
	} cases[] = {
		{NULL, NULL, NULL},   {"1", "1", "hook"},	 {"", "0", ""},
		{"", "many", "hook"}, {"", "1", "hook:control"}, {"", "-1", "hook"},
	};
	struct inherited_fds inherited;
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (cases[_i].pid) {
		(void)setenv("LISTEN_PID", *cases[_i].pid ? cases[_i].pid : pid, 1);
		(void)setenv("LISTEN_FDS", cases[_i].n, 1);
		(void)setenv("LISTEN_FDNAMES", cases[_i].names, 1);
	}
	ck_assert_int_eq(inherited_fds_get(&inherited), 0);
	ck_assert_uint_eq(inherited.n, 0);
	ck_assert_int_eq(inherited_fds_take(&inherited, "hook"), -1);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	inherited_fds_clear(&inherited);
}
