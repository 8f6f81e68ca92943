/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/scan.h"

#define NO_WATCH (-1)
#define EVENTS_SIZE 16384 /* some hundred events */
#define DRAINS_MAX 16

static const struct host_dir {
	const char *path; /* below sysfs */
	const char *files[3];
} host_dirs[] = {
	{"devices/system/cpu/cpufreq", {"boost"}},
	{"devices/system/cpu/intel_pstate", {"status", "no_turbo"}},
	{"devices/system/cpu/amd_pstate", {"status"}},
	/* who suspends the host writes to it, and closes it when the host runs again */
	{"power", {"state"}},
};

struct cpufreq_watch {
	struct loop *loop;
	struct loop_source source;
	const char *sysfs; /* not owned */
	struct cpufreq_watch_handlers handlers;
	bool failure_logged;
	int host[array_size(host_dirs)]; /* watch descriptors; NO_WATCH */
	int policies[MAX_CPUS];
};

static void log_failure(struct cpufreq_watch *watch, const char *what, int error)
{
	log_line(watch->failure_logged ? LOG_DEBUG : LOG_WARNING,
		 "can't watch %s: %s; what others write to cpufreq is not seen at once: "
		 "\"vmpowerctl verify\" looks for it%s",
		 what, strerror(-error),
		 error == -ENOSPC   ? "; raise fs.inotify.max_user_watches"
		 : error == -EMFILE ? "; raise fs.inotify.max_user_instances"
				    : "");
	watch->failure_logged = true;
}

static int watch_dir(struct cpufreq_watch *watch, const char *below)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", watch->sysfs, below), wd;

	if (watch->source.fd < 0 || n < 0 || (size_t)n >= sizeof(path))
		return NO_WATCH;
	wd = inotify_add_watch(watch->source.fd, path, IN_CLOSE_WRITE | IN_ONLYDIR);
	if (wd < 0 && errno != ENOENT)
		log_failure(watch, path, -errno);
	return wd < 0 ? NO_WATCH : wd;
}

void cpufreq_watch_host(struct cpufreq_watch *watch)
{
	for (size_t i = 0; watch && i < array_size(host_dirs); i++)
		watch->host[i] = watch_dir(watch, host_dirs[i].path);
}

void cpufreq_watch_add(struct cpufreq_watch *watch, uint32_t policy)
{
	char name[POLICY_PATH_SIZE], path[sizeof("devices/system/cpu/") + POLICY_PATH_SIZE];
	int wd;

	if (!watch || policy >= array_size(watch->policies))
		return;
	policy_path(policy, name);
	(void)snprintf(path, sizeof(path), "devices/system/cpu/%s", name);
	wd = watch_dir(watch, path);
	if (wd != watch->policies[policy])
		cpufreq_watch_remove(watch, policy);
	watch->policies[policy] = wd;
}

void cpufreq_watch_remove(struct cpufreq_watch *watch, uint32_t policy)
{
	if (!watch || policy >= array_size(watch->policies) || watch->policies[policy] == NO_WATCH)
		return;
	(void)inotify_rm_watch(watch->source.fd, watch->policies[policy]);
	watch->policies[policy] = NO_WATCH;
}

bool cpufreq_watch_has(const struct cpufreq_watch *watch, uint32_t policy)
{
	return watch && policy < array_size(watch->policies) && watch->policies[policy] != NO_WATCH;
}

static void handle_host(struct cpufreq_watch *watch, const struct host_dir *dir, const char *file)
{
	for (size_t i = 0; i < array_size(dir->files) && dir->files[i]; i++) {
		if (strcmp(dir->files[i], file) == 0)
			watch->handlers.on_host(watch->handlers.context, file);
	}
}

static void handle(struct cpufreq_watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		watch->handlers.on_lost(watch->handlers.context);
		return;
	}
	for (size_t i = 0; i < array_size(watch->host); i++) {
		if (watch->host[i] != event->wd)
			continue;
		if (event->mask & IN_IGNORED)
			watch->host[i] = NO_WATCH;
		else if (event->len > 0)
			handle_host(watch, &host_dirs[i], event->name);
		return;
	}
	for (uint32_t policy = 0; policy < array_size(watch->policies); policy++) {
		if (watch->policies[policy] != event->wd)
			continue;
		if (event->mask & IN_IGNORED)
			watch->policies[policy] = NO_WATCH;
		else if (event->len > 0)
			watch->handlers.on_policy(watch->handlers.context, policy, event->name);
		return;
	}
}

/* Handle what one read() returns. Return: false: that was nothing */
static bool receive(struct cpufreq_watch *watch)
{
	char buffer[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size = watch->source.fd < 0 ? -1 : read(watch->source.fd, buffer, sizeof(buffer)),
		at = 0;

	while (size - at >= (ssize_t)sizeof(struct inotify_event)) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(buffer + at);

		handle(watch, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return size > 0;
}

static void on_event(struct loop_source *source, uint32_t events)
{
	(void)events;
	(void)receive(container_of(source, struct cpufreq_watch, source));
}

void cpufreq_watch_drain(struct cpufreq_watch *watch)
{
	for (int i = 0; watch && i < DRAINS_MAX && receive(watch); i++)
		;
}

int cpufreq_watch_new(struct loop *loop, const char *sysfs,
		      const struct cpufreq_watch_handlers *handlers, struct cpufreq_watch **watch)
{
	struct cpufreq_watch *new = calloc(1, sizeof(*new));
	int fd, r;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->sysfs = sysfs;
	new->handlers = *handlers;
	new->source = (struct loop_source){.fd = -1, .on_event = on_event, .name = "cpufreq files"};
	memset(new->host, 0xff, sizeof(new->host));
	memset(new->policies, 0xff, sizeof(new->policies));
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = fd < 0 ? -errno : loop_add(loop, &new->source, fd, EPOLLIN);
	if (r < 0) {
		log_failure(new, "the kernel's files", r);
		close_fd(&fd);
	}
	cpufreq_watch_host(new);
	*watch = new;
	return 0;
}

void cpufreq_watch_free(struct cpufreq_watch *watch)
{
	if (!watch)
		return;
	loop_close(watch->loop, &watch->source);
	free(watch);
}
