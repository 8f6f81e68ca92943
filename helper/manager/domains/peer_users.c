/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/peer_users.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/config/keys.h"

#define START_WAIT_MS 1000
#define ENTRY_SIZE 65536 /* of a user's line, as NSS gives it */

struct peer_user {
	char name[sizeof(((struct config *)NULL)->peer_users[0])];
	uid_t uid;
	bool is_number, found, told;
	int error; /* of the last lookup: 0; -ENOENT: no such user; -errno */
};

/* What a thread is to do, on the heap. It belongs to the thread, then to the loop. */
struct lookup {
	int fd; /* to send the lookup back */
	unsigned int n;
	struct peer_user users[CONFIG_PEER_USERS];
};

/* What travels over the socket pair: both ends are in this process. */
struct parcel {
	struct lookup *lookup;
};

struct peer_users {
	struct loop *loop;
	struct loop_source answers;
	int thread_fd; /* the threads' end */
	bool pending, again;
	void (*answered)(void *context); /* may be NULL */
	void *context;
	unsigned int n;
	struct peer_user users[CONFIG_PEER_USERS];
	char names[256];
};

/* --- in the thread --------------------------------------------------------------------------- */

static void look_up(struct peer_user *user)
{
	char buffer[ENTRY_SIZE];
	struct passwd entry, *found = NULL;
	int r = user->is_number ? 0
				: getpwnam_r(user->name, &entry, buffer, sizeof(buffer), &found);

	if (user->is_number)
		return;
	user->found = found != NULL;
	user->error = found ? 0 : r == 0 || r == ESRCH ? -ENOENT : -r;
	if (found)
		user->uid = entry.pw_uid;
}

static void *look_up_all(void *context)
{
	struct lookup *lookup = context;
	const struct parcel parcel = {lookup};
	int fd = lookup->fd;
	ssize_t n;

	for (unsigned int i = 0; i < lookup->n; i++)
		look_up(&lookup->users[i]);
	do
		n = send(fd, &parcel, sizeof(parcel), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(parcel))
		free(lookup); /* vmpowerd ends */
	(void)close(fd);
	return NULL;
}

/* --- in the loop ----------------------------------------------------------------------------- */

static void tell(struct peer_user *user)
{
	bool told = user->told;

	user->told = user->error != 0;
	if (told || user->error == 0)
		return;
	if (user->error != -ENOENT)
		log_warning(
			"[channel] peer-user: user \"%s\" can't be looked up: %s; ignored until "
			"a reload",
			user->name, strerror(-user->error));
	else if (!config_default_peer_user(user->name))
		log_warning("[channel] peer-user: this host has no user \"%s\": ignored until a "
			    "reload",
			    user->name);
}

static void list_names(struct peer_users *users)
{
	size_t used = 0;

	users->names[0] = '\0';
	for (unsigned int i = 0; i < users->n; i++) {
		int n = 0;

		if (users->users[i].found)
			n = snprintf(users->names + used, sizeof(users->names) - used, "%s%s",
				     used > 0 ? ", " : "", users->users[i].name);
		if (n > 0 && used + (size_t)n < sizeof(users->names))
			used += (size_t)n;
	}
	if (used == 0)
		log_warning("none of the users in [channel] peer-user exists on this host: no "
			    "channel will be trusted");
}

static struct peer_user *find(struct peer_users *users, const char *name)
{
	for (unsigned int i = 0; i < users->n; i++) {
		if (strcmp(users->users[i].name, name) == 0)
			return &users->users[i];
	}
	return NULL;
}

/* The configuration may have changed meanwhile. */
static void take_answers(struct peer_users *users, const struct lookup *lookup)
{
	for (unsigned int i = 0; i < lookup->n; i++) {
		struct peer_user *user = find(users, lookup->users[i].name);

		if (!user)
			continue;
		user->uid = lookup->users[i].uid;
		user->found = lookup->users[i].found;
		user->error = lookup->users[i].error;
		tell(user);
	}
	list_names(users);
}

static void start_lookup(struct peer_users *users)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	pthread_attr_t attributes;
	pthread_t thread;
	int r = ENOMEM;

	if (lookup) {
		lookup->n = users->n;
		memcpy(lookup->users, users->users, sizeof(lookup->users));
		lookup->fd = dup(users->thread_fd);
		r = lookup->fd < 0 ? errno : pthread_attr_init(&attributes);
	}
	if (r == 0) {
		(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		r = pthread_create(&thread, &attributes, look_up_all, lookup);
		(void)pthread_attr_destroy(&attributes);
	}
	users->pending = r == 0;
	if (r == 0)
		return;
	log_error("[channel] peer-user: users can't be looked up: %s; reload again", strerror(r));
	if (lookup && lookup->fd >= 0)
		(void)close(lookup->fd);
	free(lookup);
}

static void on_answer(struct loop_source *source, uint32_t events)
{
	struct peer_users *users = container_of(source, struct peer_users, answers);
	struct parcel parcel = {NULL};

	(void)events;
	if (recv(source->fd, &parcel, sizeof(parcel), MSG_DONTWAIT) != (ssize_t)sizeof(parcel))
		return;
	users->pending = false;
	take_answers(users, parcel.lookup);
	free(parcel.lookup);
	if (users->again)
		start_lookup(users);
	users->again = false;
	if (!users->pending && users->answered)
		users->answered(users->context);
}

void peer_users_on_answer(struct peer_users *users, void (*answered)(void *context), void *context)
{
	users->answered = answered;
	users->context = context;
}

/* Return: are there names to look up? */
static bool set_users(struct peer_users *users, const struct config *config)
{
	struct peer_users old = *users;
	bool has_names = false;

	memset(users->users, 0, sizeof(users->users));
	for (users->n = 0; users->n < CONFIG_PEER_USERS && config->peer_users[users->n][0];
	     users->n++) {
		struct peer_user *user = &users->users[users->n];
		const struct peer_user *before = find(&old, config->peer_users[users->n]);

		if (before)
			*user = *before;
		memcpy(user->name, config->peer_users[users->n], sizeof(user->name));
		user->is_number = config_user_number(user->name, &user->uid);
		user->found |= user->is_number;
		has_names |= !user->is_number;
	}
	return has_names;
}

void peer_users_configure(struct peer_users *users, const struct config *config)
{
	bool has_names = set_users(users, config);

	if (has_names && users->pending)
		users->again = true;
	else if (has_names)
		start_lookup(users);
	if (!users->pending)
		list_names(users);
}

int peer_users_new(struct loop *loop, const struct config *config, struct peer_users **out)
{
	struct peer_users *users = calloc(1, sizeof(*users));
	int pair[2], r;

	if (!users)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(users);
		return -errno;
	}
	users->loop = loop;
	users->thread_fd = pair[1];
	users->answers =
		(struct loop_source){.fd = -1, .on_event = on_answer, .name = "names of users"};
	r = loop_add(loop, &users->answers, pair[0], EPOLLIN);
	if (r < 0) {
		(void)close(pair[0]);
		peer_users_free(users);
		return r;
	}
	peer_users_configure(users, config);
	if (users->pending)
		(void)poll(&(struct pollfd){.fd = pair[0], .events = POLLIN}, 1, START_WAIT_MS);
	if (users->pending)
		on_answer(&users->answers, 0);
	*out = users;
	return 0;
}

void peer_users_free(struct peer_users *users)
{
	struct parcel parcel = {NULL};

	if (!users)
		return;
	/* what a thread sends from now on is refused, and it frees that */
	if (users->answers.fd >= 0 && shutdown(users->answers.fd, SHUT_RD) == 0) {
		while (recv(users->answers.fd, &parcel, sizeof(parcel), MSG_DONTWAIT) ==
		       (ssize_t)sizeof(parcel))
			free(parcel.lookup);
	}
	loop_close(users->loop, &users->answers);
	close_fd(&users->thread_fd);
	free(users);
}

bool peer_users_trusted(const struct peer_users *users, uid_t uid)
{
	for (unsigned int i = 0; i < users->n; i++) {
		if (users->users[i].found && users->users[i].uid == uid)
			return true;
	}
	return false;
}

bool peer_users_pending(const struct peer_users *users)
{
	return users->pending;
}

const char *peer_users_names(const struct peer_users *users)
{
	return users->names;
}
