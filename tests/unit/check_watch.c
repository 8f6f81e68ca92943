/* SPDX-License-Identifier: BSD-3-Clause */
/* What is heard of written files, and inotify's failures: none to be had, lost events. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* --- a fake inotify ------------------------------------------------------------------------ */

static struct fake {
	int error; /* of the whole of it */
	int add_error;
	int fds[2]; /* events are written to the second */
	int n_added, n_removed;
	char added[8][PATH_MAX]; /* watch descriptor n is added[n - 1] */
} fake;

static int fake_init(void)
{
	if (fake.error) {
		errno = fake.error;
		return -1;
	}
	ck_assert_int_eq(pipe2(fake.fds, O_CLOEXEC | O_NONBLOCK), 0);
	return fake.fds[0];
}

static int fake_add(int fd, const char *path, uint32_t mask)
{
	ck_assert_int_eq(fd, fake.fds[0]);
	ck_assert_uint_eq(mask, IN_CLOSE_WRITE | IN_ONLYDIR);
	if (strstr(path, "amd_pstate") || fake.add_error) {
		errno = fake.add_error ? fake.add_error : ENOENT;
		return -1;
	}
	(void)snprintf(fake.added[fake.n_added++], PATH_MAX, "%s", path);
	return fake.n_added;
}

static int fake_remove(int fd)
{
	ck_assert_int_eq(fd, fake.fds[0]);
	fake.n_removed++;
	return 0;
}

#define inotify_init1(flags) fake_init()
#define inotify_add_watch(fd, path, mask) fake_add(fd, path, mask)
#define inotify_rm_watch(fd, wd) fake_remove(fd)
#include "helper/manager/cpufreq/watch.c"

/* --- the test -------------------------------------------------------------------------------- */

static struct loop *loop;
static struct cpufreq_watch *watch;
static char told[256];

static void tell(const char *text, const char *file)
{
	size_t at = strlen(told);

	(void)snprintf(told + at, sizeof(told) - at, "%s%s%s", at ? ", " : "", text, file);
}

static void on_policy(void *context, uint32_t policy, const char *file)
{
	char text[32];

	ck_assert_ptr_eq(context, told);
	(void)snprintf(text, sizeof(text), "%u ", policy);
	tell(text, file);
}

static void on_host(void *context, const char *file)
{
	ck_assert_ptr_eq(context, told);
	tell("host ", file);
}

static void on_lost(void *context)
{
	ck_assert_ptr_eq(context, told);
	tell("lost", "");
}

static void set_up(void)
{
	log_init("check_watch", LOG_WARNING);
	memset(&fake, 0, sizeof(fake));
	told[0] = '\0';
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void begin(void)
{
	const struct cpufreq_watch_handlers handlers = {
		.on_policy = on_policy, .on_host = on_host, .on_lost = on_lost, .context = told};

	ck_assert_int_eq(cpufreq_watch_new(loop, "/root", &handlers, &watch), 0);
}

static void tear_down(void)
{
	cpufreq_watch_free(watch);
	watch = NULL;
	if (fake.fds[1] > 0)
		(void)close(fake.fds[1]);
	loop_free(loop);
}

static void event(int wd, uint32_t mask, const char *name)
{
	enum { NAME = 32 };
	const struct inotify_event head = {.wd = wd, .mask = mask, .len = name ? NAME : 0};
	char event[sizeof(head) + NAME] = "";
	size_t size = sizeof(head) + head.len;

	memcpy(event, &head, sizeof(head));
	if (name)
		(void)snprintf(event + sizeof(head), NAME, "%s", name);
	ck_assert_int_eq(write(fake.fds[1], event, size), (ssize_t)size);
}

static void assert_told(const char *wanted)
{
	told[0] = '\0';
	cpufreq_watch_drain(watch);
	ck_assert_str_eq(told, wanted);
}

FIXTURE(set_up, tear_down)

TEST(files_that_were_written)
{
	begin();
	ck_assert_int_eq(fake.n_added, 3); /* no amd_pstate */
	ck_assert_str_eq(fake.added[0], "/root/devices/system/cpu/cpufreq");
	ck_assert_str_eq(fake.added[2], "/root/power");
	cpufreq_watch_add(watch, 7);
	ck_assert_str_eq(fake.added[3], "/root/devices/system/cpu/cpufreq/policy7");
	event(4, IN_CLOSE_WRITE, "scaling_setspeed");
	event(1, IN_CLOSE_WRITE, "boost");
	event(1, IN_CLOSE_WRITE, "policy7");
	event(2, IN_CLOSE_WRITE, "no_turbo");
	event(2, IN_CLOSE_WRITE, "status");
	event(2, IN_CLOSE_WRITE, "max_perf_pct");
	event(3, IN_CLOSE_WRITE, "state");
	event(3, IN_CLOSE_WRITE, "wakeup_count");
	event(9, IN_CLOSE_WRITE, "scaling_setspeed");
	event(4, IN_CLOSE_WRITE, NULL);
	assert_told("7 scaling_setspeed, host boost, host no_turbo, host status, host state");
	event(-1, IN_Q_OVERFLOW, NULL);
	assert_told("lost");
	/* made anew: another watch, and the old one ends */
	cpufreq_watch_add(watch, 7);
	ck_assert_int_eq(fake.n_removed, 1);
	event(5, IN_CLOSE_WRITE, "scaling_governor");
	event(4, IN_IGNORED, NULL);
	assert_told("7 scaling_governor");
	/* the kernel has ended it */
	event(5, IN_IGNORED, NULL);
	assert_told("");
	cpufreq_watch_remove(watch, 7);
	ck_assert_int_eq(fake.n_removed, 1);
	cpufreq_watch_add(watch, MAX_CPUS);
	cpufreq_watch_remove(watch, MAX_CPUS);
}

/* It is said once, and nothing else happens. */
TEST(no_inotify)
{
	fake.error = EMFILE;
	begin();
	ck_assert(watch->failure_logged);
	cpufreq_watch_add(watch, 7);
	cpufreq_watch_remove(watch, 7);
	assert_told("");
	cpufreq_watch_add(NULL, 7);
	cpufreq_watch_remove(NULL, 7);
	cpufreq_watch_host(NULL);
	cpufreq_watch_drain(NULL);
}

TEST(too_many_watches)
{
	fake.add_error = ENOSPC;
	begin();
	ck_assert(watch->failure_logged);
	cpufreq_watch_add(watch, 7);
	ck_assert_int_eq(watch->policies[7], NO_WATCH);
}
