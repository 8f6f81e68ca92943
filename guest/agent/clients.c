/* SPDX-License-Identifier: BSD-3-Clause */
/* The tool speaks through the agent while that holds the ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "guest/agent/state.h"
#include "guest/port/agent_socket.h"

void clients_close(struct client *client)
{
	close_fd(&client->fd);
	*client = (struct client){.fd = -1};
}

void clients_accept(struct agent *agent)
{
	int fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (uint32_t i = 0; i < MAX_CLIENTS; i++) {
		if (agent->clients[i].fd < 0) {
			agent->clients[i] = (struct client){.fd = fd};
			return;
		}
	}
	close_fd(&fd); /* as many as that at once are no tools */
}

static bool answer(const struct client *client, const void *data, size_t size)
{
	return send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static void take_hello(struct agent *agent, struct client *client, const struct agent_hello *hello)
{
	struct agent_welcome welcome = {.magic = AGENT_MAGIC};
	cleanup_free char *text = NULL;

	if (hello->kind == AGENT_PORT) {
		client->vcpu = vcpu_find(agent, hello->port);
		if (!client->vcpu || client->vcpu->state == VCPU_CLOSED)
			welcome.error = -ENOENT;
		if (!answer(client, &welcome, sizeof(welcome)) || welcome.error)
			clients_close(client);
		return;
	}
	text = describe(agent);
	if (hello->kind != AGENT_STATUS || !text || strlen(text) > AGENT_STATUS_MAX)
		welcome.error = -EINVAL;
	if (answer(client, &welcome, sizeof(welcome)) && !welcome.error)
		(void)answer(client, text, strlen(text));
	clients_close(client);
}

/* What others ask for moves the vote: see where it stands then. */
static void note_change(struct agent *agent, const struct frame *frame)
{
	bool query = frame->command >= FRAME_QUERY_FREQ_LIST;

	for (uint32_t i = 0; !query && i < agent->n_vcpus; i++) {
		struct vcpu *vcpu = &agent->vcpus[i];

		if (frame->command == FRAME_POWER && frame->resource_id != vcpu->number)
			continue;
		vcpu->again = true;
		if (!vcpu->queries)
			governor_lost(&vcpu->governor);
	}
}

static bool take_frame(struct agent *agent, struct client *client, const unsigned char *bytes)
{
	struct frame frame;

	frame_head(bytes, &frame);
	if (port_send(&client->vcpu->port, bytes, FRAME_G3, 0) < 0)
		return false; /* the tool sees the end, and says so */
	note_change(agent, &frame);
	if (!exchange_answered(&frame))
		return true;
	if (client->n_waiting == MAX_WAITING)
		memmove(client->waiting, client->waiting + 1,
			--client->n_waiting * sizeof(client->waiting[0]));
	client->waiting[client->n_waiting++] = frame;
	return true;
}

void clients_readable(struct agent *agent, struct client *client)
{
	unsigned char bytes[FRAME_MAX + 1];
	struct agent_hello hello;
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!client->vcpu && n == (ssize_t)sizeof(hello)) {
		memcpy(&hello, bytes, sizeof(hello));
		if (hello.magic == AGENT_MAGIC) {
			take_hello(agent, client, &hello);
			return;
		}
	} else if (client->vcpu && n == FRAME_G3 && client->vcpu->port.fd >= 0 &&
		   take_frame(agent, client, bytes)) {
		return;
	}
	clients_close(client);
}

bool clients_reply(struct agent *agent, const struct vcpu *vcpu, const struct reply *reply)
{
	for (uint32_t c = 0; c < MAX_CLIENTS; c++) {
		struct client *client = &agent->clients[c];

		if (client->fd < 0 || client->vcpu != vcpu)
			continue;
		for (uint32_t i = 0; i < client->n_waiting; i++) {
			if (!exchange_matches(&client->waiting[i], reply))
				continue;
			(void)answer(client, reply, sizeof(*reply));
			client->n_waiting--;
			memmove(client->waiting + i, client->waiting + i + 1,
				(client->n_waiting - i) * sizeof(client->waiting[0]));
			return true;
		}
	}
	return false;
}
