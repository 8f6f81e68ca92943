/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/channel_manager.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/service/hidden_path.h"
#include "tests/unit/runner.h"

#define MANY 20 /* domains with all possible channels: more than one turn attempts */
#define ALL_CHANNELS (MANY * MAX_DOMAIN_CHANNELS)

/* The error of each connection; 0: as the kernel says */
static int connect_errno;

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	if (connect_errno == 0)
		return (int)syscall(SYS_connect, fd, address, size);
	errno = connect_errno;
	return -1;
}

static pthread_mutex_t name_service = PTHREAD_MUTEX_INITIALIZER;

/* It knows one name, and can be held. */
int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
	       struct passwd **found)
{
	(void)buffer;
	(void)size;
	entry->pw_uid = getuid();
	*found = strcmp(name, "me") == 0 ? entry : NULL;
	(void)pthread_mutex_lock(&name_service);
	(void)pthread_mutex_unlock(&name_service);
	return 0;
}

static const char *setting; /* that hides every path */

const char *hidden_path_setting(const char *path, const char *mountinfo)
{
	(void)path;
	ck_assert_str_eq(mountinfo, "/proc/self/mountinfo");
	return setting;
}

static char warning[300], reason[200]; /* of the last line about an unreachable channel */

static void on_log(void *context, const struct log_about *about, int priority, const char *text)
{
	(void)context;
	if (!about || about->message != MESSAGE_CHANNEL_UNREACHABLE)
		return;
	ck_assert_int_eq(priority, LOG_WARNING);
	ck_assert_str_eq(about->domain, "vm1");
	(void)snprintf(warning, sizeof(warning), "%s", text);
	(void)snprintf(reason, sizeof(reason), "%s", about->reason);
}

static struct loop *loop;
static struct registry *registry;
static struct channel_manager *manager;

static void never_connected(void *context, struct channel *channel)
{
	(void)context;
	ck_abort_msg("channel %u connected to a path that is not there", channel->number);
}

static unsigned int n_distrusted;

static void on_distrusted(void *context, struct channel *channel)
{
	(void)context;
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTED);
	channel_hang_up(channel);
	n_distrusted++;
}

static const struct channel_handlers handlers = {
	.connected = never_connected,
	.distrusted = on_distrusted,
};

static void setup(void)
{
	struct config config;

	config_defaults(&config);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(channel_manager_new(loop, registry, &config, 0, &handlers, &manager), 0);
}

static void teardown(void)
{
	channel_manager_free(manager);
	registry_free(registry);
	loop_free(loop);
}

static struct domain *add_domain(unsigned int n, uint32_t n_channels)
{
	struct domain_description *d = calloc(1, sizeof(*d));
	struct domain *domain;

	ck_assert_ptr_nonnull(d);
	(void)snprintf(d->name, sizeof(d->name), "vm%u", n);
	(void)snprintf(d->uuid, sizeof(d->uuid), "00000000-0000-0000-0000-%012x", n);
	d->n_channels = n_channels;
	for (uint32_t i = 0; i < n_channels; i++) {
		d->channels[i].number = i;
		(void)snprintf(d->channels[i].path, sizeof(d->channels[i].path), "/nowhere/%u.%u",
			       n, i);
	}
	ck_assert_int_eq(registry_add(registry, d, &domain), 0);
	return domain;
}

/* Return: how many channels were attempted. */
static unsigned int attempted(void)
{
	unsigned int n = 0;

	registry_for_each (d, registry) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			n += d->channels[i].attempts > 0;
	}
	return n;
}

/* Count the attempts every millisecond, until there are all. */
static void on_look(struct loop_timer *timer)
{
	if (attempted() == registry_count(registry) * MAX_DOMAIN_CHANNELS)
		loop_quit(loop, 0);
	else
		loop_timer_set(loop, timer, 1000000);
}

FIXTURE(setup, teardown)

TEST(a_turn_is_bounded_and_the_rest_follows)
{
	struct loop_timer look = {.on_expiry = on_look};
	unsigned int first;

	for (unsigned int n = 0; n < MANY; n++)
		(void)add_domain(n, MAX_DOMAIN_CHANNELS);
	channel_manager_kick_all(manager);
	first = attempted();
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_lt(first, ALL_CHANNELS);
	loop_timer_set(loop, &look, 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(attempted(), ALL_CHANNELS);
}

/* The start of one of many costs what it has itself. */
TEST(a_kick_attempts_one_domain)
{
	struct domain *other = add_domain(1, 2), *one = add_domain(2, 2);

	channel_manager_kick(manager, one);
	ck_assert_uint_eq(one->channels[1].attempts, 1);
	ck_assert_uint_eq(other->channels[0].attempts, 0);
	channel_manager_kick_all(manager);
	ck_assert_uint_eq(one->channels[1].attempts, 1); /* not due yet */
	ck_assert_uint_eq(other->channels[0].attempts, 1);
}

#define HIDDEN(by) by " in vmpowerd's unit hides it, see vmpower-domain(5)"

static const struct {
	int error;
	const char *setting, *reason;
} unreachable[] = {
	{EACCES, "ProtectHome=", "Permission denied: " HIDDEN("ProtectHome=")},
	{EACCES, "PrivateTmp=", "Permission denied: " HIDDEN("PrivateTmp=")},
	{EACCES, NULL, "Permission denied: SELinux, AppArmor or a file's mode forbids it"},
	{ENOENT, "PrivateTmp=", "No such file or directory: " HIDDEN("PrivateTmp=")},
	{ENOENT, NULL, "No such file or directory"},
	/* it was seen */
	{ECONNREFUSED, "PrivateTmp=", "Connection refused"},
};

/* The log names the cause, and so does whoever asks. */
TEST_EACH(an_unreachable_channel, unreachable)
{
	struct channel *channel = &add_domain(1, 1)->channels[0];
	char shown[200], wanted[300];

	connect_errno = unreachable[_i].error;
	setting = unreachable[_i].setting;
	log_set_tap(on_log, NULL);
	while (!*warning) {
		ck_assert_uint_lt(channel->attempts, 100);
		channel->next_attempt_ns = 0;
		channel_manager_kick_all(manager);
	}
	log_set_tap(NULL, NULL);
	ck_assert_str_eq(reason, unreachable[_i].reason);
	channel_error_text(channel, shown, sizeof(shown));
	ck_assert_str_eq(shown, unreachable[_i].reason);
	(void)snprintf(wanted, sizeof(wanted),
		       "domain \"vm1\", channel 0: can't connect to /nowhere/1.0: %s; still trying",
		       unreachable[_i].reason);
	ck_assert_str_eq(warning, wanted);
}

/* The same, until as many as one domain has were attempted. */
static void on_look_at_one(struct loop_timer *timer)
{
	if (attempted() >= MAX_DOMAIN_CHANNELS)
		loop_quit(loop, 0);
	else
		loop_timer_set(loop, timer, 1000000);
}

TEST(a_hangup_is_no_reason_to_look_at_all_channels)
{
	struct loop_timer look = {.on_expiry = on_look_at_one};
	struct domain *waits = add_domain(1, MAX_DOMAIN_CHANNELS);
	struct domain *hung_up = add_domain(2, MAX_DOMAIN_CHANNELS);

	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
		channel_manager_kick_later(manager, &hung_up->channels[i]);
	ck_assert_uint_eq(attempted(), 0);
	loop_timer_set(loop, &look, 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_gt(hung_up->channels[MAX_DOMAIN_CHANNELS - 1].attempts, 0);
	ck_assert_uint_eq(waits->channels[0].attempts, 0);
}

/* A manager whose lookup of users has begun, and a channel that the monitor has. */
static struct channel *adopt_new(const struct config *config, int *qemu)
{
	struct channel *channel;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	channel_manager_free(manager);
	ck_assert_int_eq(channel_manager_new(loop, registry, config, 0, &handlers, &manager), 0);
	channel = &add_domain(1, 1)->channels[0];
	channel->path[0] = '\0'; /* of a socket pair */
	channel->cookie = unix_cookie(pair[1]);
	channel->peer_uid = getuid();
	channel->peer_pid = (uint32_t)getpid();
	if (!channel_manager_adopt(manager, channel, &pair[1])) {
		close_fd(&pair[1]);
		channel = NULL;
	}
	*qemu = pair[0];
	return channel;
}

static void on_moment(struct loop_timer *timer)
{
	(void)timer;
	loop_quit(loop, 0);
}

/* Until the lookup has ended, however long that takes. */
static void run_while_doubted(const struct channel *channel)
{
	struct loop_timer look = {.on_expiry = on_moment};

	ck_assert(channel->doubted);
	while (channel->doubted) {
		loop_timer_set(loop, &look, 1000000);
		ck_assert_int_eq(loop_run(loop), 0);
	}
}

/* No guest loses its channel because a restart meets a name service that hangs. */
TEST(channels_stay_while_their_users_are_looked_up)
{
	struct config config;
	struct channel *channel;
	int qemu;

	config_defaults(&config);
	n_distrusted = 0;
	(void)pthread_mutex_lock(&name_service);
	channel = adopt_new(&config, &qemu);
	ck_assert_ptr_nonnull(channel);
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTED);
	(void)pthread_mutex_unlock(&name_service);
	/* none of them is this user: it is hung up, and tried anew, as any that is not trusted */
	run_while_doubted(channel);
	ck_assert_uint_eq(n_distrusted, 1);
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTING);
	(void)close(qemu);
	registry_remove(registry, channel->domain);
	ck_assert_ptr_null(adopt_new(&config, &qemu));
	(void)close(qemu);
}

TEST(channels_of_a_trusted_user_stay)
{
	struct config config;
	struct channel *channel;
	int qemu;

	config_defaults(&config);
	(void)snprintf(config.peer_users[1], sizeof(config.peer_users[1]), "me");
	n_distrusted = 0;
	(void)pthread_mutex_lock(&name_service);
	channel = adopt_new(&config, &qemu);
	ck_assert_ptr_nonnull(channel);
	(void)pthread_mutex_unlock(&name_service);
	run_while_doubted(channel);
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTED);
	ck_assert_uint_eq(n_distrusted, 0);
	(void)close(qemu);
}
