/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/monitor_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/managers.h"
#include "helper/monitor/monitored_domain.h"
#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/hour_change.h"
#include "helper/monitor/policies/traffic.h"
#include "helper/monitor/policies/traffic_pass.h"
#include "helper/monitor/state/syscall_rule.h"

#define MESSAGES_PER_TURN 64
/*
 * Some messages cost far more than others: one may be about 64 vCPUs on all frequency domains.
 * Guests wait for a turn with the first message that reaches this, and what that one costs.
 */
#define WORK_PER_TURN 50000 /* of arbiter_work(): about 1 ms */
#define CHANNEL_WORK 200    /* to close one */

const struct syscall_rule monitor_link_syscalls[] = {
	ALLOW_IF(recvmsg, 0, LINK_FD_MASK, LINK_FD, "messages and fds from the manager"),
	ALLOW_IF(sendmsg, 0, LINK_FD_MASK, LINK_FD, "messages to the manager"),
	{0},
};

static void settings_change(struct channel_monitor *monitor, const struct link_settings *from)
{
	monitor->settings = *from;
	arbiter_set_silence(monitor->arbiter, from->silence_protects != 0);
	channel_rate_set_total(monitor, from->total_rate);
}

static int vcpus_set(struct channel_monitor *monitor, const struct link_vcpus *from)
{
	int r;

	if (!monitor->domains[from->domain])
		return -ENOENT;
	r = arbiter_set_vcpus(monitor->arbiter, from->domain, from->first, from->n, from->flags,
			      from->said, &from->frequency_domains);
	for (uint32_t i = 0; r == 0 && i < from->n; i++) {
		monitor_publish_vote(monitor, from->domain, from->first + i);
		monitor_publish_standing(monitor, from->domain, from->first + i);
		guest_policies_taken_over(monitor, from->domain, from->first + i);
	}
	return r;
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

	if (!channel)
		return;
	channel->synced = true;
	channel->enabled = from->enabled != 0;
	if (!channel->enabled)
		(void)guest_channel_end_session(monitor, channel);
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
	int r;

	if (monitor->manager != MANAGER_ATTACHED && message->type != LINK_SETUP &&
	    message->type != LINK_END) {
		close_fds(fds, n_fds);
		return -EPROTO;
	}
	switch ((enum link_type)message->type) {
	case LINK_SETUP:
		r = managers_set_up(monitor, fds, n_fds);
		if (r == 0)
			settings_change(monitor, &message->setup.settings);
		return r;
	case LINK_SYNCED:
		managers_synced(monitor);
		return 0;
	case LINK_END:
		log_info("ends: the manager says so");
		return MONITOR_LINK_ENDED;
	case LINK_FREQUENCY_DOMAIN_SET:
		return frequency_outputs_set(monitor, &message->frequency_domain);
	case LINK_SETTINGS:
		settings_change(monitor, &message->settings);
		return 0;
	case LINK_DOMAIN_ADD:
		return monitored_domain_set(monitor, &message->domain);
	case LINK_VCPUS_SET:
		return vcpus_set(monitor, &message->vcpus);
	case LINK_DOMAIN_REMOVE:
		return monitored_domain_remove(monitor, message->id);
	case LINK_DOMAIN_SILENCE:
		return monitored_domain_silence(monitor, message->id);
	case LINK_CHANNEL_ADD:
		return channel_add(monitor, &message->channel, fds[0]);
	case LINK_CHANNEL_ENABLE:
		channel_enable(monitor, &message->channel);
		return 0;
	case LINK_CHANNEL_REMOVE:
		channel_remove(monitor, message->id);
		return 0;
	case LINK_OVERRIDE:
		if (message->override.khz == 0 && !monitor->domains[message->override.domain])
			return 0; /* as in monitored_domain_silence() */
		return arbiter_set_override(monitor->arbiter, message->override.domain,
					    message->override.vcpu, message->override.khz);
	case LINK_HOUR:
		hour_change_set(monitor, &message->hour);
		return 0;
	case LINK_TRAFFIC_AREA:
		return traffic_set_area(monitor, fds[0]);
	case LINK_INTERFACES:
		return traffic_pass_interfaces(monitor, &message->interfaces);
	case LINK_LOG_LEVEL:
		log_set_level((int)message->id);
		return 0;
	case LINK_PING:
		monitor->pong_due = true;
		return 0;
	case LINK_ACQUIRED:
		return frequency_outputs_acquired(monitor, &message->acquired, fds, n_fds);
	default:
		/* no other type passes link_validate() */
		close_fds(fds, n_fds);
		return -EPROTO;
	}
}

static uint64_t work_done(const struct channel_monitor *monitor)
{
	return arbiter_work(monitor->arbiter) + monitor->n_closed * CHANNEL_WORK;
}

int monitor_link_receive(struct channel_monitor *monitor)
{
	uint64_t limit = work_done(monitor) + WORK_PER_TURN;

	for (int i = 0; i < MESSAGES_PER_TURN && work_done(monitor) < limit; i++) {
		unsigned int n_fds = UNIX_MAX_FDS;
		int fds[UNIX_MAX_FDS];
		uint32_t type;
		int r;

		r = link_receive(monitor->link_fd, &monitor->incoming, fds, &n_fds,
				 LINK_TO_MONITOR);
		if (r == -EAGAIN)
			return 0;
		if (r == 0) {
			managers_gone(monitor);
			return monitor->listen_fd < 0 ? MONITOR_LINK_ENDED : 0;
		}
		if (r < 0) {
			log_error("link: can't receive: %s", strerror(-r));
			return r;
		}
		type = monitor->incoming.type;
		r = handle(monitor, fds, n_fds);
		if (r == MONITOR_LINK_ENDED)
			return r;
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
	return !link_is_full(link_send(monitor->link_fd, &monitor->notice, NULL, 0));
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
		.khz = output->method == METHOD_LIMITS && output->decides == LIMIT_MIN
			       ? shared_load(output->shared->writing_khz)
			       : shared_load(output->shared->writing_max_khz),
	};
	return send_notice(monitor);
}

/* Oldest first, so that a RELEASE is never overtaken by the next ACQUIRE. */
static bool send_output_notices(struct channel_monitor *monitor, struct frequency_output *output)
{
	ASSERT(output->notices != 0);
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

static bool send_refusal(struct channel_monitor *monitor, struct guest_channel *channel)
{
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
	return true;
}

static bool send_channel_notices(struct channel_monitor *monitor, struct guest_channel *channel)
{
	bool gone = channel->state == GUEST_CHANNEL_GONE;

	if (channel->refusal != REFUSAL_NONE && !send_refusal(monitor, channel))
		return false;
	if (gone && !send_id(monitor, LINK_CHANNEL_GONE, channel->id))
		return false;
	list_remove(&channel->notice_link);
	if (gone)
		guest_channel_free(monitor, channel);
	return true;
}

static bool send_wish(struct channel_monitor *monitor, uint32_t domain)
{
	struct traffic_state *traffic = &monitor->traffic;
	uint64_t bit = UINT64_C(1) << domain % 64, wanted = traffic->wanted[domain / 64] & bit;

	monitor->notice.type = LINK_TRAFFIC_WANTED;
	monitor->notice.traffic_wanted =
		(struct link_traffic_wanted){.domain = domain, .wanted = wanted ? 1 : 0};
	if (!send_notice(monitor))
		return false;
	traffic->told[domain / 64] = (traffic->told[domain / 64] & ~bit) | wanted;
	traffic->untold[domain / 64] &= ~bit;
	return true;
}

/* What the manager does not know yet of whose traffic is wanted. */
static bool send_wishes(struct channel_monitor *monitor)
{
	struct traffic_state *traffic = &monitor->traffic;

	for (uint32_t word = 0; word < DOMAIN_WORDS; word++) {
		uint64_t due;

		while ((due = (traffic->wanted[word] ^ traffic->told[word]) |
			      traffic->untold[word]) != 0)
			if (!send_wish(monitor, word * 64 + (uint32_t)__builtin_ctzll(due)))
				return false;
	}
	traffic->notices = false;
	return true;
}

/* Return: false: there is no room for some. */
static bool send_notices(struct channel_monitor *monitor)
{
	const struct list *outputs = &monitor->output_notices,
			  *channels = &monitor->channel_notices;

	if (monitor->ready_due && !send_id(monitor, LINK_READY, 0))
		return false;
	monitor->ready_due = false;
	if (monitor->pong_due && !send_id(monitor, LINK_PONG, 0))
		return false;
	monitor->pong_due = false;
	if (monitor->hour_wanted && !send_id(monitor, LINK_HOUR_WANTED, 0))
		return false;
	monitor->hour_wanted = false;
	if (monitor->traffic.notices && !send_wishes(monitor))
		return false;
	while (!list_empty(outputs))
		if (!send_output_notices(
			    monitor,
			    container_of(outputs->next, struct frequency_output, notice_link)))
			return false;
	while (!list_empty(channels))
		if (!send_channel_notices(monitor, container_of(channels->next,
								struct guest_channel, notice_link)))
			return false;
	return true;
}

void monitor_link_send_notices(struct channel_monitor *monitor)
{
	if (monitor->manager == MANAGER_GREETED && monitor->greeted < MAX_CHANNELS)
		wait_for_room(monitor, !managers_greet(monitor));
	/* as in nearly every turn */
	if (monitor->manager != MANAGER_ATTACHED ||
	    (list_empty(&monitor->output_notices) && list_empty(&monitor->channel_notices) &&
	     !monitor->pong_due && !monitor->ready_due && !monitor->hour_wanted &&
	     !monitor->traffic.notices && !monitor->link_blocked))
		return;
	wait_for_room(monitor, !send_notices(monitor));
}
