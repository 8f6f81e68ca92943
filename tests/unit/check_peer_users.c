/* SPDX-License-Identifier: BSD-3-Clause */
/* Users that are looked up in a thread, while the loop runs: NSS is a stand-in that can be held. */
#include "helper/manager/domains/peer_users.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/runner.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char asked[256]; /* names, in order */
static char logged[1024];

static struct loop *loop;
static struct config config;
static struct peer_users *users;

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
	       struct passwd **found)
{
	(void)buffer;
	(void)size;
	*found = NULL;
	(void)pthread_mutex_lock(&gate);
	(void)strcat(strcat(asked, name), " ");
	(void)pthread_mutex_unlock(&gate);
	if (strcmp(name, "broken") == 0)
		return EIO;
	if (strcmp(name, "alice") != 0 && strcmp(name, "bob") != 0)
		return 0;
	entry->pw_uid = name[0] == 'a' ? 1001 : 1002;
	*found = entry;
	return 0;
}

static bool note_line(const struct log_about *about, int priority, const char *text)
{
	(void)about;
	ck_assert_int_eq(priority, LOG_WARNING);
	(void)strcat(strcat(logged, text), "\n");
	return true;
}

static void set_names(const char *a, const char *b, const char *c)
{
	memset(config.peer_users, 0, sizeof(config.peer_users));
	(void)snprintf(config.peer_users[0], sizeof(config.peer_users[0]), "%s", a);
	(void)snprintf(config.peer_users[1], sizeof(config.peer_users[1]), "%s", b);
	(void)snprintf(config.peer_users[2], sizeof(config.peer_users[2]), "%s", c);
}

static void set_up(void)
{
	asked[0] = logged[0] = '\0';
	log_init("check_peer_users", LOG_INFO);
	log_set_sink(note_line);
	ck_assert_int_eq(loop_new(&loop), 0);
	set_names("alice", "", "");
	ck_assert_int_eq(peer_users_new(loop, &config, &users), 0);
}

static void tear_down(void)
{
	peer_users_free(users);
	loop_free(loop);
}

static void on_look(struct loop_timer *timer)
{
	if (peer_users_pending(users))
		loop_timer_set(loop, timer, NS_PER_MS);
	else
		loop_quit(loop, 0);
}

static void wait_for_answer(void)
{
	struct loop_timer look = {.on_expiry = on_look};

	loop_timer_set(loop, &look, 0);
	ck_assert_int_eq(loop_run(loop), 0);
}

FIXTURE(set_up, tear_down)

TEST(at_the_start_names_are_known_at_once)
{
	ck_assert(!peer_users_pending(users));
	ck_assert(peer_users_trusted(users, 1001));
	ck_assert(!peer_users_trusted(users, 1002));
	ck_assert_str_eq(logged, "");
}

TEST(a_name_service_that_hangs_holds_nobody_up)
{
	(void)pthread_mutex_lock(&gate);
	set_names("alice", "bob", "7");
	peer_users_configure(users, &config);
	ck_assert(peer_users_pending(users));
	/* a name that was known, and a number */
	ck_assert(peer_users_trusted(users, 1001));
	ck_assert(peer_users_trusted(users, 7));
	ck_assert(!peer_users_trusted(users, 1002));
	/* a name that is no longer there is not trusted for a moment more */
	set_names("bob", "7", "");
	peer_users_configure(users, &config);
	ck_assert(!peer_users_trusted(users, 1001));
	(void)pthread_mutex_unlock(&gate);
	wait_for_answer();
	ck_assert(peer_users_trusted(users, 1002));
	ck_assert(!peer_users_trusted(users, 1001));
	ck_assert_str_eq(peer_users_names(users), "bob, 7");
}

TEST(nor_does_it_at_the_start)
{
	peer_users_free(users);
	(void)pthread_mutex_lock(&gate);
	set_names("alice", "7", "");
	ck_assert_int_eq(peer_users_new(loop, &config, &users), 0);
	ck_assert(peer_users_pending(users));
	ck_assert(peer_users_trusted(users, 7));
	ck_assert(!peer_users_trusted(users, 1001));
	(void)pthread_mutex_unlock(&gate);
	wait_for_answer();
	ck_assert(peer_users_trusted(users, 1001));
	ck_assert_str_eq(logged, "");
}

TEST(numbers_are_asked_of_nobody)
{
	asked[0] = '\0';
	set_names("0", "4294967294", "");
	peer_users_configure(users, &config);
	ck_assert(!peer_users_pending(users));
	ck_assert(peer_users_trusted(users, 0));
	ck_assert(peer_users_trusted(users, UINT32_MAX - 1));
	ck_assert_str_eq(asked, "");
}

TEST(an_unknown_name_is_told_once)
{
	set_names("alice", "carol", "qemu");
	for (int i = 0; i < 3; i++) {
		peer_users_configure(users, &config);
		wait_for_answer();
	}
	ck_assert_str_eq(logged, "[channel] peer-user: this host has no user \"carol\": ignored "
				 "until a reload\n");
	ck_assert_str_eq(asked, "alice alice carol qemu alice carol qemu alice carol qemu ");
}

TEST(a_lookup_that_fails_is_told_once)
{
	set_names("broken", "", "");
	for (int i = 0; i < 2; i++) {
		peer_users_configure(users, &config);
		wait_for_answer();
	}
	ck_assert_ptr_nonnull(strstr(logged, "\"broken\" can't be looked up: Input/output error"));
	ck_assert_ptr_eq(strstr(strstr(logged, "broken") + 1, "\"broken\""), NULL);
	ck_assert_ptr_nonnull(strstr(logged, "no channel will be trusted"));
}
