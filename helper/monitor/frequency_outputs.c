/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/frequency_outputs.h"

#include <errno.h>
#include <stdlib.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/monitor/frequency_target.h"

#define WORKER_NS (50 * NS_PER_MS) /* the kernel's worker has run by then */
#define SILENCE_NS NS_PER_S
#define ACQUIRE_INTERVAL_NS NS_PER_S
#define FIRST_BACKOFF_NS (100 * NS_PER_MS)
#define LAST_BACKOFF_NS (10 * NS_PER_S)
#define FLUSH_MAX 32 /* in one turn: some 0.3 ms */

static void notify(struct channel_monitor *monitor, struct frequency_output *output,
		   uint32_t notice)
{
	output->notices |= notice;
	list_append(&monitor->output_notices, &output->notice_link);
}

/* --- failures ------------------------------------------------------------------------------- */

/* Why the decision is not in force; 0: it is, or will be */
static void publish_error(struct channel_monitor *monitor, struct frequency_output *output,
			  int error)
{
	if (shared_load(output->shared->last_error) != 0)
		monitor->n_failing--;
	if (error != 0)
		monitor->n_failing++;
	shared_store(output->shared->last_error, error);
}

static void fail(struct channel_monitor *monitor, struct frequency_output *output,
		 enum refusal refusal, int error)
{
	uint64_t backoff_ns = 2 * output->backoff_ns;

	if (backoff_ns == 0)
		backoff_ns = FIRST_BACKOFF_NS;
	output->backoff_ns = backoff_ns < LAST_BACKOFF_NS ? backoff_ns : LAST_BACKOFF_NS;
	output->not_before_ns = monitor_now(monitor) + output->backoff_ns;
	output->refusal = (uint8_t)refusal;
	output->error = error;
	publish_error(monitor, output, error);
	arbiter_mark_dirty(monitor->arbiter, output->id);
}

static void succeed(struct channel_monitor *monitor, struct frequency_output *output)
{
	if (output->backoff_ns == 0)
		return;
	output->refusal = REFUSAL_NONE;
	output->error = 0;
	output->told = false;
	output->backoff_ns = 0;
	publish_error(monitor, output, 0);
}

/* --- acquiring and releasing ---------------------------------------------------------------- */

/* Nothing of ours is in force. */
static void publish_nothing(struct frequency_output *output)
{
	shared_store(output->shared->target_khz, 0);
	shared_store(output->shared->lowest_khz, 0);
	shared_store(output->shared->written_khz, 0);
	shared_store(output->shared->written_max_khz, 0);
}

static void let_go(struct frequency_output *output)
{
	ASSERT(output->state == OUTPUT_ACQUIRED);
	frequency_writer_close(&output->writer);
	output->state = OUTPUT_IDLE;
	output->silence_ends_ns = 0;
	output->restarted = output->told = output->unsettled = false;
	publish_nothing(output);
}

static void release(struct channel_monitor *monitor, struct frequency_output *output)
{
	let_go(output);
	notify(monitor, output, NOTICE_RELEASE);
}

/* --- managers come and go ------------------------------------------------------------------- */

void frequency_outputs_begin_sync(struct channel_monitor *monitor)
{
	for (uint32_t id = 0; id < MAX_FREQUENCY_DOMAINS; id++) {
		struct frequency_output *output = monitor->outputs[id];

		if (!output)
			continue;
		output->unsettled = true;
		output->told = false;
		output->notices = 0;
		list_remove(&output->notice_link);
		if (output->state == OUTPUT_ACQUIRING) {
			output->state = OUTPUT_IDLE;
			output->acquired_ns = 0;
			arbiter_mark_dirty(monitor->arbiter, id);
		}
	}
}

void frequency_outputs_end_sync(struct channel_monitor *monitor)
{
	for (uint32_t id = 0; id < MAX_FREQUENCY_DOMAINS; id++) {
		struct frequency_output *output = monitor->outputs[id];

		if (!output)
			continue;
		if (output->unsettled && output->state == OUTPUT_ACQUIRED)
			let_go(output);
		output->unsettled = false;
		arbiter_mark_dirty(monitor->arbiter, id);
	}
}

static int add_output(struct channel_monitor *monitor, uint32_t id)
{
	struct frequency_output *output;

	output = calloc(1, sizeof(*output));
	if (!output)
		return -ENOMEM;
	list_init(&output->notice_link);
	frequency_writer_init(&output->writer);
	output->timer.kind = TIMER_OUTPUT;
	output->id = id;
	output->unsettled = true;
	output->shared = &monitor->shared->frequency_domains[id];
	publish_nothing(output);
	shared_store(output->shared->last_error, 0);
	shared_store(output->shared->under_way, 0); /* a predecessor died of it */
	monitor->outputs[id] = output;
	return 0;
}

int frequency_outputs_set(struct channel_monitor *monitor, const struct link_frequency_domain *from)
{
	struct frequency_output *output = monitor->outputs[from->id];
	int r = output ? 0 : add_output(monitor, from->id);

	if (r == 0)
		r = arbiter_set_frequency_domain(monitor->arbiter, from->id, &from->table,
						 from->floor, from->ceiling);
	if (r < 0)
		return r;
	output = monitor->outputs[from->id];
	/* the open files belong to the old method: release, and acquire again if still wanted */
	if (output->method != from->method) {
		if (output->state == OUTPUT_ACQUIRED)
			release(monitor, output);
		succeed(monitor, output);
		output->not_before_ns = 0;
	}
	/* that of an acquired one came with its files */
	if (output->state != OUTPUT_ACQUIRED) {
		output->baseline_max_khz = from->baseline_max_khz;
		arbiter_set_baseline(monitor->arbiter, from->id, from->baseline_max_khz);
	}
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
		timer_cancel(&monitor->timers, &output->timer);
		frequency_writer_close(&output->writer);
		free(output);
		monitor->outputs[id] = NULL;
	}
}

/* Does this ACQUIRED still apply to the output? */
static bool is_current(const struct frequency_output *output, enum acquired_reason reason)
{
	switch (reason) {
	case ACQUIRED_ANSWER:
		return output->state == OUTPUT_ACQUIRING && !(output->notices & NOTICE_ACQUIRE);
	case ACQUIRED_TAKEN_OVER:
		return output->unsettled;
	case ACQUIRED_RENEWED:
		return output->state == OUTPUT_ACQUIRED;
	}
	return false;
}

/* ACQUIRED with an error: try again later, if new files don't come before. */
static void without_files(struct channel_monitor *monitor, struct frequency_output *output,
			  bool renewed, int error)
{
	if (renewed) {
		frequency_writer_forget(&output->writer);
		publish_nothing(output);
		fail(monitor, output, REFUSAL_WRITE, error);
	} else if (output->state != OUTPUT_IDLE) {
		if (output->state == OUTPUT_ACQUIRED)
			let_go(output);
		output->state = OUTPUT_IDLE;
		fail(monitor, output, REFUSAL_ACQUIRE, error);
	}
}

int frequency_outputs_acquired(struct channel_monitor *monitor,
			       const struct link_acquired *acquired, const int *fds,
			       unsigned int n_fds)
{
	struct frequency_output *output = monitor->outputs[acquired->frequency_domain];
	int r;

	if (!output || !is_current(output, (enum acquired_reason)acquired->reason)) {
		close_fds(fds, n_fds);
		return output ? 0 : -ENOENT;
	}
	output->unsettled = false;
	output->restarted |= acquired->restarted != 0;
	if (acquired->error < 0) {
		without_files(monitor, output, acquired->reason == ACQUIRED_RENEWED,
			      acquired->error);
		return 0;
	}
	r = frequency_writer_open(&output->writer, output->method, fds, n_fds);
	/* a failure has closed the old files: nothing can be written any more */
	output->state = r < 0 ? OUTPUT_IDLE : OUTPUT_ACQUIRED;
	if (r < 0)
		return r;
	if (output->error != 0) /* else a worker of the kernel has its time */
		output->not_before_ns = 0;
	output->decides = (enum deciding_limit)acquired->decides;
	output->baseline_min_khz = acquired->baseline_min_khz;
	output->baseline_max_khz = acquired->baseline_max_khz;
	arbiter_set_baseline(monitor->arbiter, output->id, acquired->baseline_max_khz);
	return 0;
}

/* --- writing -------------------------------------------------------------------------------- */

static void publish_target(const struct frequency_output *output,
			   const struct frequency_target *target,
			   const struct frequency_target *limits)
{
	bool one = output->method == METHOD_LIMITS && output->decides != LIMIT_BOTH;
	uint32_t khz = output->decides == LIMIT_MIN ? target->low_khz : target->high_khz;

	shared_store(output->shared->target_khz, one ? khz : target->high_khz);
	shared_store(output->shared->lowest_khz, one ? khz : target->low_khz);
	shared_store(output->shared->written_khz, limits->low_khz);
	shared_store(output->shared->written_max_khz, limits->high_khz);
}

/* Return: was it written? */
static bool write_target(struct channel_monitor *monitor, struct frequency_output *output,
			 const struct frequency_target *target,
			 const struct frequency_target *limits)
{
	int r;

	shared_store(output->shared->writing_khz, limits->low_khz);
	shared_store(output->shared->writing_max_khz, limits->high_khz);
	shared_store(output->shared->under_way, 1);
	r = frequency_writer_set(&output->writer, limits->low_khz, limits->high_khz);
	if (r == 0) {
		succeed(monitor, output);
		publish_target(output, target, limits);
		shared_store(output->shared->n_writes, output->shared->n_writes + 1);
		shared_store_last(output->shared->under_way, 0);
		return true;
	}
	shared_store(output->shared->n_failures, output->shared->n_failures + 1);
	shared_store_last(output->shared->under_way, 0);
	fail(monitor, output, REFUSAL_WRITE, r);
	if (!output->told) {
		output->told = true;
		output->failed_error = r;
		notify(monitor, output, NOTICE_WRITE_FAILED);
	}
	return false;
}

static void look_again_at(struct channel_monitor *monitor, struct frequency_output *output,
			  uint64_t due_ns)
{
	if (!timer_is_set(&output->timer) || output->timer.due_ns > due_ns)
		timer_set(&monitor->timers, &output->timer, due_ns);
}

/* As fast as without us, as long as no manager can restore the baseline. */
static void write_baseline(struct channel_monitor *monitor, struct frequency_output *output)
{
	const struct host_steps *host = arbiter_host_steps(monitor->arbiter, output->id);
	struct frequency_target target = frequency_target_baseline(host, output);

	if (monitor_now(monitor) < output->not_before_ns)
		look_again_at(monitor, output, output->not_before_ns);
	else if (target.low_khz != output->writer.low_khz ||
		 target.high_khz != output->writer.high_khz)
		(void)write_target(monitor, output, &target, &target);
}

void frequency_outputs_leave(struct channel_monitor *monitor)
{
	for (uint32_t id = 0; id < MAX_FREQUENCY_DOMAINS; id++) {
		struct frequency_output *output = monitor->outputs[id];

		if (output && output->state == OUTPUT_ACQUIRED)
			write_baseline(monitor, output);
	}
}

/* The next faster frequency within the host's limits, else the next slower one; 0: none */
static uint32_t neighbour_of(const struct host_steps *host, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(host->khz, host->n_steps, khz);

	step = frequency_clamp_step(step, host->floor, host->ceiling);
	if (step < host->ceiling)
		return host->khz[step + 1];
	return step > host->floor ? host->khz[step - 1] : 0;
}

static void write_if_changed(struct channel_monitor *monitor, struct frequency_output *output,
			     const struct arbiter_decision *decision)
{
	const struct host_steps *host = arbiter_host_steps(monitor->arbiter, output->id);
	uint64_t interval_ns = monitor->settings.transition_interval_us * NS_PER_US;
	struct frequency_target target = frequency_target_of(host, output, decision), limits;
	/*
	 * Some drivers can't read the hardware. They assume a frequency for a CPU that has just
	 * come online and skip writing it: write a neighbouring step first. Limits are applied by a
	 * worker of the kernel, which needs some time for it.
	 */
	uint32_t other_khz = output->restarted ? neighbour_of(host, target.high_khz) : 0;

	if (other_khz > 0)
		target = (struct frequency_target){other_khz, other_khz};
	output->restarted = false;
	limits = frequency_target_limits(output, &target);
	if ((limits.high_khz == output->writer.high_khz &&
	     limits.low_khz == output->writer.low_khz) ||
	    !write_target(monitor, output, &target, &limits))
		return;
	output->not_before_ns = interval_ns > 0 ? monitor_now(monitor) + interval_ns : 0;
	if (other_khz == 0)
		return;
	/* write the target next, even if it is this one by then */
	frequency_writer_forget(&output->writer);
	output->not_before_ns =
		output->method == METHOD_LIMITS ? monitor_now(monitor) + WORKER_NS : 0;
	arbiter_mark_dirty(monitor->arbiter, output->id);
}

/* --- carrying out decisions ----------------------------------------------------------------- */

static void acquire_soon(struct channel_monitor *monitor, struct frequency_output *output)
{
	uint64_t next_ns = output->acquired_ns + ACQUIRE_INTERVAL_NS;

	if (output->acquired_ns > 0 && monitor_now(monitor) < next_ns) {
		look_again_at(monitor, output, next_ns);
		return;
	}
	output->state = OUTPUT_ACQUIRING;
	output->unsettled = false;
	output->acquired_ns = monitor_now(monitor);
	notify(monitor, output, NOTICE_ACQUIRE);
}

/* Is it to be at its baseline? */
static bool is_baseline(struct channel_monitor *monitor, struct frequency_output *output,
			enum decider decider)
{
	uint64_t now = monitor_now(monitor);

	if (decider != DECIDER_SILENCE || output->method == METHOD_LIMITS) {
		output->silence_ends_ns = 0;
		return decider == DECIDER_NOBODY;
	}
	/* method setspeed can't just leave room */
	if (output->state != OUTPUT_ACQUIRED)
		return output->state == OUTPUT_IDLE;
	if (output->silence_ends_ns == 0)
		output->silence_ends_ns = now + SILENCE_NS;
	if (now >= output->silence_ends_ns)
		return true;
	look_again_at(monitor, output, output->silence_ends_ns);
	return false;
}

static void publish(const struct frequency_output *output, const struct arbiter_decision *decision)
{
	struct shared_frequency_domain *shared = output->shared;

	shared_store(shared->decider, decision->decider);
	shared_store(shared->step_khz, decision->khz);
	shared_store(shared->n_voters, decision->n_voters);
	shared_store(shared->n_silent, decision->n_silent);
}

static void flush(struct channel_monitor *monitor, struct frequency_output *output)
{
	struct arbiter_decision decision = arbiter_decide(monitor->arbiter, output->id);
	bool baseline;

	if (timer_is_set(&output->timer))
		timer_cancel(&monitor->timers, &output->timer);
	publish(output, &decision);
	baseline = is_baseline(monitor, output, decision.decider);
	if (output->error != 0) {
		/* wanted anew, and its back-off is over: it may well succeed */
		if (output->at_baseline && !baseline &&
		    monitor_now(monitor) >= output->not_before_ns)
			output->error = 0;
		/* at its baseline nothing can be wrong */
		publish_error(monitor, output, baseline ? 0 : output->error);
	}
	output->at_baseline = baseline;
	if (baseline && output->state == OUTPUT_ACQUIRED && monitor->manager != MANAGER_ATTACHED) {
		write_baseline(monitor, output);
	} else if (baseline) {
		arbiter_settle(monitor->arbiter, output->id);
		if (output->state == OUTPUT_ACQUIRED)
			release(monitor, output);
	} else if (monitor_now(monitor) < output->not_before_ns) {
		look_again_at(monitor, output, output->not_before_ns);
	} else if (output->state == OUTPUT_IDLE) {
		acquire_soon(monitor, output);
	} else if (output->state == OUTPUT_ACQUIRED) {
		write_if_changed(monitor, output, &decision);
		arbiter_settle(monitor->arbiter, output->id);
	}
}

void frequency_outputs_flush(struct channel_monitor *monitor)
{
	for (int i = 0, id; i < FLUSH_MAX && (id = arbiter_next_dirty(monitor->arbiter)) >= 0; i++)
		flush(monitor, monitor->outputs[id]);
}

enum refusal frequency_outputs_refusal(const struct channel_monitor *monitor, uint32_t domain,
				       uint32_t number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, domain, number);

	for (uint32_t i = 0; vcpu && monitor->n_failing > 0 && i < arbiter_n_members(vcpu); i++) {
		const struct frequency_output *output = monitor->outputs[vcpu->set->ids[i]];

		if (shared_load(output->shared->last_error) != 0)
			return (enum refusal)output->refusal;
	}
	return REFUSAL_NONE;
}
