/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/channel_manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/domains/peer_users.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/service/hidden_path.h"

#define FIRST_RETRY_NS (10 * NS_PER_MS)
#define LAST_RETRY_NS (5000 * NS_PER_MS)
#define GIVE_UP_AFTER 10    /* attempts after QEMU hung up, some 5 s */
#define WARN_AFTER 8	    /* attempts, some 2.5 s: sockets may be slow to appear */
#define FDS_FOR_OTHERS 1024 /* hooks, control clients, libvirt, and the processes' own */
#define FDS_PER_FREQUENCY_DOMAIN 2
#define ATTEMPTS_PER_TURN 256 /* a few ms: hooks must not wait for thousands of channels */

struct channel_manager {
	struct loop *loop;
	struct registry *registry;
	struct channel_handlers handlers;
	struct loop_timer retry;
	struct peer_users *users;	       /* who may be QEMU */
	uint64_t connecting[MAX_DOMAINS / 64]; /* bits: ids of domains to look at */
	uint64_t turn;			       /* of the loop, that the next two are about */
	unsigned int attempts;
	bool counted;
	unsigned int n_connected; /* at most so many are: some have hung up since */
	unsigned int max_connected;
	bool full_logged;
};

void channel_manager_configure(struct channel_manager *manager, const struct config *config)
{
	peer_users_configure(manager->users, config);
}

/*
 * A guest that never reads its replies leaves some two dozen unread. Twice what the monitor sends
 * at once: the kernel would split what is larger than half of this.
 */
static void bound_unread_replies(int fd)
{
	int size = 16 * 1024; /* which the kernel doubles */

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Return: fd; -EPERM: the listening process is not trusted; -EAGAIN: not known yet; -errno. */
static int connect_channel(const struct channel_manager *manager, struct channel *channel)
{
	cleanup_close int fd = -1;
	struct ucred peer;
	int r;

	fd = unix_connect(channel->path, SOCK_STREAM);
	if (fd < 0)
		return fd;
	r = unix_peer(fd, &peer);
	if (r < 0)
		return r;
	if (!peer_users_trusted(manager->users, peer.uid)) {
		if (peer_users_pending(manager->users))
			return -EAGAIN;
		if (channel->last_error != -EPERM)
			log_about(&(struct log_about){.message = MESSAGE_CHANNEL_UNTRUSTED,
						      ABOUT_CHANNEL(channel)},
				  LOG_ERR,
				  "domain \"%s\", channel %u: the process that listens at %s has "
				  "user id %u, which is none of %s: not connected. If QEMU runs as "
				  "this user, add it to [channel] peer-user",
				  channel->domain->description->name, channel->number,
				  channel->path, (unsigned int)peer.uid,
				  peer_users_names(manager->users));
		return -EPERM;
	}
	channel->peer_uid = peer.uid;
	channel->peer_pid = (uint32_t)peer.pid;
	bound_unread_replies(fd);
	return take_fd(&fd);
}

/* Is it the socket that the channel had? Return: NULL: yes; else what differs */
static const char *find_difference(const struct channel_manager *manager,
				   const struct channel *channel, int fd)
{
	char path[UNIX_PATH_SIZE];
	struct ucred peer;

	if (channel->cookie == 0 || unix_cookie(fd) != channel->cookie)
		return "is another one";
	if (unix_peer_path(fd, path) < 0 || strcmp(path, channel->path) != 0)
		return "leads to another path";
	if (unix_peer(fd, &peer) < 0 || peer.uid != channel->peer_uid ||
	    (uint32_t)peer.pid != channel->peer_pid)
		return "leads to another process";
	/* While names are looked up it stays: the predecessor has trusted it. */
	return peer_users_trusted(manager->users, peer.uid) || peer_users_pending(manager->users)
		       ? NULL
		       : "leads to another user";
}

bool channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int *fd)
{
	const char *difference;

	if (channel->state != CHANNEL_CONNECTED && channel->state != CHANNEL_CONNECTING)
		return false;
	difference = find_difference(manager, channel, *fd);
	if (difference) {
		log_about(&(struct log_about){ABOUT_CHANNEL(channel), .reason = difference},
			  LOG_WARNING,
			  "domain \"%s\", channel %u: the socket that the monitor has for it %s: "
			  "dropped, connecting anew",
			  channel->domain->description->name, channel->number, difference);
		channel->last_error = -ESTALE;
		return false;
	}
	if (unix_has_hung_up(*fd))
		return false;
	channel->held = true;
	channel->doubted = !peer_users_trusted(manager->users, channel->peer_uid);
	if (channel->state == CHANNEL_CONNECTING) {
		channel->fd = take_fd(fd);
		channel->state = CHANNEL_CONNECTED;
		manager->n_connected++;
	}
	return true;
}

/* Users are known now. A channel that was connected with trust stays, as at a reload. */
static void on_users_known(void *context)
{
	struct channel_manager *manager = context;

	registry_for_each (d, manager->registry) {
		for (uint32_t i = 0; i < d->n_channels; i++) {
			struct channel *channel = &d->channels[i];
			bool doubted = channel->doubted && channel->state == CHANNEL_CONNECTED;

			channel->doubted = false;
			if (!doubted || peer_users_trusted(manager->users, channel->peer_uid))
				continue;
			manager->handlers.distrusted(manager->handlers.context, channel);
			channel->state = CHANNEL_CONNECTING;
			channel_manager_kick_later(manager, channel);
		}
	}
}

static uint64_t retry_delay_ns(uint32_t attempts)
{
	uint64_t delay = FIRST_RETRY_NS;

	while (attempts-- > 0 && delay < LAST_RETRY_NS)
		delay *= 2;
	return delay < LAST_RETRY_NS ? delay : LAST_RETRY_NS;
}

/*
 * The monitor needs an fd for each channel too, under the same limit, and both processes need some
 * for other purposes. Leave enough of them, or half of a low limit.
 */
static unsigned int fds_for_channels(unsigned int n_frequency_domains)
{
	rlim_t others = FDS_FOR_OTHERS + (rlim_t)n_frequency_domains * FDS_PER_FREQUENCY_DOMAIN;
	struct rlimit limit;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return MAX_CHANNELS;
	n = limit.rlim_cur / 2 > others ? limit.rlim_cur - others : limit.rlim_cur / 2;
	return n < MAX_CHANNELS ? (unsigned int)n : MAX_CHANNELS;
}

static unsigned int count_connected(struct registry *registry)
{
	unsigned int n = 0;

	registry_for_each (d, registry)
		n += domain_count_connected(d);
	return n;
}

static bool is_full(struct channel_manager *manager)
{
	if (manager->n_connected < manager->max_connected)
		return false;
	if (!manager->counted)
		manager->n_connected = count_connected(manager->registry);
	manager->counted = true;
	if (manager->n_connected < manager->max_connected)
		return false;
	if (!manager->full_logged)
		log_error("%u channels are connected, as many as the limit of open files allows; "
			  "the others wait. Raise LimitNOFILE= of vmpowerd.service",
			  manager->n_connected);
	manager->full_logged = true;
	return true;
}

static void attempt(struct channel_manager *manager, struct channel *channel, uint64_t now)
{
	int fd = is_full(manager) ? -EMFILE : connect_channel(manager, channel);

	if (fd >= 0) {
		channel->fd = fd;
		channel->cookie = unix_cookie(fd);
		channel->state = CHANNEL_CONNECTED;
		channel->last_error = 0;
		channel->hidden_by = NULL;
		channel->attempts = 0;
		channel->hung_up = channel->held = channel->doubted = false;
		manager->n_connected++;
		manager->handlers.connected(manager->handlers.context, channel);
		return;
	}
	channel->last_error = fd;
	channel->next_attempt_ns = now + retry_delay_ns(channel->attempts);
	channel->attempts++;
	if (channel->hung_up && channel->attempts == GIVE_UP_AFTER &&
	    (fd == -ENOENT || fd == -ECONNREFUSED)) {
		channel->state = CHANNEL_DISCONNECTED;
		return;
	}
	if (!channel->hung_up && channel->attempts == WARN_AFTER && fd != -EPERM) {
		char reason[256];

		if (fd == -ENOENT || fd == -EACCES)
			channel->hidden_by =
				hidden_path_setting(channel->path, "/proc/self/mountinfo");
		channel_error_text(channel, reason, sizeof(reason));
		log_about(&(struct log_about){.message = MESSAGE_CHANNEL_UNREACHABLE,
					      ABOUT_CHANNEL(channel),
					      .reason = reason},
			  LOG_WARNING,
			  "domain \"%s\", channel %u: can't connect to %s: %s; still trying",
			  channel->domain->description->name, channel->number, channel->path,
			  reason);
	}
}

static bool may_attempt(struct channel_manager *manager)
{
	uint64_t turn = loop_turn(manager->loop);

	if (turn != manager->turn) {
		manager->attempts = 0;
		manager->counted = false;
	}
	manager->turn = turn;
	return manager->attempts++ < ATTEMPTS_PER_TURN;
}

/* Return: when the domain is to be looked at again; 0: never */
static uint64_t connect_domain(struct channel_manager *manager, struct domain *domain, uint64_t now)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (channel->state != CHANNEL_CONNECTING)
			continue;
		if (channel->next_attempt_ns <= now) {
			if (!may_attempt(manager))
				return now; /* in the next turn */
			attempt(manager, channel, now);
		}
		if (channel->state == CHANNEL_CONNECTING &&
		    (next == 0 || channel->next_attempt_ns < next))
			next = channel->next_attempt_ns;
	}
	return next;
}

static void retry_at(struct channel_manager *manager, uint64_t due_ns, uint64_t now)
{
	if (manager->retry.due_ns == 0 || manager->retry.due_ns > due_ns)
		loop_timer_set(manager->loop, &manager->retry, due_ns > now ? due_ns - now : 0);
}

/* Only what is marked is looked at: a start must not cost more where others run. */
static void mark(struct channel_manager *manager, uint32_t id)
{
	manager->connecting[id / 64] |= UINT64_C(1) << id % 64;
}

static void connect_marked(struct channel_manager *manager, uint32_t id, uint64_t now)
{
	struct domain *domain = registry_get(manager->registry, id);
	uint64_t next = domain ? connect_domain(manager, domain, now) : 0;

	if (next > 0)
		retry_at(manager, next, now);
	else
		manager->connecting[id / 64] &= ~(UINT64_C(1) << id % 64);
}

static void connect_all_marked(struct channel_manager *manager)
{
	uint64_t now = monotonic_ns();

	for (uint32_t word = 0; word < MAX_DOMAINS / 64; word++) {
		uint64_t left = manager->connecting[word];

		for (; left != 0; left &= left - 1)
			connect_marked(manager, word * 64 + (uint32_t)__builtin_ctzll(left), now);
	}
}

void channel_manager_kick(struct channel_manager *manager, struct domain *domain)
{
	mark(manager, domain->id);
	connect_marked(manager, domain->id, monotonic_ns());
}

void channel_manager_kick_all(struct channel_manager *manager)
{
	registry_for_each (d, manager->registry)
		mark(manager, d->id);
	connect_all_marked(manager);
}

void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel)
{
	uint64_t now = monotonic_ns();

	channel->attempts = 0;
	channel->next_attempt_ns = now + FIRST_RETRY_NS;
	mark(manager, channel->domain->id);
	retry_at(manager, channel->next_attempt_ns, now);
}

static void on_retry(struct loop_timer *timer)
{
	connect_all_marked(container_of(timer, struct channel_manager, retry));
}

int channel_manager_new(struct loop *loop, struct registry *registry, const struct config *config,
			unsigned int n_frequency_domains, const struct channel_handlers *handlers,
			struct channel_manager **out)
{
	struct channel_manager *manager = calloc(1, sizeof(*manager));
	int r;

	if (!manager)
		return -ENOMEM;
	r = peer_users_new(loop, config, &manager->users);
	if (r < 0) {
		free(manager);
		return r;
	}
	manager->loop = loop;
	manager->registry = registry;
	manager->handlers = *handlers;
	peer_users_on_answer(manager->users, on_users_known, manager);
	manager->retry = (struct loop_timer){.on_expiry = on_retry, .name = "connecting channels"};
	manager->max_connected = fds_for_channels(n_frequency_domains);
	*out = manager;
	return 0;
}

void channel_manager_free(struct channel_manager *manager)
{
	if (!manager)
		return;
	loop_timer_cancel(manager->loop, &manager->retry);
	peer_users_free(manager->users);
	free(manager);
}
