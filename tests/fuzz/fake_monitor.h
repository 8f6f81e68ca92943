/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process.c without a monitor: the test holds the other end of the link, which has said that it
 * knows nothing. This includes the source. The includer defines fake_replaced(), called when there
 * is another monitor, and when it has ended.
 */
#ifndef VMPOWER_TESTS_FUZZ_FAKE_MONITOR_H
#define VMPOWER_TESTS_FUZZ_FAKE_MONITOR_H

#include <poll.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/unix_socket.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/manager/monitor/peer.h"
#include "helper/manager/monitor/spawn.h"
#include "tests/fuzz/fuzz.h"

#define FAKE_PID 4242

static int link_end = -1;

static void fake_replaced(void);

static void fake_end(void)
{
	if (link_end >= 0)
		(void)close(link_end);
	link_end = -1;
	fake_replaced();
}

static int fake_connect(void)
{
	struct link_message message = {.type = LINK_HELLO};
	int pair[2];

	fake_end();
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	link_end = pair[1];
	message.hello.version = LINK_VERSION;
	message.hello.state_version = SHARED_STATE_VERSION;
	require(link_send(link_end, &message, NULL, 0) == 0);
	message.type = LINK_HELLO_END;
	require(link_send(link_end, &message, NULL, 0) == 0);
	return pair[0];
}

static int fake_greets(struct monitor_peer *peer)
{
	peer->pid = FAKE_PID;
	return 0;
}

static bool fake_kill(pid_t pid)
{
	require(pid == FAKE_PID);
	fake_end();
	return true;
}

/* Is there anything to read? If not it waits for its end: it ends. */
static int fake_poll(struct pollfd *link)
{
	if (poll(link, 1, 0) > 0)
		return 1;
	fake_end();
	return 1;
}

#define unix_connect_asking(path, type) fake_connect()
#define monitor_peer_greets(peer, fd) fake_greets(peer)
#define monitor_peer_kill(peer) fake_kill((peer)->pid)
#define monitor_spawn(program, path, lease, pid) (-ENOENT)
#define monitor_reap(pid, otherwise, text) ((void)(text), (otherwise))
#define poll(fds, n, timeout) fake_poll(fds)
#include "helper/manager/monitor/process.c"
#undef poll

#endif
