/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static char dir[64];
static char path[96];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/vmpower-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
}

static void remove_dir(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

FIXTURE(make_dir, remove_dir)

TEST(address_bounds)
{
	struct sockaddr_un address;
	char long_path[200];

	memset(long_path, 'x', sizeof(long_path));
	long_path[107] = '\0';
	ck_assert_int_eq(unix_address(long_path, &address), 0);
	ck_assert_str_eq(address.sun_path, long_path);
	long_path[107] = 'x';
	long_path[108] = '\0';
	ck_assert_int_eq(unix_address(long_path, &address), -ENAMETOOLONG);
	ck_assert_int_eq(unix_address("", &address), -ENAMETOOLONG);
}

TEST(listen_replaces_stale_but_not_live)
{
	struct stat st;
	int first, second, client;

	first = unix_listen(path, SOCK_SEQPACKET, 0600);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(unix_listen(path, SOCK_SEQPACKET, 0600), -EADDRINUSE);
	client = unix_connect(path, SOCK_SEQPACKET);
	ck_assert_int_ge(client, 0);
	(void)close(client);
	(void)close(first);
	ck_assert_int_eq(unix_connect(path, SOCK_SEQPACKET), -ECONNREFUSED);
	second = unix_listen(path, SOCK_SEQPACKET, 0660);
	ck_assert_int_ge(second, 0);
	(void)close(second);
}

TEST(listen_leaves_other_files_alone)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_eq(unix_listen(path, SOCK_STREAM, 0600), -EADDRINUSE);
	ck_assert_int_eq(access(path, F_OK), 0);
}

TEST(messages_carry_fds)
{
	int pair[2], pipe_fds[2], got[2] = {-1, -1};
	unsigned int n = 2;
	char text[8] = "";
	struct ucred peer;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(unix_send(pair[0], "hello", 6, pipe_fds, 2, 0), 0);
	ck_assert_int_eq(unix_receive(pair[1], text, sizeof(text), got, &n, 0), 6);
	ck_assert_str_eq(text, "hello");
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(got[1], "x", 1), 1);
	ck_assert_int_eq(read(pipe_fds[0], text, 1), 1);
	ck_assert_int_eq(unix_peer(pair[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	for (int i = 0; i < 2; i++) {
		(void)close(got[i]);
		(void)close(pipe_fds[i]);
		(void)close(pair[i]);
	}
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(message_too_large_is_dropped_whole)
{
	static const struct {
		size_t size;
		unsigned int n_fds, room;
	} cases[] = {{9, 0, 2}, {9, 2, 2}, {4, 2, 1}, {4, 4, 0}};
	int pair[2], fds[4] = {0, 0, 0, 0}, before;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = count_fds();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got[4];
		unsigned int n = cases[i].room;
		char buffer[8];

		ck_assert_int_eq(
			unix_send(pair[0], "12345678", cases[i].size, fds, cases[i].n_fds, 0), 0);
		ck_assert_int_eq(unix_receive(pair[1], buffer, sizeof(buffer), got, &n, 0),
				 -EMSGSIZE);
		ck_assert_uint_eq(n, 0);
		ck_assert_int_eq(count_fds(), before);
	}
	ck_assert_int_eq(unix_send(pair[0], "x", 1, fds, UNIX_MAX_FDS + 1, 0), -EINVAL);
	(void)close(pair[0]);
	(void)close(pair[1]);
}
