/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/local_hour.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

#define S_PER_HOUR 3600
#define S_PER_MINUTE 60
#define TRIES 10
#define ZONE_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE)

uint32_t local_hour_of(time_t now, time_t *end)
{
	struct tm local = {0};

	tzset(); /* reads the zone's file again if it is another one */
	(void)localtime_r(&now, &local);
	*end = now + S_PER_HOUR - (local.tm_min * S_PER_MINUTE + local.tm_sec);
	if (*end <= now) /* in a leap second */
		*end = now + 1;
	return (uint32_t)local.tm_hour;
}

/* Be woken at the hour's end, or when the clock is set. */
static int arm(struct local_hour *hour, time_t end)
{
	const struct itimerspec when = {.it_value.tv_sec = end};

	return timerfd_settime(hour->timer.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when,
			       NULL) < 0
		       ? -errno
		       : 0;
}

static void tell(struct local_hour *hour)
{
	int r, tries = TRIES;
	struct timespec now;
	uint64_t left_ns;
	uint32_t local;
	time_t end;

	do {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		local = local_hour_of(now.tv_sec, &end);
		r = hour->timer.fd < 0 ? 0 : arm(hour, end);
	} while (r == -ECANCELED && --tries > 0); /* the clock was set since it was read */
	left_ns = (uint64_t)(end - now.tv_sec) * NS_PER_S - (uint64_t)now.tv_nsec;
	hour->tell(hour->context, local, monotonic_ns() + left_ns);
}

static void stop_watching(struct local_hour *hour)
{
	loop_close(hour->loop, &hour->timer);
	loop_close(hour->loop, &hour->zone);
}

static void on_timer(struct loop_source *source, uint32_t events)
{
	struct local_hour *hour = container_of(source, struct local_hour, timer);
	uint64_t expirations;
	ssize_t n = read(source->fd, &expirations, sizeof(expirations));

	(void)events;
	if (n < 0 && errno == ECANCELED)
		tell(hour);
	else if (n > 0) /* the monitor asks, if it still wants to know */
		stop_watching(hour);
}

/* Is one of the events about the zone's file? */
static bool is_about(const char *events, size_t size, const char *name)
{
	size_t at = 0;

	while (at + sizeof(struct inotify_event) <= size) {
		const struct inotify_event *event = (const void *)(events + at);

		if (event->mask & IN_Q_OVERFLOW ||
		    (event->len > 0 && strcmp(event->name, name) == 0))
			return true;
		at += sizeof(*event) + event->len;
	}
	return false;
}

static void on_zone(struct loop_source *source, uint32_t events)
{
	struct local_hour *hour = container_of(source, struct local_hour, zone);
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	char path[PATH_MAX];
	ssize_t n = read(source->fd, buffer, sizeof(buffer));

	(void)events;
	(void)snprintf(path, sizeof(path), "%s", hour->zone_file);
	if (n > 0 && is_about(buffer, (size_t)n, basename(path)))
		tell(hour);
}

static int watch_clock(struct local_hour *hour)
{
	cleanup_close int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = loop_add(hour->loop, &hour->timer, fd, EPOLLIN);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

static int watch_zone(struct local_hour *hour)
{
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[PATH_MAX];
	int r;

	if (fd < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s", hour->zone_file);
	if (inotify_add_watch(fd, dirname(path), ZONE_EVENTS) < 0)
		return -errno;
	r = loop_add(hour->loop, &hour->zone, fd, EPOLLIN);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

void local_hour_init(struct local_hour *hour, struct loop *loop, const char *zone_file,
		     void (*tell_hour)(void *context, uint32_t hour, uint64_t until_ns),
		     void *context)
{
	*hour = (struct local_hour){
		.loop = loop,
		.tell = tell_hour,
		.context = context,
		.zone_file = zone_file,
		.timer = {.fd = -1, .on_event = on_timer, .name = "local hour"},
		.zone = {.fd = -1, .on_event = on_zone, .name = "time zone"},
	};
}

void local_hour_clear(struct local_hour *hour)
{
	stop_watching(hour);
}

void local_hour_asked(struct local_hour *hour)
{
	int r = hour->timer.fd < 0 ? watch_clock(hour) : 0;

	if (r == 0 && hour->zone.fd < 0)
		r = watch_zone(hour);
	if (r < 0 && !hour->warned)
		log_warning("policies by the hour may notice late that the clock or the time zone "
			    "is set: %s",
			    strerror(-r));
	hour->warned = r < 0;
	tell(hour);
}
