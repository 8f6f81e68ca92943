/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/channel_manager.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/log/journal.h"

#define FIRST_RETRY_NS (10 * NS_PER_MS)
#define LAST_RETRY_NS (5000 * NS_PER_MS)
#define GIVE_UP_AFTER 10    /* attempts after QEMU hung up, some 10 s */
#define WARN_AFTER 8	    /* attempts, some 2.5 s: sockets may be slow to appear */
#define FDS_FOR_OTHERS 1024 /* hooks, control clients, libvirt, and the processes' own */
#define FDS_PER_FREQUENCY_DOMAIN 2
#define ATTEMPTS_PER_TURN 1024 /* a few ms: hooks must not wait for thousands of channels */

struct channel_manager {
	struct loop *loop;
	struct registry *registry;
	void (*connected)(void *context, struct channel *channel);
	void *context;
	struct loop_timer retry;
	uid_t trusted[CONFIG_PEER_USERS];
	unsigned int n_trusted;
	unsigned int max_connected;
	bool full_logged;
	char trusted_names[256]; /* for log lines */
};

/* Ignores unknown users: the default lists those of several distributions. */
void channel_manager_configure(struct channel_manager *manager, const struct config *config)
{
	size_t used = 0;

	manager->n_trusted = 0;
	manager->trusted_names[0] = '\0';
	for (unsigned int i = 0; i < CONFIG_PEER_USERS && config->peer_users[i][0]; i++) {
		const struct passwd *user = getpwnam(config->peer_users[i]);
		int n;

		if (!user)
			continue;
		manager->trusted[manager->n_trusted++] = user->pw_uid;
		n = snprintf(manager->trusted_names + used, sizeof(manager->trusted_names) - used,
			     "%s%s", used > 0 ? ", " : "", config->peer_users[i]);
		if (n > 0 && used + (size_t)n < sizeof(manager->trusted_names))
			used += (size_t)n;
	}
	if (manager->n_trusted == 0)
		log_warning("none of the users in [channel] peer-user exists on this host: no "
			    "channel will be trusted");
}

static bool is_trusted(const struct channel_manager *manager, uid_t uid)
{
	for (unsigned int i = 0; i < manager->n_trusted; i++) {
		if (manager->trusted[i] == uid)
			return true;
	}
	return false;
}

/* Return: fd; -EPERM: the listening process is not trusted; -errno. */
static int connect_channel(const struct channel_manager *manager, const struct channel *channel)
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
	if (!is_trusted(manager, peer.uid)) {
		if (channel->attempts == 0)
			log_about(&(struct log_about){.message = MESSAGE_CHANNEL_UNTRUSTED,
						      ABOUT_CHANNEL(channel)},
				  LOG_ERR,
				  "domain \"%s\", channel %u: the process that listens at %s has "
				  "user id %u, which is none of %s: not connected. If QEMU runs as "
				  "this user, add it to [channel] peer-user",
				  channel->domain->description->name, channel->number,
				  channel->path, (unsigned int)peer.uid, manager->trusted_names);
		return -EPERM;
	}
	return take_fd(&fd);
}

int channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int fd)
{
	cleanup_close int taken = fd;
	struct ucred peer;
	int r = unix_peer(fd, &peer);

	ASSERT(channel->state == CHANNEL_CONNECTING && channel->fd < 0);
	if (r == 0 && !is_trusted(manager, peer.uid))
		r = -EPERM;
	if (r == 0 && unix_has_hung_up(fd))
		r = -ECONNRESET;
	if (r < 0) {
		/* systemd has a copy, which would keep QEMU's only connection open. */
		(void)shutdown(fd, SHUT_RDWR);
		return r;
	}
	channel->fd = take_fd(&taken);
	channel->cookie = unix_cookie(channel->fd);
	channel->state = CHANNEL_CONNECTED;
	return 0;
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

static bool is_full(struct channel_manager *manager, unsigned int n_connected)
{
	if (n_connected < manager->max_connected)
		return false;
	if (!manager->full_logged)
		log_error("%u channels are connected, as many as the limit of open files allows; "
			  "the others wait. Raise LimitNOFILE= of vmpowerd.service",
			  n_connected);
	manager->full_logged = true;
	return true;
}

static void attempt(struct channel_manager *manager, struct channel *channel, bool full,
		    uint64_t now)
{
	int fd = full ? -EMFILE : connect_channel(manager, channel);

	if (fd >= 0) {
		channel->fd = fd;
		channel->cookie = unix_cookie(fd);
		channel->state = CHANNEL_CONNECTED;
		channel->last_error = 0;
		channel->attempts = 0;
		channel->hung_up = false;
		manager->connected(manager->context, channel);
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
		const char *reason = strerror(-fd);

		log_about(&(struct log_about){.message = MESSAGE_CHANNEL_UNREACHABLE,
					      ABOUT_CHANNEL(channel),
					      .reason = reason},
			  LOG_WARNING,
			  "domain \"%s\", channel %u: can't connect to %s: %s; still trying",
			  channel->domain->description->name, channel->number, channel->path,
			  reason);
	}
}

static unsigned int count_connected(struct registry *registry)
{
	unsigned int n = 0;

	registry_for_each (d, registry)
		n += domain_count_connected(d);
	return n;
}

void channel_manager_kick(struct channel_manager *manager)
{
	unsigned int n_connected = count_connected(manager->registry);
	uint64_t now = monotonic_ns(), next = 0;
	unsigned int attempts = 0;

	registry_for_each (d, manager->registry) {
		for (uint32_t i = 0; i < d->n_channels; i++) {
			struct channel *channel = &d->channels[i];

			if (channel->state != CHANNEL_CONNECTING)
				continue;
			if (channel->next_attempt_ns <= now && attempts++ < ATTEMPTS_PER_TURN)
				attempt(manager, channel, is_full(manager, n_connected), now);
			n_connected += channel->state == CHANNEL_CONNECTED;
			/* Over this turn's limit: continue in the next turn, without a delay. */
			if (attempts > ATTEMPTS_PER_TURN)
				next = now;
			else if (channel->state == CHANNEL_CONNECTING &&
				 (next == 0 || channel->next_attempt_ns < next))
				next = channel->next_attempt_ns;
		}
	}
	if (next > 0)
		loop_timer_set(manager->loop, &manager->retry, next > now ? next - now : 0);
}

void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel)
{
	channel->attempts = 0;
	channel->next_attempt_ns = monotonic_ns() + FIRST_RETRY_NS;
	/* Don't scan all channels here: thousands hang up one by one when a host is emptied. */
	if (manager->retry.due_ns == 0 || manager->retry.due_ns > channel->next_attempt_ns)
		loop_timer_set(manager->loop, &manager->retry, FIRST_RETRY_NS);
}

static void on_retry(struct loop_timer *timer)
{
	channel_manager_kick(container_of(timer, struct channel_manager, retry));
}

int channel_manager_new(struct loop *loop, struct registry *registry, const struct config *config,
			unsigned int n_frequency_domains,
			void (*connected)(void *context, struct channel *channel), void *context,
			struct channel_manager **out)
{
	struct channel_manager *manager = calloc(1, sizeof(*manager));

	if (!manager)
		return -ENOMEM;
	manager->loop = loop;
	manager->registry = registry;
	manager->connected = connected;
	manager->context = context;
	manager->retry.on_expiry = on_retry;
	manager->max_connected = fds_for_channels(n_frequency_domains);
	channel_manager_configure(manager, config);
	*out = manager;
	return 0;
}

void channel_manager_free(struct channel_manager *manager)
{
	if (!manager)
		return;
	loop_timer_cancel(manager->loop, &manager->retry);
	free(manager);
}
