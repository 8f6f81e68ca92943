/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries out the arbiter's decisions. Each frequency domain has an output: acquired from the
 * manager when a vote or override wants it, written to when its target changes, released when
 * nothing wants it any more.
 *
 *    vote, override wants it	    ACQUIRED
 *   IDLE ------------> ACQUIRING ------------> ACQUIRED
 *    ^		ACQUIRE	    |			   |
 *    +---------------------+	<------------------+
 *	  ACQUIRED: error	   not wanted any more: RELEASE
 *
 * What fails, acquiring or writing, is tried again after a back-off, 100 ms at first and 10 s at
 * most; meanwhile requests that need it are answered with NACK, though their votes count.
 * An acquisition makes the manager write files, so it is asked for once a second at most.
 *
 * Where silence decides, method limits leaves the baseline's maximum and raises the minimum to the
 * highest vote. Method setspeed can't do that: it writes the baseline's maximum at once, and after
 * 1 s gives the frequency domain back to its baseline's governor until silence decides no longer.
 */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUTS_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUTS_H

#include "helper/monitor/frequency_output.h"
#include "helper/monitor/state/monitor_state.h"

/** frequency_outputs_set() - a new frequency domain, or a known one with other limits */
int frequency_outputs_set(struct channel_monitor *monitor,
			  const struct link_frequency_domain *from);

void frequency_outputs_free(struct channel_monitor *monitor);

/**
 * frequency_outputs_acquired() - the manager's ACQUIRED
 * @acquired:	dropped if it no longer applies: an answer that nobody waits for, files taken over
 *		after an ACQUIRE was sent, a renewal of what is not acquired
 * @fds:	taken over
 *
 * Return: 0; -ENOENT, -EPROTO: the manager is wrong.
 */
int frequency_outputs_acquired(struct channel_monitor *monitor,
			       const struct link_acquired *acquired, const int *fds,
			       unsigned int n_fds);

/**
 * frequency_outputs_flush() - acquire, write or release dirty frequency domains
 *
 * At most some dozens: the others follow in the next turn, so that one vCPU that floats over a
 * large host delays nobody.
 */
void frequency_outputs_flush(struct channel_monitor *monitor);

/** frequency_outputs_begin_sync() - a manager's SETUP: what its predecessor was asked for is void
 */
void frequency_outputs_begin_sync(struct channel_monitor *monitor);

/** frequency_outputs_end_sync() - its SYNCED: what it has not acquired, we have not either */
void frequency_outputs_end_sync(struct channel_monitor *monitor);

/** frequency_outputs_leave() - write the baseline's highest to all that are acquired */
void frequency_outputs_leave(struct channel_monitor *monitor);

/** frequency_outputs_refusal() - why a vCPU's vote is not in force; REFUSAL_NONE: it is, or soon */
enum refusal frequency_outputs_refusal(const struct channel_monitor *monitor, uint32_t domain,
				       uint32_t vcpu);

#endif
