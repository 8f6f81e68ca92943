/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/frequency_outputs.h"

#include <errno.h>
#include <stdlib.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define WORKER_NS (50 * NS_PER_MS) /* the kernel's worker has run by then */
#define LOOK_INTERVAL_NS NS_PER_S  /* a look costs as much as a write */

static void notify(struct channel_monitor *monitor, struct frequency_output *output,
		   uint32_t notice)
{
	output->notices |= notice;
	list_append(&monitor->notices, &output->notice_link);
}

static void acquire(struct channel_monitor *monitor, struct frequency_output *output)
{
	ASSERT(output->state == OUTPUT_IDLE);
	output->state = OUTPUT_ACQUIRING;
	notify(monitor, output, NOTICE_ACQUIRE);
}

static void release(struct channel_monitor *monitor, struct frequency_output *output)
{
	ASSERT(output->state == OUTPUT_ACQUIRED);
	frequency_writer_close(&output->writer);
	list_remove(&output->deferred_link);
	output->state = OUTPUT_IDLE;
	output->failing = false;
	output->foreign = false;
	shared_store(output->shared->target_khz, 0);
	shared_store(output->shared->last_error, 0);
	notify(monitor, output, NOTICE_RELEASE);
}

int frequency_outputs_set(struct channel_monitor *monitor, const struct link_frequency_domain *from)
{
	struct frequency_output *output = monitor->outputs[from->id];
	int r;

	/* the open files belong to the old method: release, and acquire again if still wanted */
	if (output && output->state == OUTPUT_ACQUIRED && output->method != from->method)
		release(monitor, output);
	if (!output) {
		output = calloc(1, sizeof(*output));
		if (!output)
			return -ENOMEM;
		list_init(&output->waiting);
		list_init(&output->deferred_link);
		list_init(&output->notice_link);
		frequency_writer_init(&output->writer);
		output->id = from->id;
		output->shared = &monitor->shared->frequency_domains[from->id];
		shared_store(output->shared->target_khz, 0);
		shared_store(output->shared->last_error, 0);
		monitor->outputs[from->id] = output;
	}
	r = arbiter_set_frequency_domain(monitor->arbiter, from->id, &from->table, from->floor,
					 from->ceiling);
	if (r < 0)
		return r;
	output->method = (enum frequency_method)from->method;
	output->priority = from->priority != 0;
	return 0;
}

void frequency_outputs_free(struct channel_monitor *monitor)
{
	for (uint32_t id = 0; id < MAX_FREQUENCY_DOMAINS; id++) {
		struct frequency_output *output = monitor->outputs[id];

		if (!output)
			continue;
		frequency_writer_close(&output->writer);
		free(output);
		monitor->outputs[id] = NULL;
	}
}

static void hold(struct channel_monitor *monitor, struct guest_channel *channel,
		 const struct arbiter_vcpu *vcpu, uint32_t number)
{
	if (channel->held)
		return;
	for (uint32_t i = 0; i < vcpu->n_members; i++)
		monitor->outputs[vcpu->members[i].frequency_domain]->holds++;
	channel->held = true;
	channel->held_vcpu = number;
	channel->parked_sequence = ++monitor->sequence;
}

void frequency_outputs_unhold(struct channel_monitor *monitor, struct guest_channel *channel)
{
	const struct arbiter_vcpu *vcpu;

	if (!channel->held)
		return;
	channel->held = false;
	vcpu = arbiter_vcpu(monitor->arbiter, guest_channel_domain(channel), channel->held_vcpu);
	ASSERT(vcpu);
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		uint32_t id = vcpu->members[i].frequency_domain;
		struct frequency_output *output = monitor->outputs[id];

		ASSERT(output->holds > 0);
		output->holds--;
		/* it may be time to release it */
		if (output->state == OUTPUT_ACQUIRED)
			arbiter_mark_dirty(monitor->arbiter, id);
	}
}

/* Has acquiring it failed since the channel's request began to wait? */
static bool refused(const struct frequency_output *output, const struct guest_channel *channel)
{
	return channel->held && output->state == OUTPUT_IDLE &&
	       output->refused_sequence > channel->parked_sequence;
}

enum acquisition frequency_outputs_want(struct channel_monitor *monitor,
					struct guest_channel *channel, uint32_t number)
{
	const struct arbiter_vcpu *vcpu =
		arbiter_vcpu(monitor->arbiter, guest_channel_domain(channel), number);
	struct frequency_output *wait_for = NULL;

	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		struct frequency_output *output =
			monitor->outputs[vcpu->members[i].frequency_domain];

		if (refused(output, channel))
			return ACQUISITION_REFUSED;
		if (output->state != OUTPUT_ACQUIRED)
			wait_for = output;
	}
	if (!wait_for)
		return ACQUISITION_DONE;
	hold(monitor, channel, vcpu, number);
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		struct frequency_output *output =
			monitor->outputs[vcpu->members[i].frequency_domain];

		if (output->state == OUTPUT_IDLE)
			acquire(monitor, output);
	}
	channel->state = GUEST_CHANNEL_WAITING;
	list_append(&wait_for->waiting, &channel->link);
	return ACQUISITION_WAIT;
}

/* Does this ACQUIRED still apply to the output? */
static bool is_current(const struct frequency_output *output, enum acquired_reason reason)
{
	switch (reason) {
	case ACQUIRED_ANSWER:
		return output->state == OUTPUT_ACQUIRING && !(output->notices & NOTICE_ACQUIRE);
	case ACQUIRED_TAKEN_OVER:
		return output->state == OUTPUT_IDLE;
	case ACQUIRED_RENEWED:
		return output->state == OUTPUT_ACQUIRED;
	}
	return false;
}

static void wake_waiting(struct channel_monitor *monitor, struct frequency_output *output)
{
	while (!list_empty(&output->waiting))
		guest_channel_set_ready(
			monitor, container_of(output->waiting.next, struct guest_channel, link));
}

/* ACQUIRED with an error: refuse the requests that wait, or forget what was written. */
static void without_files(struct channel_monitor *monitor, struct frequency_output *output,
			  int error)
{
	if (output->state == OUTPUT_ACQUIRING) {
		output->state = OUTPUT_IDLE;
		output->refused_sequence = ++monitor->sequence;
	} else if (output->state == OUTPUT_ACQUIRED) {
		frequency_writer_forget(&output->writer);
		shared_store(output->shared->last_error, error);
	}
}

int frequency_outputs_acquired(struct channel_monitor *monitor,
			       const struct link_acquired *acquired, const int *fds,
			       unsigned int n_fds)
{
	struct frequency_output *output = monitor->outputs[acquired->frequency_domain];
	int r = 0;

	if (!output || !is_current(output, (enum acquired_reason)acquired->reason)) {
		for (unsigned int i = 0; i < n_fds; i++) {
			int fd = fds[i];

			close_fd(&fd);
		}
		return output ? 0 : -ENOENT;
	}
	output->failing = false;
	output->foreign = false;
	output->restarted = acquired->restarted != 0;
	if (acquired->error < 0) {
		without_files(monitor, output, acquired->error);
	} else {
		r = frequency_writer_open(&output->writer, output->method, fds, n_fds);
		/* a failure has closed the old files: nothing can be written any more */
		output->state = r < 0 ? OUTPUT_IDLE : OUTPUT_ACQUIRED;
		if (r < 0)
			return r;
		arbiter_mark_dirty(monitor->arbiter, output->id);
	}
	wake_waiting(monitor, output);
	return 0;
}

static void publish(struct channel_monitor *monitor, struct frequency_output *output)
{
	shared_store(output->shared->n_voters, arbiter_voters(monitor->arbiter, output->id));
	shared_store(output->shared->n_silent, arbiter_silent(monitor->arbiter, output->id));
}

/* Is it time to look at the files? At most once a second, and only before a write. */
static bool look_due(struct channel_monitor *monitor, struct frequency_output *output)
{
	uint64_t now = monitor_now(monitor);

	if (now < output->look_at_ns)
		return false;
	output->look_at_ns = now + LOOK_INTERVAL_NS;
	return true;
}

static void look(struct channel_monitor *monitor, struct frequency_output *output)
{
	uint32_t found_khz;

	if (!frequency_writer_foreign(&output->writer, &found_khz)) {
		output->foreign = false;
		return;
	}
	shared_store(output->shared->n_foreign, output->shared->n_foreign + 1);
	if (output->foreign)
		return;
	output->foreign = true;
	output->found_khz = found_khz;
	output->ours_khz = output->writer.khz;
	notify(monitor, output, NOTICE_FOREIGN);
}

static void write_target(struct channel_monitor *monitor, struct frequency_output *output,
			 uint32_t khz)
{
	bool looks = look_due(monitor, output);
	int r;

	if (looks)
		look(monitor, output);
	shared_store(output->shared->writing_khz, khz);
	r = frequency_writer_set(&output->writer, khz);
	if (looks || !output->writer.exact)
		frequency_writer_learn(&output->writer);
	shared_store(output->shared->last_error, r);
	if (r == 0) {
		output->failing = false;
		shared_store(output->shared->target_khz, khz);
		shared_store(output->shared->n_writes, output->shared->n_writes + 1);
		return;
	}
	monitor->write_failed = true;
	output->failed_turn = monitor->turn;
	output->not_before_ns = 0; /* the next request tries again, and its reply tells */
	shared_store(output->shared->n_failures, output->shared->n_failures + 1);
	if (output->failing)
		return;
	output->failing = true;
	output->failed_khz = khz;
	output->failed_error = r;
	notify(monitor, output, NOTICE_WRITE_FAILED);
}

static void write_later(struct channel_monitor *monitor, struct frequency_output *output)
{
	list_append(&monitor->deferred, &output->deferred_link);
	monitor_wake_at(monitor, output->not_before_ns);
}

/* Within the transition interval? Then write when it ends, whatever the target is by then. */
static bool defer(struct channel_monitor *monitor, struct frequency_output *output)
{
	uint64_t interval_ns = monitor->settings.transition_interval_us * NS_PER_US, now;

	if (interval_ns == 0 && output->not_before_ns == 0)
		return false;
	now = monitor_now(monitor);
	if (now < output->not_before_ns) {
		write_later(monitor, output);
		return true;
	}
	output->not_before_ns = interval_ns > 0 ? now + interval_ns : 0;
	return false;
}

/*
 * Some drivers can't read the hardware. They assume a frequency for a CPU that has just come online
 * and skip writing it, so write a neighbouring step first. With method limits a kernel worker
 * applies the values, and has to run between the two writes.
 *
 * Return: true: the target has to wait.
 */
static bool force_rewrite(struct channel_monitor *monitor, struct frequency_output *output,
			  uint32_t step)
{
	uint32_t khz = arbiter_neighbour_khz(monitor->arbiter, output->id, step);
	int r;

	output->restarted = false;
	if (khz == 0)
		return false;
	shared_store(output->shared->writing_khz, khz);
	r = frequency_writer_set(&output->writer, khz);
	output->writer.khz = 0; /* write the target next, even if it is this one by then */
	if (r < 0 || output->method != METHOD_LIMITS)
		return false;
	output->not_before_ns = monitor_now(monitor) + WORKER_NS;
	write_later(monitor, output);
	return true;
}

static void flush(struct channel_monitor *monitor, struct frequency_output *output)
{
	int step = arbiter_target(monitor->arbiter, output->id);
	uint32_t khz;

	publish(monitor, output);
	if (step == ARBITER_BASELINE) {
		if (output->state == OUTPUT_ACQUIRED && output->holds == 0)
			release(monitor, output);
		return;
	}
	if (output->state != OUTPUT_ACQUIRED) {
		/* for an override, or a vote that moved here with its vCPU */
		if (output->state == OUTPUT_IDLE)
			acquire(monitor, output);
		return;
	}
	khz = arbiter_khz(monitor->arbiter, output->id, (uint32_t)step);
	list_remove(&output->deferred_link);
	if (khz == output->writer.khz || defer(monitor, output))
		return;
	if (output->restarted && force_rewrite(monitor, output, (uint32_t)step))
		return;
	write_target(monitor, output, khz);
}

void frequency_outputs_flush(struct channel_monitor *monitor)
{
	int id;

	while ((id = arbiter_next_dirty(monitor->arbiter)) >= 0)
		flush(monitor, monitor->outputs[id]);
}

bool frequency_outputs_failed(const struct channel_monitor *monitor, uint32_t domain,
			      uint32_t number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, domain, number);

	for (uint32_t i = 0; vcpu && i < vcpu->n_members; i++)
		if (monitor->outputs[vcpu->members[i].frequency_domain]->failed_turn ==
		    monitor->turn)
			return true;
	return false;
}

void frequency_outputs_expire(struct channel_monitor *monitor)
{
	uint64_t now = monitor_now(monitor);
	struct list *next;

	for (struct list *link = monitor->deferred.next; link != &monitor->deferred; link = next) {
		struct frequency_output *output =
			container_of(link, struct frequency_output, deferred_link);

		next = link->next;
		if (output->not_before_ns > now) {
			monitor_wake_at(monitor, output->not_before_ns);
			continue;
		}
		list_remove(link);
		arbiter_mark_dirty(monitor->arbiter, output->id);
	}
}
