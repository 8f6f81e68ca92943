/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define STATUS_DELAY_NS (NS_PER_S / 10) /* one line for all changes within this time */
#define RETRY_NS (NS_PER_S / 20)
#define TEXT_SIZE (NOTIFY_STATUS_SIZE + 32)

/* In the order in which they are sent: READY ends a reload. */
enum word { RELOADING, READY, STATUS, WATCHDOG, STOPPING, N_WORDS };

struct notify {
	struct notify_parts parts;
	struct sockaddr_un address;
	socklen_t address_size;
	int fd;		    /* -1: there is no systemd */
	bool owed[N_WORDS]; /* what systemd had no room for, or what is said next */
	uint64_t reload_ns; /* when the latest reload began */
	struct loop_timer status, watchdog, retry;
	uint64_t watchdog_ns; /* half of WatchdogSec=; 0: none */
};

static void form(const struct notify *notify, enum word word, char text[static TEXT_SIZE])
{
	static const char *const texts[N_WORDS] = {
		[RELOADING] = "RELOADING=1\nMONOTONIC_USEC=",
		[READY] = "READY=1",
		[STATUS] = "STATUS=",
		[WATCHDOG] = "WATCHDOG=1",
		[STOPPING] = "STOPPING=1",
	};
	char status[NOTIFY_STATUS_SIZE];

	if (word == RELOADING) {
		(void)snprintf(text, TEXT_SIZE, "%s%" PRIu64, texts[word],
			       notify->reload_ns / NS_PER_US);
	} else if (word == STATUS) {
		notify->parts.status(notify->parts.context, status);
		(void)snprintf(text, TEXT_SIZE, "%s%s", texts[word], status);
	} else {
		(void)snprintf(text, TEXT_SIZE, "%s", texts[word]);
	}
}

/* sd_notify(3) would wait for PID 1, and whoever waits for us with it: here what is owed waits. */
static void send_owed(struct notify *notify)
{
	char text[TEXT_SIZE];

	for (int word = 0; word < N_WORDS; word++) {
		if (!notify->owed[word])
			continue;
		form(notify, (enum word)word, text);
		if (sendto(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)&notify->address, notify->address_size) < 0 &&
		    (errno == EAGAIN || errno == ENOBUFS)) {
			loop_timer_set(notify->parts.loop, &notify->retry, RETRY_NS);
			return;
		}
		notify->owed[word] = false;
	}
}

static void say(struct notify *notify, enum word word)
{
	notify->owed[word] = notify->fd >= 0;
	send_owed(notify);
}

static void on_retry(struct loop_timer *timer)
{
	send_owed(container_of(timer, struct notify, retry));
}

static void on_status(struct loop_timer *timer)
{
	say(container_of(timer, struct notify, status), STATUS);
}

static void on_watchdog(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, watchdog);

	say(notify, WATCHDOG);
	notify->parts.on_watchdog(notify->parts.context);
	loop_timer_set(notify->parts.loop, timer, notify->watchdog_ns);
}

/* The path of a socket, or "@" and the name of an abstract one. */
static void open_socket(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof(notify->address.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	if (path[0] == '@')
		notify->address.sun_path[0] = '\0';
	notify->address_size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int notify_new(const struct notify_parts *parts, struct notify **out)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	uint64_t watchdog_us = 0;

	if (!notify)
		return -ENOMEM;
	notify->parts = *parts;
	notify->fd = -1;
	notify->status = (struct loop_timer){.on_expiry = on_status, .name = "systemd's status"};
	notify->watchdog =
		(struct loop_timer){.on_expiry = on_watchdog, .name = "systemd's watchdog"};
	notify->retry = (struct loop_timer){.on_expiry = on_retry, .name = "systemd's socket"};
	*out = notify;
	open_socket(notify);
	say(notify, READY);
	say(notify, STATUS);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		notify->watchdog_ns = watchdog_us * NS_PER_US / 2;
		on_watchdog(&notify->watchdog);
	}
	return 0;
}

void notify_reloading(struct notify *notify)
{
	if (!notify)
		return;
	notify->reload_ns = monotonic_ns();
	say(notify, RELOADING);
}

void notify_reloaded(struct notify *notify)
{
	if (notify)
		say(notify, READY);
}

void notify_changed(struct notify *notify)
{
	if (notify && notify->fd >= 0 && notify->status.due_ns == 0)
		loop_timer_set(notify->parts.loop, &notify->status, STATUS_DELAY_NS);
}

static void stop(struct notify *notify)
{
	loop_timer_cancel(notify->parts.loop, &notify->status);
	loop_timer_cancel(notify->parts.loop, &notify->watchdog);
	loop_timer_cancel(notify->parts.loop, &notify->retry);
	close_fd(&notify->fd);
}

void notify_stopping(struct notify *notify)
{
	if (!notify)
		return;
	/* The loop ends, so this is tried once; then systemd sees our end. */
	say(notify, STOPPING);
	stop(notify);
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	stop(notify);
	free(notify);
}
