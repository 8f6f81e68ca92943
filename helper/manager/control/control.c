/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/control.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/unix_socket.h"
#include "helper/manager/control/methods.h"
#include "helper/manager/control/subscribe.h"
#include "helper/manager/cpufreq/topology.h"
#include "helper/manager/report/frequency_reading.h"
#include "helper/manager/service/listening.h"
#include "helper/manager/varlink/server.h"

/* In each turn, reading frequencies may delay hooks and the monitor by this and one read. */
#define READING_SLICE_NS (NS_PER_S / 1000)
/* Likewise, forming all answers that take long. */
#define ANSWERING_SLICE_NS (2 * NS_PER_S / 1000)

struct control {
	struct control_context context; /* passed to the methods */
	struct varlink_server *server;
	uid_t uid;
	bool has_group;
	gid_t group;
};

static const struct varlink_limits limits = {
	.clients = 64,
	.reserved_change = 8, /* root can connect however many readers there are */
	.reserved_read = 40,
	.call_size = 64 << 10,
	.reply_size = 16 << 20,
	.replies_size = 64 << 20,
	.slice_ns = ANSWERING_SLICE_NS,
	.stall_ns = 10 * NS_PER_S,
};

static enum varlink_access access_of(void *context, int fd)
{
	const struct control *control = container_of(context, struct control, context);
	struct ucred peer;

	if (unix_peer(fd, &peer) < 0)
		return VARLINK_INTROSPECT;
	if (peer.uid == 0 || peer.uid == control->uid)
		return VARLINK_CHANGE;
	if (control->has_group && unix_peer_in_group(fd, control->group))
		return VARLINK_READ;
	return VARLINK_INTROSPECT;
}

static const struct varlink_service service = {
	.vendor = "vmpower",
	.product = "vmpowerd",
	.version = VMPOWER_VERSION,
	.url = "",
	.interface = CONTROL_INTERFACE,
	.description = control_methods_text,
	.methods = control_methods,
	.denied =
		{
			[VARLINK_READ] = "this needs root or membership in group " CONTROL_GROUP
					 ": use sudo, or have root run \"usermod -aG " CONTROL_GROUP
					 " USER\" and log in again",
			[VARLINK_CHANGE] =
				"this changes what vmpower does and needs root: use sudo",
		},
	.access = access_of,
};

static int serve(struct control *control, struct loop *loop, int listen_fd)
{
	struct control_context *context = &control->context;
	int r = frequency_reading_new(loop, context->parts.cpufreq, READING_SLICE_NS,
				      &context->reading);

	if (r == 0) {
		context->watchers = control_watchers_new(context);
		context->topology = calloc(1, sizeof(*context->topology));
		r = context->watchers && context->topology ? 0 : -ENOMEM;
	}
	if (r < 0) {
		close_fd(&listen_fd);
		return r;
	}
	return varlink_server_new(loop, listen_fd, &service, &limits, context, &control->server);
}

int control_new(const struct control_parts *parts, int listen_fd, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	const struct group *group = getgrnam(CONTROL_GROUP);
	int r;

	if (!control) {
		close_fd(&listen_fd);
		return -ENOMEM;
	}
	control->context.parts = *parts;
	control->context.started_ns = monotonic_ns();
	control->uid = geteuid();
	if (group) {
		control->has_group = true;
		control->group = group->gr_gid;
	}
	r = serve(control, parts->loop, listen_fd);
	if (r < 0) {
		control_free(control);
		return r;
	}
	*out = control;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	varlink_server_free(control->server);
	control_watchers_free(control->context.watchers);
	frequency_reading_free(control->context.reading);
	free(control->context.topology);
	free(control);
}
