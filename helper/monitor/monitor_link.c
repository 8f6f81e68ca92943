/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/monitor_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/syscall_rule.h"

#define MESSAGES_PER_TURN 64

const struct syscall_rule monitor_link_syscalls[] = {
	ALLOW(recvmsg, "messages and fds from the manager"),
	END_OF_RULES,
};

static void publish_votes(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n = arbiter_vcpus(monitor->arbiter, domain);

	for (uint32_t v = 0; v < n; v++)
		shared_store(monitor->shared->vcpus[domain][v].vote_khz,
			     arbiter_vote_khz(monitor->arbiter, domain, v));
}

static int frequency_domain_set(struct channel_monitor *monitor,
				const struct link_frequency_domain *from)
{
	bool known = arbiter_has_frequency_domain(monitor->arbiter, from->id);
	int r = frequency_outputs_set(monitor, from);

	/* new limits may change votes */
	for (uint32_t d = 0; r == 0 && known && d < MAX_DOMAINS; d++)
		publish_votes(monitor, d);
	return r;
}

static int domain_add(struct channel_monitor *monitor, const struct link_domain *from)
{
	struct monitored_domain *domain = monitor->domains[from->id];
	struct arbiter_limits limits = {
		.min_khz = from->settings.min_khz,
		.max_khz = from->settings.max_khz,
		.turbo = from->settings.turbo != 0,
	};
	int r;

	r = arbiter_set_domain(monitor->arbiter, from->id, from->n_vcpus, &limits);
	if (r < 0)
		return r;
	if (!domain) {
		domain = calloc(1, sizeof(*domain));
		if (!domain)
			return -ENOMEM;
		list_init(&domain->throttled);
		list_init(&domain->throttled_link);
		monitor->domains[from->id] = domain;
	} else {
		publish_votes(monitor, from->id);
	}
	memcpy(domain->name, from->name, sizeof(domain->name));
	domain->queries = from->settings.queries != 0;
	domain->commands = from->settings.commands;
	channel_rate_set(monitor, domain, from->settings.rate, from->settings.burst);
	return 0;
}

static void settings_change(struct channel_monitor *monitor, const struct link_settings *from)
{
	monitor->settings = *from;
	arbiter_set_silence(monitor->arbiter, from->silence_protects != 0);
	channel_rate_set_total(monitor, from->total_rate);
}

static int vcpu_set(struct channel_monitor *monitor, const struct link_vcpu *from)
{
	struct monitored_domain *domain = monitor->domains[from->domain];
	int r;

	if (!domain)
		return -ENOENT;
	/* a request that waits for the old frequency domains starts over with the new ones */
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++) {
		struct guest_channel *channel = domain->channels[i];

		if (!channel || !channel->held || channel->held_vcpu != from->vcpu)
			continue;
		frequency_outputs_unhold(monitor, channel);
		if (channel->state == GUEST_CHANNEL_WAITING)
			guest_channel_set_ready(monitor, channel);
	}
	r = arbiter_set_vcpu(monitor->arbiter, from->domain, from->vcpu, from->flags,
			     from->vote_khz, from->frequency_domains, from->n_frequency_domains);
	if (r < 0)
		return r;
	shared_store(monitor->shared->vcpus[from->domain][from->vcpu].vote_khz,
		     arbiter_vote_khz(monitor->arbiter, from->domain, from->vcpu));
	return 0;
}

static int domain_remove(struct channel_monitor *monitor, uint32_t id)
{
	struct monitored_domain *domain = monitor->domains[id];

	if (!domain)
		return -ENOENT;
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
		if (domain->channels[i])
			guest_channel_free(monitor, domain->channels[i]);
	arbiter_silence_domain(monitor->arbiter, id);
	publish_votes(monitor, id);
	arbiter_remove_domain(monitor->arbiter, id);
	list_remove(&domain->throttled_link);
	monitor->domains[id] = NULL;
	free(domain);
	return 0;
}

static int domain_silence(struct channel_monitor *monitor, uint32_t id)
{
	if (!monitor->domains[id])
		return -ENOENT;
	arbiter_silence_domain(monitor->arbiter, id);
	publish_votes(monitor, id);
	return 0;
}

static int channel_add(struct channel_monitor *monitor, const struct link_channel *from, int fd)
{
	struct guest_channel *old = monitor_find_channel(monitor, from->id);
	int r = 0;

	if (!monitor->domains[from->id / MAX_DOMAIN_CHANNELS])
		r = -ENOENT;
	else if (old && old->state != GUEST_CHANNEL_GONE)
		r = -EEXIST;
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	/* it hung up, and the manager has noticed: it needs no notice */
	if (old)
		guest_channel_free(monitor, old);
	return guest_channel_new(monitor, from, fd);
}

static void channel_enable(struct channel_monitor *monitor, const struct link_channel *from)
{
	struct guest_channel *channel = monitor_find_channel(monitor, from->id);

	if (channel)
		channel->enabled = from->enabled != 0;
}

static void channel_remove(struct channel_monitor *monitor, uint32_t id)
{
	struct guest_channel *channel = monitor_find_channel(monitor, id);

	if (channel)
		guest_channel_free(monitor, channel);
}

static int handle(struct channel_monitor *monitor, const int *fds, unsigned int n_fds)
{
	const struct link_message *message = &monitor->incoming;

	switch ((enum link_type)message->type) {
	case LINK_FREQUENCY_DOMAIN_SET:
		return frequency_domain_set(monitor, &message->frequency_domain);
	case LINK_SETTINGS:
		settings_change(monitor, &message->settings);
		return 0;
	case LINK_DOMAIN_ADD:
		return domain_add(monitor, &message->domain);
	case LINK_VCPU_SET:
		return vcpu_set(monitor, &message->vcpu);
	case LINK_DOMAIN_REMOVE:
		return domain_remove(monitor, message->id);
	case LINK_DOMAIN_SILENCE:
		return domain_silence(monitor, message->id);
	case LINK_CHANNEL_ADD:
		return channel_add(monitor, &message->channel, fds[0]);
	case LINK_CHANNEL_ENABLE:
		channel_enable(monitor, &message->channel);
		return 0;
	case LINK_CHANNEL_REMOVE:
		channel_remove(monitor, message->id);
		return 0;
	case LINK_OVERRIDE:
		return arbiter_set_override(monitor->arbiter, message->override.domain,
					    message->override.vcpu, message->override.khz);
	case LINK_LOG_LEVEL:
		log_set_level((int)message->id);
		return 0;
	case LINK_PING:
		monitor->pong_due = true;
		return 0;
	case LINK_ACQUIRED:
		return frequency_outputs_acquired(monitor, &message->acquired, fds, n_fds);
	default:
		/* SETUP comes once, before the loop; no other type passes link_validate() */
		for (unsigned int i = 0; i < n_fds; i++) {
			int fd = fds[i];

			close_fd(&fd);
		}
		return -EPROTO;
	}
}

int monitor_link_receive(struct channel_monitor *monitor)
{
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		unsigned int n_fds = UNIX_MAX_FDS;
		int fds[UNIX_MAX_FDS];
		uint32_t type;
		int r;

		r = link_receive(monitor->link_fd, &monitor->incoming, fds, &n_fds,
				 LINK_TO_MONITOR);
		if (r == -EAGAIN)
			return 0;
		if (r == 0)
			return MONITOR_LINK_GONE;
		if (r < 0) {
			log_error("link: can't receive: %s", strerror(-r));
			return r;
		}
		type = monitor->incoming.type;
		r = handle(monitor, fds, n_fds);
		if (r < 0) {
			log_error("link: can't do what %s asks for: %s; ending, "
				  "to be started anew with a clean slate",
				  link_type_name(type), strerror(-r));
			return r;
		}
	}
	return 0;
}

static void wait_for_room(struct channel_monitor *monitor, bool wait)
{
	struct epoll_event event = {.events = EPOLLIN | (wait ? EPOLLOUT : 0),
				    .data.u64 = monitor_ref(REF_LINK, 0)};

	if (monitor->link_blocked == wait)
		return;
	if (epoll_ctl(monitor->epoll_fd, EPOLL_CTL_MOD, monitor->link_fd, &event) == 0)
		monitor->link_blocked = wait;
}

/* Return: false if there is no room. Other errors show when the link is read. */
static bool send_notice(struct channel_monitor *monitor)
{
	int r = link_send(monitor->link_fd, &monitor->notice, NULL, 0);

	return r != -EAGAIN && r != -ENOBUFS;
}

static bool send_id(struct channel_monitor *monitor, enum link_type type, uint32_t id)
{
	monitor->notice.type = type;
	monitor->notice.id = id;
	return send_notice(monitor);
}

static bool send_write_failed(struct channel_monitor *monitor,
			      const struct frequency_output *output)
{
	monitor->notice.type = LINK_WRITE_FAILED;
	monitor->notice.write_failed = (struct link_write_failed){
		.frequency_domain = output->id,
		.error = output->failed_error,
		.khz = output->failed_khz,
	};
	return send_notice(monitor);
}

static bool send_foreign(struct channel_monitor *monitor, const struct frequency_output *output)
{
	monitor->notice.type = LINK_FOREIGN;
	monitor->notice.foreign = (struct link_foreign){
		.frequency_domain = output->id,
		.found_khz = output->found_khz,
		.ours_khz = output->ours_khz,
	};
	return send_notice(monitor);
}

/* Oldest first, so that a RELEASE is never overtaken by the next ACQUIRE. */
static bool send_output_notices(struct channel_monitor *monitor, struct frequency_output *output)
{
	ASSERT(output->notices != 0);
	if (output->notices & NOTICE_FOREIGN) {
		if (!send_foreign(monitor, output))
			return false;
		output->notices &= ~NOTICE_FOREIGN;
	}
	if (output->notices & NOTICE_WRITE_FAILED) {
		if (!send_write_failed(monitor, output))
			return false;
		output->notices &= ~NOTICE_WRITE_FAILED;
	}
	if (output->notices & NOTICE_RELEASE) {
		if (!send_id(monitor, LINK_RELEASE, output->id))
			return false;
		output->notices &= ~NOTICE_RELEASE;
	}
	if (output->notices & NOTICE_ACQUIRE) {
		if (!send_id(monitor, LINK_ACQUIRE, output->id))
			return false;
		output->notices &= ~NOTICE_ACQUIRE;
	}
	list_remove(&output->notice_link);
	return true;
}

static bool send_pong(struct channel_monitor *monitor)
{
	if (!monitor->pong_due)
		return true;
	monitor->notice.type = LINK_PONG;
	monitor->pong_due = !send_notice(monitor);
	return !monitor->pong_due;
}

static bool send_refusal(struct channel_monitor *monitor, struct guest_channel *channel)
{
	ASSERT(channel->refusal != REFUSAL_NONE);
	monitor->notice.type = LINK_REFUSED;
	monitor->notice.refused = (struct link_refused){
		.channel = channel->id,
		.refusal = channel->refusal,
		.vcpu = channel->refused_vcpu,
		.more = channel->refused_more,
	};
	if (!send_notice(monitor))
		return false;
	channel->refusal = REFUSAL_NONE;
	list_remove(&channel->refusal_link);
	return true;
}

void monitor_link_send_notices(struct channel_monitor *monitor)
{
	if (!send_pong(monitor)) {
		wait_for_room(monitor, true);
		return;
	}
	while (!list_empty(&monitor->notices)) {
		if (!send_output_notices(monitor,
					 container_of(monitor->notices.next,
						      struct frequency_output, notice_link))) {
			wait_for_room(monitor, true);
			return;
		}
	}
	while (!list_empty(&monitor->refusals)) {
		if (!send_refusal(monitor, container_of(monitor->refusals.next,
							struct guest_channel, refusal_link))) {
			wait_for_room(monitor, true);
			return;
		}
	}
	while (!list_empty(&monitor->gone)) {
		struct guest_channel *channel =
			container_of(monitor->gone.next, struct guest_channel, link);

		if (!send_id(monitor, LINK_CHANNEL_GONE, channel->id)) {
			wait_for_room(monitor, true);
			return;
		}
		guest_channel_free(monitor, channel);
	}
	wait_for_room(monitor, false);
}
