/* SPDX-License-Identifier: BSD-3-Clause */
/* Queued messages arrive in order, with their fds or not at all. */
#include "helper/manager/monitor/link_queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"
#include "tests/unit/runner.h"

#define MANY 4000u /* messages, far more than the link holds */

static struct link_queue queue;
static int ours, theirs;

static void set_up(void)
{
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ours = pair[0];
	theirs = pair[1];
	link_queue_init(&queue);
}

static void tear_down(void)
{
	link_queue_clear(&queue);
	close_fd(&ours);
	close_fd(&theirs);
}

static unsigned int count_fds(void)
{
	cleanup_closedir DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	return n;
}

static void add_channel(uint32_t id, int fd)
{
	const struct link_message message = {.type = LINK_CHANNEL_ADD, .channel.id = id};

	ck_assert_int_eq(link_queue_add(&queue, &message, &fd, 1), 0);
}

static void add_enable(uint32_t id)
{
	const struct link_message message = {.type = LINK_CHANNEL_ENABLE, .channel.id = id};

	ck_assert_int_eq(link_queue_add(&queue, &message, NULL, 0), 0);
}

/* Expect a message of this type about this channel. Return: its fd; -1: none */
static int expect(enum link_type type, uint32_t id)
{
	static struct link_message message;
	int fds[UNIX_MAX_FDS] = {-1};
	unsigned int n_fds;

	ck_assert_int_eq(link_receive(theirs, &message, fds, &n_fds, LINK_TO_MONITOR), 1);
	ck_assert_uint_eq(message.type, type);
	ck_assert_uint_eq(message.channel.id, id);
	ck_assert_uint_le(n_fds, 1);
	return fds[0];
}

static void expect_socket(uint32_t id, uint64_t cookie)
{
	int fd = expect(LINK_CHANNEL_ADD, id);

	ck_assert_uint_eq(unix_cookie(fd), cookie);
	close_fd(&fd);
}

static void expect_nothing(void)
{
	char byte;

	ck_assert_int_eq(recv(theirs, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

FIXTURE(set_up, tear_down)

TEST(order_is_kept_whatever_there_is_room_for)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MANY; i++)
		add_enable(i);
	while (!link_queue_is_empty(&queue)) {
		size_t before = queue.bytes;

		ck_assert_int_eq(link_queue_send(&queue, ours), 0);
		ck_assert_uint_lt(queue.bytes, before);
		(void)expect(LINK_CHANNEL_ENABLE, n++);
		if (n == 1)
			ck_assert(!link_queue_is_empty(&queue)); /* the link was full */
	}
	while (n < MANY)
		(void)expect(LINK_CHANNEL_ENABLE, n++);
	expect_nothing();
	ck_assert_uint_eq(queue.bytes, 0);
	add_enable(7); /* an emptied queue is as good as a new one */
	ck_assert_int_eq(link_queue_send(&queue, ours), 0);
	(void)expect(LINK_CHANNEL_ENABLE, 7);
}

TEST(waiting_sockets_take_no_fds)
{
	int fd = new_socket();
	uint64_t cookie = unix_cookie(fd);
	unsigned int before = count_fds();

	for (uint32_t i = 0; i < 100; i++)
		add_channel(i, fd);
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(link_queue_send(&queue, ours), 0);
	for (uint32_t i = 0; i < 100; i++)
		expect_socket(i, cookie);
	link_queue_clear(&queue);
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_uint_eq(unix_cookie(fd), cookie);
	close_fd(&fd);
}

/* The worst case: one guest's requests must never count as another's. */
TEST(closed_socket_is_not_sent_nor_its_successor)
{
	int fd = new_socket(), number = fd, gone;

	add_channel(1, fd);
	add_enable(2);
	close_fd(&fd);
	fd = new_socket();
	ck_assert_int_eq(fd, number);
	add_channel(3, fd);
	gone = new_socket();
	add_channel(4, gone);
	close_fd(&gone);
	ck_assert_int_eq(link_queue_send(&queue, ours), 0);
	ck_assert(link_queue_is_empty(&queue));
	(void)expect(LINK_CHANNEL_ENABLE, 2);
	expect_socket(3, unix_cookie(fd));
	expect_nothing();
	close_fd(&fd);
}

TEST(files_are_kept_until_they_are_sent)
{
	const struct link_message message = {
		.type = LINK_ACQUIRED,
		.acquired = {.frequency_domain = 5, .reason = ACQUIRED_ANSWER},
	};
	unsigned int before = count_fds();
	int file = memfd_create("file", MFD_CLOEXEC);
	int fds[UNIX_MAX_FDS] = {-1};
	static struct link_message got;
	unsigned int n_fds;

	ck_assert_int_eq(ftruncate(file, 1234), 0);
	ck_assert_int_eq(link_queue_add(&queue, &message, &file, 1), 0);
	ck_assert_int_eq(link_queue_add(&queue, &message, &file, 1), 0);
	close_fd(&file);
	ck_assert_int_eq(link_queue_send(&queue, ours), 0);
	ck_assert_int_eq(link_receive(theirs, &got, fds, &n_fds, LINK_TO_MONITOR), 1);
	ck_assert_uint_eq(n_fds, 1);
	ck_assert_int_eq(lseek(fds[0], 0, SEEK_END), 1234);
	close_fd(&fds[0]);
	ck_assert_int_eq(link_receive(theirs, &got, fds, &n_fds, LINK_TO_MONITOR), 1);
	close_fd(&fds[0]);
	ck_assert_uint_eq(count_fds(), before);
	/* a message that is never sent does not leave them open */
	file = memfd_create("file", MFD_CLOEXEC);
	ck_assert_int_eq(link_queue_add(&queue, &message, &file, 1), 0);
	close_fd(&file);
	link_queue_clear(&queue);
	ck_assert_uint_eq(count_fds(), before);
}

TEST(closed_fd_is_refused)
{
	static struct link_message message = {.type = LINK_ACQUIRED};
	const int closed = 900;

	ck_assert_int_eq(link_queue_add(&queue, &message, &closed, 1), -EBADF);
	ck_assert(link_queue_is_empty(&queue));
}

TEST(closed_link_is_reported)
{
	add_enable(1);
	close_fd(&theirs);
	ck_assert_int_eq(link_queue_send(&queue, ours), -EPIPE);
}
