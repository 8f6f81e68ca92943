/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/virt_thread.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/sources/virt_events.h"

#define FIRST_RETRY_MS 500
#define LAST_RETRY_MS 30000
#define END_TIMEOUT_MS 500
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 3

struct virt_thread {
	char *uri;
	struct virt_events events;
	bool quit;
	bool failure_logged;
	int retry_ms;
	int retry_timer; /* of libvirt's event loop */
	virConnectPtr connection;
};

/* --- the connection ----------------------------------------------------------------- */

static void drop_connection(struct virt_thread *thread)
{
	if (!thread->connection)
		return;
	virt_events_unwatch(&thread->events, thread->connection);
	(void)virConnectUnregisterCloseCallback(thread->connection, NULL);
	(void)virConnectClose(thread->connection);
	thread->connection = NULL;
}

/* A callback must not close its connection: on_retry() does. */
static void on_close(virConnectPtr connection, int reason, void *opaque)
{
	struct virt_thread *thread = opaque;

	(void)connection;
	(void)reason;
	log_warning("libvirt (%s): connection lost; trying again", thread->uri);
	virt_events_send(&thread->events, virt_message_new(VIRT_DISCONNECTED, NULL, 0));
	virEventUpdateTimeout(thread->retry_timer, FIRST_RETRY_MS);
	thread->retry_ms = FIRST_RETRY_MS;
}

static void retry_later(struct virt_thread *thread)
{
	virEventUpdateTimeout(thread->retry_timer, thread->retry_ms);
	thread->retry_ms =
		thread->retry_ms * 2 < LAST_RETRY_MS ? thread->retry_ms * 2 : LAST_RETRY_MS;
}

static void connect_libvirt(struct virt_thread *thread)
{
	drop_connection(thread);
	thread->connection = virConnectOpenReadOnly(thread->uri);
	if (!thread->connection) {
		if (!thread->failure_logged)
			log_warning("libvirt (%s): can't connect: %s; trying again. The hook works "
				    "without it",
				    thread->uri, virt_last_error());
		thread->failure_logged = true;
		retry_later(thread);
		return;
	}
	virEventUpdateTimeout(thread->retry_timer, -1);
	thread->failure_logged = false;
	(void)virConnectSetKeepAlive(thread->connection, KEEPALIVE_S, KEEPALIVE_COUNT);
	(void)virConnectRegisterCloseCallback(thread->connection, on_close, thread, NULL);
	log_info("libvirt (%s): connected", thread->uri);
	virt_events_send(&thread->events, virt_message_new(VIRT_CONNECTED, NULL, 0));
	/* Events first: changes during the listing are reported after it. */
	if (virt_events_watch(&thread->events, thread->connection) &&
	    virt_events_list(&thread->events, thread->connection)) {
		thread->retry_ms = FIRST_RETRY_MS;
		return;
	}
	/* Half a connection would miss changes: start again. */
	virt_events_send(&thread->events, virt_message_new(VIRT_DISCONNECTED, NULL, 0));
	retry_later(thread);
}

static void on_retry(int timer, void *opaque)
{
	(void)timer;
	connect_libvirt(opaque);
}

/* --- lookups ------------------------------------------------------------------------ */

/* A domain's name may be the UUID of another one. */
static virDomainPtr find_domain(struct virt_thread *thread, const char *name_or_uuid)
{
	virDomainPtr domain = NULL;
	char uuid[UUID_SIZE];

	if (value_uuid(name_or_uuid, uuid))
		domain = virDomainLookupByUUIDString(thread->connection, uuid);
	return domain ? domain : virDomainLookupByName(thread->connection, name_or_uuid);
}

static struct virt_message *look_up(struct virt_thread *thread, const char *name_or_uuid)
{
	struct virt_message *answer = NULL;
	uint64_t asked_ns = monotonic_ns();
	virDomainPtr domain = NULL;
	char *xml = NULL;
	int error = 0;

	if (!thread->connection || virConnectIsAlive(thread->connection) != 1)
		error = -ENOTCONN;
	if (error == 0) {
		domain = find_domain(thread, name_or_uuid);
		if (!domain)
			error = virConnectIsAlive(thread->connection) == 1 ? -ENOENT : -ENOTCONN;
	}
	if (error == 0 && virDomainIsActive(domain) != 1)
		error = -ESRCH;
	if (error == 0) {
		xml = virDomainGetXMLDesc(domain, 0);
		if (!xml)
			error = -ESRCH;
	}
	answer = virt_message_new(VIRT_FOUND, xml, xml ? strlen(xml) : 0);
	if (answer) {
		answer->error = error;
		answer->about.asked_ns = asked_ns;
	}
	free(xml);
	if (domain)
		(void)virDomainFree(domain);
	return answer;
}

static void refresh(struct virt_thread *thread, const char *uuid)
{
	virDomainPtr domain =
		thread->connection ? virDomainLookupByUUIDString(thread->connection, uuid) : NULL;

	if (!domain)
		return;
	virt_events_running(&thread->events, domain);
	(void)virDomainFree(domain);
}

static void on_request(int watch, int fd, int events, void *opaque)
{
	struct virt_thread *thread = opaque;
	struct virt_message *request = NULL, *answer;
	int r;

	(void)watch;
	(void)events;
	r = virt_message_receive(fd, &request, MSG_DONTWAIT);
	if (r == -EAGAIN)
		return;
	if (!request) {
		thread->quit = true;
		return;
	}
	if (request->kind == VIRT_REFRESH) {
		refresh(thread, request->text);
		free(request);
		return;
	}
	answer = look_up(thread, request->text);
	if (answer)
		answer->cookie = request->cookie;
	free(request);
	virt_events_send(&thread->events, answer);
}

/* --- the thread --------------------------------------------------------------------- */

/* By default libvirt prints errors to stderr. We log what matters. */
static void no_print(void *opaque, virErrorPtr error)
{
	(void)opaque;
	(void)error;
}

static void *run(void *opaque)
{
	struct virt_thread *thread = opaque;
	struct virt_message *unread = NULL;
	int watch = -1;

	(void)pthread_setname_np(pthread_self(), "libvirt");
	virSetErrorFunc(NULL, no_print);
	if (virInitialize() == 0 && virEventRegisterDefaultImpl() == 0)
		watch = virEventAddHandle(thread->events.fd,
					  VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP,
					  on_request, thread, NULL);
	if (watch >= 0)
		thread->retry_timer = virEventAddTimeout(0, on_retry, thread, NULL);
	if (watch < 0 || thread->retry_timer < 0) {
		log_error("libvirt: can't set up its event loop: %s", virt_last_error());
		thread->quit = true;
	}
	while (!thread->quit && !thread->events.closed) {
		if (thread->events.missed) {
			/* A new connection lists the domains as they are. */
			thread->events.missed = false;
			virEventUpdateTimeout(thread->retry_timer, FIRST_RETRY_MS);
		}
		if (virEventRunDefaultImpl() < 0) {
			log_error("libvirt: event loop: %s", virt_last_error());
			(void)poll(NULL, 0, FIRST_RETRY_MS); /* do not spin */
		}
	}
	drop_connection(thread);
	/* libvirt's event loop belongs to the process: its next user would call us. */
	if (watch >= 0)
		(void)virEventRemoveHandle(watch);
	if (thread->retry_timer >= 0)
		(void)virEventRemoveTimeout(thread->retry_timer);
	while (virt_message_receive(thread->events.fd, &unread, MSG_DONTWAIT) == 1)
		free(unread);
	(void)close(thread->events.fd);
	free(thread->uri);
	free(thread);
	return NULL;
}

int virt_thread_start(const char *uri, int fd, pthread_t *id)
{
	struct virt_thread *thread = calloc(1, sizeof(*thread));
	sigset_t all, before;
	int r = ENOMEM;

	if (thread) {
		thread->uri = strdup(uri);
		thread->events = (struct virt_events){.fd = fd, .uri = thread->uri};
		thread->retry_ms = FIRST_RETRY_MS;
		thread->retry_timer = -1;
	}
	if (thread && thread->uri) {
		/* The main thread's loop receives the signals. */
		(void)sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &before);
		r = pthread_create(id, NULL, run, thread);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (r != 0) {
		(void)close(fd);
		if (thread)
			free(thread->uri);
		free(thread);
	}
	return -r;
}

void virt_thread_end(pthread_t id)
{
	struct timespec until = {0};

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += END_TIMEOUT_MS * (long)NS_PER_MS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	if (pthread_timedjoin_np(id, NULL, &until) != 0)
		(void)pthread_detach(id);
}
