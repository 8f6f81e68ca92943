/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/hook_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/loop/listener.h"
#include "helper/manager/sources/hook_queue.h"

#define MAX_CLIENTS 128			 /* simultaneous hooks: VMs that start at once */
#define CLIENT_TIMEOUT_NS (2 * NS_PER_S) /* a hook lives for a tenth of that */
#define PAUSE_NS (NS_PER_S / 10)
#define XML_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

struct hook_client {
	struct loop_source source;
	struct loop_timer timeout;
	struct hook_server *server;
	struct hook_client *next;
};

struct hook_server {
	struct loop *loop;
	struct hook_queue queue;
	struct listener listener;
	struct hook_client *clients;
	unsigned int n_clients;
	struct histogram waits;
};

static void client_free(struct hook_client *client)
{
	struct hook_server *server = client->server;

	for (struct hook_client **c = &server->clients; *c; c = &(*c)->next) {
		if (*c == client) {
			*c = client->next;
			break;
		}
	}
	loop_timer_cancel(server->loop, &client->timeout);
	loop_close(server->loop, &client->source);
	free(client);
	ASSERT(server->n_clients > 0 && server->n_clients <= MAX_CLIENTS);
	/* There is room again: accept from the backlog. */
	if (server->n_clients-- == MAX_CLIENTS)
		listener_set_full(&server->listener, false);
}

int hook_event_check(const struct hook_event *event, size_t size)
{
	if (size != sizeof(*event) || event->magic != HOOK_MAGIC || event->version != HOOK_VERSION)
		return -EPROTO;
	if (!hook_operation_name(event->operation) ||
	    !memchr(event->domain, '\0', sizeof(event->domain)) ||
	    !memchr(event->reason, '\0', sizeof(event->reason)))
		return -EPROTO;
	return event->xml_size > 0 && event->xml_size <= MAX_DOMAIN_XML ? 0 : -EPROTO;
}

/* All checks of an event before its XML is parsed. */
static int check_event(const struct hook_event *event, size_t size, int xml_fd)
{
	struct stat st;
	int seals;

	if (hook_event_check(event, size) < 0)
		return -EPROTO;
	/* Sealed: it can't change under us, or shrink and fault us. */
	seals = fcntl(xml_fd, F_GET_SEALS);
	if (seals < 0 || (seals & XML_SEALS) != XML_SEALS)
		return -EPROTO;
	if (fstat(xml_fd, &st) < 0 || st.st_size != (off_t)event->xml_size)
		return -EPROTO;
	return 0;
}

/* When the hook knew what it says; no later than now, whatever it says. */
static uint64_t asked_ns(const struct hook_event *event)
{
	uint64_t now = monotonic_ns();

	return event->started_ns > 0 && event->started_ns < now ? event->started_ns : now;
}

static void on_client(struct loop_source *source, uint32_t events)
{
	static const struct hook_reply accepted = {HOOK_MAGIC, HOOK_VERSION};
	struct hook_client *client = container_of(source, struct hook_client, source);
	struct hook_server *server = client->server;
	cleanup_close int xml_fd = -1;
	struct hook_event event;
	unsigned int n_fds = 1;
	ssize_t n;
	int r;

	(void)events;
	n = unix_receive(source->fd, &event, sizeof(event), &xml_fd, &n_fds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		client_free(client);
		return;
	}
	r = n_fds == 1 ? check_event(&event, (size_t)n, xml_fd) : -EPROTO;
	/* Reply first: libvirt holds the domain's lock until the hook ends. */
	if (r == 0) {
		(void)unix_send(source->fd, &accepted, sizeof(accepted), NULL, 0, MSG_DONTWAIT);
		event.started_ns = asked_ns(&event);
		histogram_add(&server->waits, monotonic_ns() - event.started_ns);
	}
	client_free(client);
	if (r < 0)
		log_warning("hook socket: invalid message dropped; is the hook in qemu.d of the "
			    "same version as vmpowerd?");
	else
		hook_queue_add(&server->queue, &event, take_fd(&xml_fd));
}

static void on_timeout(struct loop_timer *timer)
{
	client_free(container_of(timer, struct hook_client, timeout));
}

static void client_new(struct hook_server *server, int fd)
{
	struct hook_client *client = calloc(1, sizeof(*client));

	if (!client) {
		(void)close(fd);
		return;
	}
	client->server = server;
	client->source =
		(struct loop_source){.fd = -1, .on_event = on_client, .name = "hook's event"};
	client->timeout = (struct loop_timer){.on_expiry = on_timeout, .name = "hook's timeout"};
	if (loop_add(server->loop, &client->source, fd, EPOLLIN) < 0) {
		(void)close(fd);
		free(client);
		return;
	}
	loop_timer_set(server->loop, &client->timeout, CLIENT_TIMEOUT_NS);
	client->next = server->clients;
	server->clients = client;
	if (++server->n_clients == MAX_CLIENTS)
		listener_set_full(&server->listener, true);
}

static void on_connection(struct listener *listener, int fd)
{
	struct ucred peer;

	if (unix_peer(fd, &peer) < 0 || (peer.uid != 0 && peer.uid != geteuid())) {
		log_warning("hook socket: user id %u may not send events; libvirt's hooks run as "
			    "root",
			    (unsigned int)peer.uid);
		(void)close(fd);
		return;
	}
	client_new(container_of(listener, struct hook_server, listener), fd);
}

static void on_failure(struct listener *listener, int error)
{
	(void)listener;
	log_error("hook socket: can't accept: %s", strerror(error));
}

int hook_server_new(struct loop *loop, struct domains *domains, int listen_fd,
		    struct hook_server **out)
{
	struct hook_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server) {
		(void)close(listen_fd);
		return -ENOMEM;
	}
	server->loop = loop;
	hook_queue_init(&server->queue, loop, domains);
	server->listener = (struct listener){
		.on_connection = on_connection,
		.on_failure = on_failure,
		.pause_ns = PAUSE_NS,
		.name = "accepting hooks",
	};
	r = listener_start(&server->listener, loop, listen_fd);
	if (r < 0) {
		free(server);
		return r;
	}
	*out = server;
	return 0;
}

const struct histogram *hook_server_waits(const struct hook_server *server)
{
	return &server->waits;
}

void hook_server_finish(struct hook_server *server)
{
	hook_queue_finish(&server->queue);
}

void hook_server_free(struct hook_server *server)
{
	if (!server)
		return;
	while (server->clients)
		client_free(server->clients);
	hook_queue_clear(&server->queue);
	listener_stop(&server->listener);
	free(server);
}
