/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/unix_socket.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/monitor/process_private.h"
#include "helper/manager/monitor/refusal_log.h"
#include "helper/manager/monitor/spawn.h"

#define STABLE_NS (10 * NS_PER_S) /* a monitor that lived this long resets the back-off */
/*
 * While none serves, what was written stays: votes that are not heard and baselines that are not
 * given back do no harm for a moment. To give them back and take them again costs each frequency
 * domain more: governors and the state file are written, and it is taken once a second at most.
 */
#define LONG_NS NS_PER_S
#define MESSAGES_PER_TURN 256
#define END_TIMEOUT_MS 2000

/* --- the end of a link ------------------------------------------------------------------- */

static void close_link(struct monitor_process *monitor)
{
	loop_close(monitor->loop, &monitor->link_source);
	loop_timer_cancel(monitor->loop, &monitor->answer);
	link_queue_clear(&monitor->queue);
	greeting_clear(&monitor->greeting);
	monitor->link = LINK_CLOSED;
	monitor_peer_clear(&monitor->peer);
}

/* @attached: until now one has served */
static void connect_later(struct monitor_process *monitor, bool attached)
{
	uint64_t delay_ns = restart_count_backoff(&monitor->restarts);

	if (attached || delay_ns >= LONG_NS)
		monitor->handlers.died(monitor->handlers.context, delay_ns >= LONG_NS);
	loop_timer_set(monitor->loop, &monitor->connect, delay_ns);
}

void monitor_lose(struct monitor_process *monitor, const char *reason)
{
	bool attached = monitor->link == LINK_ATTACHED;
	char text[MONITOR_ENDING_TEXT];

	if (!reason) /* before the connection is closed: its listener is closed with it */
		reason = monitor_reap(&monitor->child, "it has ended", text);
	/* Nobody has spoken: an ending monitor's listener took the connection with it. */
	if (monitor->peer.pid > 0 && monitor->link != LINK_ENDING)
		restart_count_add(&monitor->restarts, monitor->peer.pid, reason);
	else if (monitor->peer.pid == 0 && monitor->restarts.failures > 1)
		restart_count_failed(&monitor->restarts, monitor->parts.program, reason);
	if (attached && monotonic_ns() - monitor->attached_ns > STABLE_NS)
		monitor->restarts.failures = 0;
	close_link(monitor);
	connect_later(monitor, attached);
}

/*
 * It is wrong, or does not answer: the next one continues with our duplicates of the channels. If
 * we may not kill it, its service's watchdog ends it.
 */
static void give_up(struct monitor_process *monitor, const char *reason)
{
	(void)monitor_peer_kill(&monitor->peer);
	monitor_lose(monitor, reason);
}

static void on_no_answer(struct loop_timer *timer)
{
	struct monitor_process *monitor = container_of(timer, struct monitor_process, answer);

	/*
	 * Nobody has accepted the connection. One that listens, and that we can't end, may still
	 * accept it, or end: then the connection ends too. So there is nothing to gain from a
	 * second one.
	 */
	if (monitor->link == LINK_GREETING && monitor->peer.pid == 0 && monitor->child == 0 &&
	    !(monitor_peer_listens(&monitor->peer, monitor->link_source.fd) &&
	      monitor_peer_kill(&monitor->peer))) {
		monitor_peer_clear(&monitor->peer);
		log_error("%s: the monitor does not answer; waiting for another one",
			  monitor->socket_path);
		return;
	}
	if (monitor->peer.pid == 0)
		monitor->peer.pid = monitor->child;
	give_up(monitor, "it hangs");
}

/* --- the greeting ---------------------------------------------------------------------------- */

/* It has said what it holds. Return: 0; -errno */
static int on_hello_end(struct monitor_process *monitor)
{
	struct greeting *greeting = &monitor->greeting;
	int r = 0;

	loop_timer_cancel(monitor->loop, &monitor->answer);
	monitor->link = LINK_GREETED;
	monitor->understood = greeting_is_understood(greeting);
	monitor->outdated = greeting_is_outdated(greeting, monitor->parts.program);
	if (greeting->state_fd >= 0)
		r = shared_area_map(&monitor->area, take_fd(&greeting->state_fd));
	if (r < 0)
		return r;
	monitor->handlers.greeted(monitor->handlers.context, greeting->has_state, greeting->held,
				  greeting->n_held);
	greeting_clear(greeting);
	return 0;
}

/* Return: 0; -EPROTO; -errno. @fds: taken over */
static int on_greeting(struct monitor_process *monitor, const int *fds, unsigned int n_fds)
{
	int r;

	if (monitor->incoming.type == LINK_VIOLATION) {
		violation_log(monitor->peer.pid, monitor->incoming.id);
		return 0;
	}
	r = greeting_receive(&monitor->greeting, &monitor->incoming, fds, n_fds);
	return r > 0 ? on_hello_end(monitor) : r;
}

static void attach(struct monitor_process *monitor)
{
	struct link_message message = {.type = LINK_SETUP};

	message.setup = (struct link_setup){
		.version = LINK_VERSION,
		.settings = monitor->parts.settings,
	};
	monitor->link = LINK_ATTACHED;
	monitor->attached_ns = monotonic_ns();
	monitor->replaced = monitor->outdated;
	monitor->restarts.failure_logged = false;
	monitor_send(monitor, &message, &monitor->area.fd, monitor->greeting.has_state ? 0 : 1);
	monitor->handlers.started(monitor->handlers.context, monitor->restarts.seen > 0);
}

void monitor_attach(struct monitor_process *monitor)
{
	const struct link_message end = {.type = LINK_END};

	ASSERT(monitor->link == LINK_GREETED);
	/* the one that was to be another is the same program: something starts it from elsewhere */
	if (!monitor->outdated || (monitor->replaced && monitor->understood)) {
		attach(monitor);
		return;
	}
	if (!monitor->replaced)
		log_life(NULL, LOG_INFO,
			 "monitor (pid %d): %s is another program: that one takes over channels",
			 (int)monitor->peer.pid, monitor->parts.program);
	else
		restart_count_failed(&monitor->restarts, monitor->parts.program,
				     "what is started instead is of another version");
	monitor->replaced = true;
	monitor->link = LINK_ENDING;
	loop_timer_set(monitor->loop, &monitor->answer, ANSWER_TIMEOUT_NS);
	if (link_send(monitor->link_source.fd, &end, NULL, 0) < 0)
		give_up(monitor, "it can't be ended");
}

/* --- the link --------------------------------------------------------------------------------- */

/* Return: 0; -EPROTO; -ENOMEM. @fds: taken over */
static int on_message(struct monitor_process *monitor, const int *fds, unsigned int n_fds)
{
	if (monitor->link == LINK_GREETING)
		return on_greeting(monitor, fds, n_fds);
	close_fds(fds, n_fds);
	if (monitor->link == LINK_ENDING)
		return 0;
	switch ((enum link_type)monitor->incoming.type) {
	case LINK_VIOLATION:
		violation_log(monitor->peer.pid, monitor->incoming.id);
		return 0;
	case LINK_PONG:
		loop_timer_cancel(monitor->loop, &monitor->answer);
		return 0;
	case LINK_HELLO:
	case LINK_CHANNEL_HELD:
	case LINK_HELLO_END:
		return -EPROTO;
	default:
		monitor->handlers.message(monitor->handlers.context, &monitor->incoming);
		return 0;
	}
}

static void on_link(struct loop_source *source, uint32_t events)
{
	struct monitor_process *monitor = container_of(source, struct monitor_process, link_source);

	if (events & EPOLLOUT)
		monitor_send_queued(monitor);
	if (source->fd >= 0 && monitor->link == LINK_GREETING && monitor->peer.pid == 0 &&
	    monitor_peer_greets(&monitor->peer, source->fd) == -EAGAIN)
		return;
	for (int i = 0; i < MESSAGES_PER_TURN && source->fd >= 0; i++) {
		int fds[UNIX_MAX_FDS];
		unsigned int n_fds = UNIX_MAX_FDS;
		int r = link_receive(source->fd, &monitor->incoming, fds, &n_fds, LINK_TO_MANAGER);

		if (r == -EAGAIN)
			return;
		if (r == 0 || r == -ECONNRESET) {
			monitor_lose(monitor, NULL);
			return;
		}
		if (r > 0)
			r = on_message(monitor, fds, n_fds);
		if (r < 0) {
			give_up(monitor,
				r == -EPROTO ? "it sent an invalid message" : strerror(-r));
			return;
		}
	}
}

/* Return: 0; -errno */
static int connect_link(struct monitor_process *monitor)
{
	cleanup_close int fd = -1;
	char text[MONITOR_ENDING_TEXT];
	int r;

	/* it would keep its listener open for a moment */
	(void)monitor_reap(&monitor->child, NULL, text);
	fd = unix_connect_asking(monitor->socket_path, SOCK_SEQPACKET);
	if (fd == -ECONNREFUSED || fd == -ENOENT)
		fd = monitor_spawn(monitor->parts.program, monitor->socket_path,
				   monitor->parts.lease_s, &monitor->child);
	if (fd < 0)
		return fd;
	r = loop_add(monitor->loop, &monitor->link_source, fd, EPOLLIN);
	if (r < 0)
		return r;
	(void)take_fd(&fd);
	monitor->link = LINK_GREETING;
	loop_timer_set(monitor->loop, &monitor->answer, ANSWER_TIMEOUT_NS);
	return 0;
}

static void on_connect(struct loop_timer *timer)
{
	struct monitor_process *monitor = container_of(timer, struct monitor_process, connect);
	int r = connect_link(monitor);

	if (r == 0)
		return;
	restart_count_failed(&monitor->restarts, monitor->parts.program, strerror(-r));
	connect_later(monitor, false);
}

/* At the start there is no loop yet. */
static void wait_for_greeting(struct monitor_process *monitor)
{
	uint64_t end_ns = monotonic_ns() + ANSWER_TIMEOUT_NS;
	uint64_t now;

	while (monitor->link == LINK_GREETING && (now = monotonic_ns()) < end_ns) {
		struct pollfd link = {.fd = monitor->link_source.fd, .events = POLLIN};

		if (poll(&link, 1, (int)((end_ns - now) / NS_PER_MS) + 1) > 0)
			on_link(&monitor->link_source, EPOLLIN);
	}
}

int monitor_process_new(struct loop *loop, const struct monitor_parts *parts,
			const struct monitor_handlers *handlers, struct monitor_process **out)
{
	struct monitor_process *monitor = calloc(1, sizeof(*monitor));
	int r, fd;

	if (!monitor)
		return -ENOMEM;
	monitor->loop = loop;
	monitor->parts = *parts;
	monitor->handlers = *handlers;
	monitor->area.fd = -1;
	greeting_init(&monitor->greeting);
	monitor_peer_init(&monitor->peer);
	monitor->link_source =
		(struct loop_source){.fd = -1, .on_event = on_link, .name = "monitor's messages"};
	link_queue_init(&monitor->queue);
	monitor->connect.on_expiry = on_connect;
	monitor->connect.name = "monitor's start";
	monitor->answer.on_expiry = on_no_answer;
	monitor->answer.name = "monitor's timeout";
	restart_count_begin(&monitor->restarts, monitor->parts.runtime_dir);
	*out = monitor;
	fd = shared_area_new();
	r = fd < 0 ? fd : shared_area_map(&monitor->area, fd);
	if (r == 0)
		r = path_join(monitor->socket_path, parts->runtime_dir, MONITOR_SOCKET);
	if (r == 0)
		r = connect_link(monitor);
	if (r < 0) {
		monitor_process_free(monitor);
		*out = NULL;
		return r;
	}
	wait_for_greeting(monitor);
	return 0;
}

/* --- the end ---------------------------------------------------------------------- */

/* Read what it still says, to its end. Return: has it ended? */
static bool wait_for_end(struct monitor_process *monitor)
{
	const struct link_message end = {.type = LINK_END};
	uint64_t end_ns = monotonic_ns() + END_TIMEOUT_MS * NS_PER_MS;
	bool told = false;
	uint64_t now;

	while ((now = monotonic_ns()) < end_ns) {
		struct pollfd link = {.fd = monitor->link_source.fd,
				      .events = (short)(POLLIN | (told ? 0 : POLLOUT))};
		unsigned int n_fds = UNIX_MAX_FDS;
		int fds[UNIX_MAX_FDS], r = 1;

		if (poll(&link, 1, (int)((end_ns - now) / NS_PER_MS) + 1) <= 0)
			continue;
		if (!told)
			told = link_send(link.fd, &end, NULL, 0) == 0;
		while (r > 0) {
			r = link_receive(link.fd, &monitor->incoming, fds, &n_fds, LINK_TO_MANAGER);
			close_fds(fds, n_fds);
			/* what it has released it no longer publishes */
			if (r > 0 && monitor->link == LINK_ATTACHED &&
			    monitor->incoming.type == LINK_RELEASE)
				monitor->handlers.message(monitor->handlers.context,
							  &monitor->incoming);
		}
		if (r != -EAGAIN)
			return true;
	}
	return false;
}

void monitor_process_end(struct monitor_process *monitor)
{
	char text[MONITOR_ENDING_TEXT];

	loop_timer_cancel(monitor->loop, &monitor->connect);
	if (monitor->link != LINK_CLOSED && !wait_for_end(monitor)) {
		log_warning("monitor (pid %d) has not ended", (int)monitor->peer.pid);
		(void)monitor_peer_kill(&monitor->peer);
	}
	close_link(monitor);
	(void)monitor_reap(&monitor->child, NULL, text);
}

void monitor_process_free(struct monitor_process *monitor)
{
	if (!monitor)
		return;
	loop_timer_cancel(monitor->loop, &monitor->connect);
	close_link(monitor);
	shared_area_unmap(&monitor->area);
	free(monitor);
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	return monitor->area.state;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain, uint32_t n_vcpus)
{
	ASSERT(domain < MAX_DOMAINS && n_vcpus <= MAX_DOMAIN_VCPUS);
	memset(monitor->area.state->vcpus[domain], 0, n_vcpus * sizeof(struct shared_vcpu));
}

void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel)
{
	ASSERT(channel < MAX_CHANNELS);
	memset(&monitor->area.state->channels[channel], 0,
	       sizeof(monitor->area.state->channels[channel]));
}

pid_t monitor_pid(const struct monitor_process *monitor)
{
	return monitor->link == LINK_ATTACHED ? monitor->peer.pid : 0;
}

uint32_t monitor_restarts(const struct monitor_process *monitor)
{
	return restart_count_total(&monitor->restarts);
}
