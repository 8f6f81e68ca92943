/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/greeting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/link/shared_state.h"
#include "helper/manager/monitor/shared_area.h"

#define FIRST_ROOM 64

void greeting_init(struct greeting *greeting)
{
	*greeting = (struct greeting){.state_fd = -1};
}

void greeting_clear(struct greeting *greeting)
{
	for (size_t i = 0; i < greeting->n_held; i++)
		close_fd(&greeting->held[i].fd);
	free(greeting->held);
	close_fd(&greeting->state_fd);
	greeting_init(greeting);
}

static void take_hello(struct greeting *greeting, const struct link_hello *hello, int state_fd)
{
	int r;

	greeting->said = true;
	greeting->hello = *hello;
	greeting->has_state = state_fd >= 0;
	greeting->state_fd = state_fd;
	r = state_fd < 0 ? 0 : shared_area_check(state_fd);
	if (r == 0)
		return;
	close_fd(&greeting->state_fd);
	log_notice("the state that the monitor publishes can't be used (%s): its votes end",
		   r == -EPROTONOSUPPORT ? "of another version" : "damaged");
}

static int make_room(struct greeting *greeting)
{
	size_t room = greeting->room_held ? 2 * greeting->room_held : FIRST_ROOM;
	struct held_channel *held;

	if (greeting->n_held < greeting->room_held)
		return 0;
	held = realloc(greeting->held, room * sizeof(*held));
	if (!held)
		return -ENOMEM;
	greeting->held = held;
	greeting->room_held = room;
	return 0;
}

/* Ids ascend, so there are no more than MAX_CHANNELS. */
static int add_held(struct greeting *greeting, uint32_t id, int fd)
{
	int r = make_room(greeting);

	if (greeting->n_held > 0 && id <= greeting->held[greeting->n_held - 1].id)
		r = -EPROTO;
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	greeting->held[greeting->n_held++] = (struct held_channel){.id = id, .fd = fd};
	return 0;
}

int greeting_receive(struct greeting *greeting, const struct link_message *message, const int *fds,
		     unsigned int n_fds)
{
	bool is_hello = message->type == LINK_HELLO;

	if (is_hello == greeting->said) { /* HELLO comes first, and once */
		close_fds(fds, n_fds);
		return -EPROTO;
	}
	switch ((enum link_type)message->type) {
	case LINK_HELLO:
		take_hello(greeting, &message->hello, n_fds > 0 ? fds[0] : -1);
		return 0;
	case LINK_CHANNEL_HELD:
		return add_held(greeting, message->id, fds[0]);
	case LINK_HELLO_END:
		return 1;
	default:
		close_fds(fds, n_fds);
		return -EPROTO;
	}
}

bool greeting_is_understood(const struct greeting *greeting)
{
	return greeting->hello.version == LINK_VERSION &&
	       greeting->hello.state_version == SHARED_STATE_VERSION &&
	       !(greeting->has_state && greeting->state_fd < 0);
}

bool greeting_is_outdated(const struct greeting *greeting, const char *program)
{
	struct link_program installed;
	struct stat st;

	if (!greeting_is_understood(greeting))
		return true;
	if (stat(program, &st) < 0)
		return false;
	installed = link_program_of(&st);
	return memcmp(&installed, &greeting->hello.program, sizeof(installed)) != 0;
}
