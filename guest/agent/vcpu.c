/* SPDX-License-Identifier: BSD-3-Clause */
/* One governed vCPU: its port, its session, what is asked and what came of it. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "guest/agent/state.h"

#define CHANGE_QUERIES FRAME_VCPUS /* the answers to queries have room for so many vCPUs */

struct vcpu *vcpu_find(struct agent *agent, unsigned int number)
{
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		if (agent->vcpus[i].number == number)
			return &agent->vcpus[i];
	return NULL;
}

static void tell(struct vcpu *vcpu, const char *what)
{
	if (!vcpu->told)
		log_warning("vCPU %u: %s", vcpu->number, what);
	vcpu->told = true;
}

static void went_well(struct vcpu *vcpu)
{
	if (vcpu->told)
		log_notice("vCPU %u: the host answers again", vcpu->number);
	vcpu->told = false;
}

/* Nothing is known of the vote: begin anew with the maximum, after a while. */
static void give_up(struct vcpu *vcpu, uint64_t now_ns)
{
	governor_lost(&vcpu->governor);
	vcpu->state = VCPU_IDLE;
	vcpu->retry_ns = now_ns + RETRY_NS;
}

static void host_is_away(struct vcpu *vcpu, uint64_t now_ns)
{
	tell(vcpu, "no host is connected to its port; waiting. On the host, vmpowerd must run");
	give_up(vcpu, now_ns);
	vcpu->state = VCPU_AWAY;
	replies_reset(&vcpu->port.replies);
}

/* Send a request. Return: was it sent? */
static bool send_request(struct vcpu *vcpu, const struct frame *frame, uint64_t now_ns)
{
	unsigned char bytes[FRAME_MAX];
	int r;

	vcpu->request = *frame;
	r = exchange_mark(&vcpu->request);
	if (r == 0) {
		frame_build(&vcpu->request, FRAME_G3, bytes);
		r = port_send(&vcpu->port, bytes, FRAME_G3, 0);
	}
	if (r == 0)
		return true;
	if (r == -ENOTCONN) {
		host_is_away(vcpu, now_ns);
		return false;
	}
	vcpu->unanswered++;
	tell(vcpu, r == -EAGAIN ? "the host does not read its port" : strerror(-r));
	give_up(vcpu, now_ns);
	return false;
}

/* CONNECT ends what an earlier session has left, whose votes nobody knows. */
static void begin_session(struct vcpu *vcpu, uint64_t now_ns)
{
	struct frame connect = {.command = FRAME_CONNECT};

	governor_reset(&vcpu->governor);
	vcpu->queries = vcpu->number < CHANGE_QUERIES;
	vcpu->state = VCPU_IDLE;
	vcpu->retry_ns = 0;
	(void)send_request(vcpu, &connect, now_ns);
}

static void open_port(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns)
{
	int r = port_open(agent->places->ports, vcpu->number, &vcpu->port);

	vcpu->error = -r;
	if (r == 0) {
		begin_session(vcpu, now_ns);
		return;
	}
	vcpu->retry_ns = now_ns + RETRY_NS;
	tell(vcpu, r == -EBUSY	  ? "its port is in use by another program; waiting"
		   : r == -ENOENT ? "its port is gone; waiting"
		   : r == -EACCES ? "may not open its port; be root, or in the port's group"
				  : strerror(-r));
}

static bool is_away(const struct vcpu *vcpu)
{
	struct pollfd polled = {.fd = vcpu->port.fd, .events = POLLIN};

	return poll(&polled, 1, 0) == 1 && (polled.revents & (POLLHUP | POLLERR));
}

static void come_back(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns)
{
	if (vcpu->port.socket) { /* a socket does not come back */
		port_close(&vcpu->port);
		vcpu->state = VCPU_CLOSED;
		open_port(agent, vcpu, now_ns);
	} else if (is_away(vcpu)) {
		vcpu->retry_ns = now_ns + RETRY_NS;
	} else {
		begin_session(vcpu, now_ns);
	}
}

static void query(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns)
{
	struct frame frame = {.command = FRAME_QUERY_FREQ, .resource_id = vcpu->number};

	/* beyond what can be asked for: only to be heard */
	if (vcpu->number >= CHANGE_QUERIES)
		frame = (struct frame){.command = FRAME_QUERY_FREQ_LIST};
	vcpu->heartbeat_ns = now_ns + agent->config->heartbeat_s * NS_PER_S;
	if (!send_request(vcpu, &frame, now_ns))
		return;
	vcpu->state = VCPU_QUERIED;
	vcpu->deadline_ns = now_ns + agent->config->timeout_ms * NS_PER_MS;
}

static void ask(struct agent *agent, struct vcpu *vcpu, enum governor_wish wish, uint64_t now_ns)
{
	static const uint32_t units[] = {
		[WISH_UP] = UNIT_UP,
		[WISH_DOWN] = UNIT_DOWN,
		[WISH_MIN] = UNIT_MIN,
		[WISH_MAX] = UNIT_MAX,
	};
	struct frame frame = {
		.command = FRAME_POWER, .resource_id = vcpu->number, .unit = units[wish]};

	if (!send_request(vcpu, &frame, now_ns))
		return;
	vcpu->wish = wish;
	vcpu->state = VCPU_ASKED;
	vcpu->deadline_ns = now_ns + agent->config->timeout_ms * NS_PER_MS;
}

static void no_answer(struct vcpu *vcpu, uint64_t now_ns)
{
	vcpu->unanswered++;
	if (vcpu->state == VCPU_QUERIED && vcpu->wish != WISH_NONE) {
		/* DPDK's host answers no queries unless told to */
		vcpu->queries = false;
		governor_granted(&vcpu->governor, vcpu->wish, 0, now_ns);
		vcpu->wish = WISH_NONE;
		vcpu->state = VCPU_IDLE;
		return;
	}
	tell(vcpu, "the host does not answer; asking for the maximum again until it does");
	give_up(vcpu, now_ns);
}

void vcpu_step(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns)
{
	enum governor_wish wish;

	if (vcpu->state == VCPU_ASKED || vcpu->state == VCPU_QUERIED) {
		if (now_ns >= vcpu->deadline_ns)
			no_answer(vcpu, now_ns);
		return;
	}
	if (now_ns < vcpu->retry_ns)
		return;
	if (vcpu->state == VCPU_CLOSED)
		open_port(agent, vcpu, now_ns);
	else if (vcpu->state == VCPU_AWAY)
		come_back(agent, vcpu, now_ns);
	if (vcpu->state != VCPU_IDLE)
		return;
	if (vcpu->again && vcpu->queries) {
		vcpu->again = false;
		vcpu->wish = WISH_NONE;
		query(agent, vcpu, now_ns);
		return;
	}
	wish = governor_wish(&vcpu->governor, &agent->settings);
	if (wish != WISH_NONE) {
		ask(agent, vcpu, wish, now_ns);
	} else if (now_ns >= vcpu->heartbeat_ns) {
		vcpu->wish = WISH_NONE;
		query(agent, vcpu, now_ns);
	}
}

static void granted(struct vcpu *vcpu, uint32_t khz, uint64_t now_ns)
{
	vcpu->changes += !khz || khz != vcpu->governor.khz;
	governor_granted(&vcpu->governor, vcpu->wish, khz, now_ns);
	vcpu->wish = WISH_NONE;
	vcpu->state = VCPU_IDLE;
}

static void asked_answer(struct agent *agent, struct vcpu *vcpu, const struct reply *reply,
			 uint64_t now_ns)
{
	if (reply->command != REPLY_ACK) {
		vcpu->refused++;
		tell(vcpu,
		     "the host refuses (NACK): is the vCPU pinned, and may this guest ask? Its "
		     "log says why");
		give_up(vcpu, now_ns);
		return;
	}
	went_well(vcpu);
	if (vcpu->queries)
		query(agent, vcpu, now_ns);
	else
		granted(vcpu, 0, now_ns);
}

static void queried_answer(struct vcpu *vcpu, const struct reply *reply, uint64_t now_ns)
{
	bool tells = reply->command == REPLY_FREQUENCIES && vcpu->number < FRAME_VCPUS;
	uint32_t khz = tells ? reply->frequencies[vcpu->number] : 0;

	if (!tells)
		vcpu->queries = false;
	if (vcpu->wish != WISH_NONE) {
		granted(vcpu, khz, now_ns);
		return;
	}
	vcpu->state = VCPU_IDLE;
	if (tells)
		governor_stands(&vcpu->governor, khz, now_ns);
}

void vcpu_readable(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns)
{
	struct reply reply;
	int r;

	while ((r = port_receive(&vcpu->port, 0, &reply)) == 0) {
		bool waits = vcpu->state == VCPU_ASKED || vcpu->state == VCPU_QUERIED;

		if (waits && exchange_matches(&vcpu->request, &reply)) {
			if (vcpu->state == VCPU_ASKED)
				asked_answer(agent, vcpu, &reply, now_ns);
			else
				queried_answer(vcpu, &reply, now_ns);
		} else {
			(void)clients_reply(agent, vcpu, &reply);
		}
		if (vcpu->state == VCPU_AWAY)
			return;
	}
	if (r != -EAGAIN)
		host_is_away(vcpu, now_ns);
}

void vcpu_measured(struct agent *agent, struct vcpu *vcpu, enum vcpu_sensor sensor,
		   uint32_t permille, uint64_t from_ns, uint64_t to_ns)
{
	if (vcpu->sensor != sensor) {
		static const char *const names[] = {"nothing", "telemetry", "the command",
						    "/proc/stat"};

		log_info("vCPU %u goes by %s", vcpu->number, names[sensor]);
	}
	vcpu->sensor = sensor;
	vcpu->measured_ns = to_ns;
	governor_measured(&vcpu->governor, &agent->settings, permille, from_ns, to_ns);
}

void vcpu_blind(struct vcpu *vcpu)
{
	if (vcpu->governor.blind)
		return;
	vcpu->blind++;
	governor_blind(&vcpu->governor);
}

void vcpu_end(struct vcpu *vcpu)
{
	struct frame connect = {.command = FRAME_CONNECT};
	unsigned char bytes[FRAME_MAX];

	if (vcpu->port.fd < 0)
		return;
	frame_build(&connect, FRAME_G3, bytes);
	(void)port_send(&vcpu->port, bytes, FRAME_G3, monotonic_ns() + 100 * NS_PER_MS);
	port_close(&vcpu->port);
	vcpu->state = VCPU_CLOSED;
}
