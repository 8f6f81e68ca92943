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
#include "common/domain_settings.h"
#include "common/log.h"
#include "helper/manager/loop/loop.h"

#define FIRST_RETRY_MS 500
#define LAST_RETRY_MS 30000
#define END_TIMEOUT_MS 500
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 3

struct virt_thread {
	char *uri;
	int fd;
	bool quit;
	bool failure_logged;
	int retry_ms;
	int retry_timer; /* of libvirt's event loop */
	virConnectPtr connection;
	int callbacks[5];
};

struct virt_message *virt_message_new(enum virt_kind kind, const void *text, size_t size)
{
	struct virt_message *message = malloc(sizeof(*message) + size + 1);

	if (!message)
		return NULL;
	*message = (struct virt_message){.kind = kind, .size = size};
	if (size > 0)
		memcpy(message->text, text, size);
	message->text[size] = '\0';
	return message;
}

/* What travels over the socket pair: both ends are in this process. */
struct parcel {
	struct virt_message *message;
};

int virt_message_send(int fd, struct virt_message *message, int flags)
{
	const struct parcel parcel = {message};
	ssize_t n;

	do
		n = send(fd, &parcel, sizeof(parcel), flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(parcel))
		return 0;
	free(message);
	return n < 0 ? -errno : -EIO;
}

int virt_message_receive(int fd, struct virt_message **message, int flags)
{
	struct parcel parcel = {NULL};
	ssize_t n;

	do
		n = recv(fd, &parcel, sizeof(parcel), flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(parcel) || !parcel.message)
		return 0;
	*message = parcel.message;
	return 1;
}

/* Send to the loop. May block while it is busy: only this thread waits. */
static void send_to_loop(struct virt_thread *thread, struct virt_message *message)
{
	if (!message)
		log_error("libvirt: out of memory: a change of a domain may be missed");
	else if (virt_message_send(thread->fd, message, 0) < 0)
		thread->quit = true;
}

static void report(struct virt_thread *thread, enum virt_kind kind, const void *text, size_t size,
		   uint64_t asked_ns, bool paused)
{
	struct virt_message *message = virt_message_new(kind, text, size);

	if (message) {
		message->asked_ns = asked_ns;
		message->paused = paused;
	}
	send_to_loop(thread, message);
}

static const char *last_error(void)
{
	const char *text = virGetLastErrorMessage();

	return text ? text : "unknown error";
}

/* Are its vCPUs stopped while QEMU runs? */
static bool is_paused(int state)
{
	return state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_PMSUSPENDED ||
	       state == VIR_DOMAIN_CRASHED;
}

/* Without VIR_DOMAIN_XML_SECURE the XML has no passwords. */
static void report_running(struct virt_thread *thread, virDomainPtr domain)
{
	uint64_t asked_ns = monotonic_ns();
	char *xml = virDomainGetXMLDesc(domain, 0);
	int state;

	/* If it has stopped since, an event follows. */
	if (xml && virDomainGetState(domain, &state, NULL, 0) == 0 &&
	    virDomainIsActive(domain) == 1)
		report(thread, VIRT_RUNNING, xml, strlen(xml), asked_ns, is_paused(state));
	free(xml);
}

/* Return: false: failed, logged */
static bool list_running(struct virt_thread *thread)
{
	char(*uuids)[VIR_UUID_STRING_BUFLEN] = NULL;
	uint64_t asked_ns = monotonic_ns();
	virDomainPtr *list = NULL;
	int n;

	n = virConnectListAllDomains(thread->connection, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (n < 0) {
		log_warning("libvirt (%s): can't list the domains: %s", thread->uri, last_error());
		return false;
	}
	uuids = calloc((size_t)n + 1, sizeof(*uuids));
	for (int i = 0; i < n; i++) {
		if (uuids)
			(void)virDomainGetUUIDString(list[i], uuids[i]);
		report_running(thread, list[i]);
		(void)virDomainFree(list[i]);
	}
	free(list);
	if (!uuids)
		return false;
	report(thread, VIRT_LISTED, uuids, (size_t)n * sizeof(*uuids), asked_ns, false);
	free(uuids);
	return true;
}

/* --- events ------------------------------------------------------------------------- */

static void report_stopped(struct virt_thread *thread, virDomainPtr domain)
{
	uint64_t asked_ns = monotonic_ns();
	int active = virDomainIsActive(domain);
	char uuid[VIR_UUID_STRING_BUFLEN];

	/* It may already run again, and the hook may have reported that. */
	if (active == 1) {
		report_running(thread, domain);
		return;
	}
	/*
	 * libvirt no longer knows a transient domain that has ended. On any other error the
	 * connection is about to be lost: the next listing will show.
	 */
	if (active < 0 && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return;
	if (virDomainGetUUIDString(domain, uuid) < 0)
		return;
	report(thread, VIRT_STOPPED, uuid, strlen(uuid), asked_ns, false);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	struct virt_thread *thread = opaque;

	(void)connection;
	(void)detail;
	switch (event) {
	case VIR_DOMAIN_EVENT_STARTED:
	case VIR_DOMAIN_EVENT_RESUMED:
	case VIR_DOMAIN_EVENT_SUSPENDED:
	case VIR_DOMAIN_EVENT_PMSUSPENDED:
	case VIR_DOMAIN_EVENT_CRASHED:
		/* Events may lag behind: report the present state. */
		report_running(thread, domain);
		break;
	case VIR_DOMAIN_EVENT_STOPPED:
		report_stopped(thread, domain);
		break;
	default:
		break;
	}
	return 0;
}

static void on_tunable(virConnectPtr connection, virDomainPtr domain,
		       virTypedParameterPtr parameters, int n, void *opaque)
{
	(void)connection;
	(void)parameters;
	(void)n;
	report_running(opaque, domain);
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias,
		      void *opaque)
{
	(void)connection;
	(void)alias;
	report_running(opaque, domain);
}

static void on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *uri,
			void *opaque)
{
	(void)connection;
	if (type == VIR_DOMAIN_METADATA_ELEMENT && uri && strstr(uri, DOMAIN_NAMESPACE_FAMILY))
		report_running(opaque, domain);
}

/* Return: false: not all events can be watched, logged */
static bool watch_events(struct virt_thread *thread)
{
	const struct {
		int id;
		virConnectDomainEventGenericCallback callback;
	} events[] = {
		{VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
		{VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata)},
	};
	bool all = true;

	for (size_t i = 0; i < array_size(events); i++) {
		thread->callbacks[i] = virConnectDomainEventRegisterAny(
			thread->connection, NULL, events[i].id, events[i].callback, thread, NULL);
		all = all && thread->callbacks[i] >= 0;
	}
	if (!all)
		log_warning("libvirt (%s): can't watch its events: %s", thread->uri, last_error());
	return all;
}

/* --- the connection ----------------------------------------------------------------- */

static void drop_connection(struct virt_thread *thread)
{
	if (!thread->connection)
		return;
	for (size_t i = 0; i < array_size(thread->callbacks); i++) {
		if (thread->callbacks[i] >= 0)
			(void)virConnectDomainEventDeregisterAny(thread->connection,
								 thread->callbacks[i]);
	}
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
	send_to_loop(thread, virt_message_new(VIRT_DISCONNECTED, NULL, 0));
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
				    thread->uri, last_error());
		thread->failure_logged = true;
		retry_later(thread);
		return;
	}
	virEventUpdateTimeout(thread->retry_timer, -1);
	thread->failure_logged = false;
	(void)virConnectSetKeepAlive(thread->connection, KEEPALIVE_S, KEEPALIVE_COUNT);
	(void)virConnectRegisterCloseCallback(thread->connection, on_close, thread, NULL);
	log_info("libvirt (%s): connected", thread->uri);
	send_to_loop(thread, virt_message_new(VIRT_CONNECTED, NULL, 0));
	/* Events first: changes during the listing are reported after it. */
	if (watch_events(thread) && list_running(thread)) {
		thread->retry_ms = FIRST_RETRY_MS;
		return;
	}
	/* Half a connection would miss changes: start again. */
	send_to_loop(thread, virt_message_new(VIRT_DISCONNECTED, NULL, 0));
	retry_later(thread);
}

static void on_retry(int timer, void *opaque)
{
	(void)timer;
	connect_libvirt(opaque);
}

/* --- lookups ------------------------------------------------------------------------ */

static virDomainPtr find_domain(struct virt_thread *thread, const char *name_or_uuid)
{
	virDomainPtr domain = virDomainLookupByName(thread->connection, name_or_uuid);

	return domain ? domain : virDomainLookupByUUIDString(thread->connection, name_or_uuid);
}

static struct virt_message *look_up(struct virt_thread *thread, const char *name_or_uuid)
{
	struct virt_message *answer = NULL;
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
	if (answer)
		answer->error = error;
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
	report_running(thread, domain);
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
	send_to_loop(thread, answer);
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
		watch = virEventAddHandle(thread->fd,
					  VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP,
					  on_request, thread, NULL);
	if (watch >= 0)
		thread->retry_timer = virEventAddTimeout(0, on_retry, thread, NULL);
	if (watch < 0 || thread->retry_timer < 0) {
		log_error("libvirt: can't set up its event loop: %s", last_error());
		thread->quit = true;
	}
	while (!thread->quit) {
		if (virEventRunDefaultImpl() < 0) {
			log_error("libvirt: event loop: %s", last_error());
			(void)poll(NULL, 0, FIRST_RETRY_MS); /* do not spin */
		}
	}
	drop_connection(thread);
	/* libvirt's event loop belongs to the process: its next user would call us. */
	if (watch >= 0)
		(void)virEventRemoveHandle(watch);
	if (thread->retry_timer >= 0)
		(void)virEventRemoveTimeout(thread->retry_timer);
	while (virt_message_receive(thread->fd, &unread, MSG_DONTWAIT) == 1)
		free(unread);
	(void)close(thread->fd);
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
		thread->fd = fd;
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
