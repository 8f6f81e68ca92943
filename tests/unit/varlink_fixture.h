/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A varlink server in a thread, on a socket in a temporary directory, and clients that talk to it
 * with blocking calls. The test case's timeout ends what hangs.
 */
#ifndef VMPOWER_TESTS_UNIT_VARLINK_FIXTURE_H
#define VMPOWER_TESTS_UNIT_VARLINK_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/json/frame.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/loop/loop.h"

struct fixture {
	struct loop *loop;
	struct loop_source stop;
	int stop_fd;
	pthread_t thread;
	char directory[64];
	char path[96];
};

static void fixture_on_stop(struct loop_source *source, uint32_t events)
{
	struct fixture *fixture = container_of(source, struct fixture, stop);

	(void)events;
	loop_remove(fixture->loop, source);
	loop_quit(fixture->loop, 0);
}

static void *fixture_run(void *data)
{
	struct fixture *fixture = data;

	return (void *)(intptr_t)loop_run(fixture->loop);
}

/* Return: the listening socket. */
static int fixture_open(struct fixture *fixture)
{
	int fd;

	log_init("check", LOG_CRIT);
	ck_assert_int_eq(loop_new(&fixture->loop), 0);
	strcpy(fixture->directory, "/tmp/vmpower-varlink-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->directory);
	fd = unix_listen(fixture->path, SOCK_STREAM, 0600);
	ck_assert_int_ge(fd, 0);
	fixture->stop_fd = eventfd(0, EFD_CLOEXEC);
	fixture->stop = (struct loop_source){.fd = -1, .on_event = fixture_on_stop};
	ck_assert_int_eq(loop_add(fixture->loop, &fixture->stop, fixture->stop_fd, EPOLLIN), 0);
	return fd;
}

static void fixture_start(struct fixture *fixture)
{
	ck_assert_int_eq(pthread_create(&fixture->thread, NULL, fixture_run, fixture), 0);
}

/* End the server's thread. Afterwards the test may look at its data. */
static void fixture_stop(struct fixture *fixture)
{
	void *status;

	ck_assert_int_eq(eventfd_write(fixture->stop_fd, 1), 0);
	ck_assert_int_eq(pthread_join(fixture->thread, &status), 0);
	ck_assert_ptr_null(status);
}

static void fixture_close(struct fixture *fixture)
{
	loop_free(fixture->loop);
	close_fd(&fixture->stop_fd);
	(void)unlink(fixture->path);
	(void)rmdir(fixture->directory);
}

struct peer {
	int fd;
	struct varlink_frame frame;
};

static struct peer peer_connect(const struct fixture *fixture)
{
	struct peer peer = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	struct sockaddr_un address;

	ck_assert_int_eq(unix_address(fixture->path, &address), 0);
	ck_assert_int_eq(connect(peer.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	varlink_frame_init(&peer.frame, 32 << 20);
	return peer;
}

static void peer_close(struct peer *peer)
{
	close_fd(&peer->fd);
	varlink_frame_free(&peer->frame);
}

static void peer_send_bytes(const struct peer *peer, const char *data, size_t size)
{
	ck_assert_int_eq(send(peer->fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Send a message with its NUL. */
static void peer_send(const struct peer *peer, const char *text)
{
	peer_send_bytes(peer, text, strlen(text) + 1);
}

/* Return: the next message, which the caller releases; NULL: the server has closed. */
static json_t *peer_receive(struct peer *peer)
{
	const char *message;
	size_t size;
	int r;

	while ((r = varlink_frame_next(&peer->frame, &message, &size)) == 0) {
		char *room;
		ssize_t n;

		ck_assert_int_eq(varlink_frame_reserve(&peer->frame, &room, &size), 0);
		n = recv(peer->fd, room, size, 0);
		if (n <= 0)
			return NULL;
		varlink_frame_commit(&peer->frame, (size_t)n);
	}
	ck_assert_int_eq(r, 1);
	return json_loadb(message, size, 0, NULL);
}

/* Expect a message equal to this JSON; NULL: expect the server to close. */
static void peer_expect(struct peer *peer, const char *expected)
{
	json_t *got = peer_receive(peer), *wanted;
	char *text;

	if (!expected) {
		ck_assert_ptr_null(got);
		return;
	}
	ck_assert_msg(got, "closed instead of %s", expected);
	wanted = json_loads(expected, 0, NULL);
	ck_assert_msg(wanted, "the test's %s is no JSON", expected);
	text = json_dumps(got, JSON_SORT_KEYS);
	ck_assert_msg(json_equal(got, wanted), "got %s instead of %s", text, expected);
	free(text);
	json_decref(got);
	json_decref(wanted);
}

static void peer_call(struct peer *peer, const char *call, const char *expected)
{
	peer_send(peer, call);
	peer_expect(peer, expected);
}

#endif
