/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries out the arbiter's targets. Each frequency domain has an output: acquired from the manager
 * when a vote or override wants it, written to when its target changes, released when nothing wants
 * it any more.
 *
 *    vote, override wants it	    ACQUIRED
 *   IDLE ------------> ACQUIRING ------------> ACQUIRED
 *    ^		ACQUIRE	    |			   |
 *    +---------------------+	<------------------+
 *	  ACQUIRED: error	   neither is left: RELEASE
 */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUTS_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/monitor/frequency_writer.h"
#include "helper/monitor/intrusive_list.h"
#include "helper/monitor/monitor_state.h"

enum frequency_output_state { OUTPUT_IDLE, OUTPUT_ACQUIRING, OUTPUT_ACQUIRED };

/* Notices to send to the manager; send_output_notices() knows the order. */
#define NOTICE_WRITE_FAILED 1u
#define NOTICE_RELEASE 2u
#define NOTICE_ACQUIRE 4u
#define NOTICE_FOREIGN 8u /* sent before a WRITE_FAILED, which may be its consequence */

struct frequency_output {
	struct list waiting; /* parked channels that wait for ACQUIRED */
	struct list deferred_link;
	struct list notice_link;
	struct frequency_writer writer;
	struct shared_frequency_domain *shared;
	enum frequency_method method; /* of the next acquisition */
	enum frequency_output_state state;
	uint32_t id;
	uint32_t holds; /* parked requests that want it, waiting here or at another output */
	uint32_t notices;
	uint32_t failed_khz; /* for NOTICE_WRITE_FAILED */
	int failed_error;
	uint32_t found_khz, ours_khz; /* for NOTICE_FOREIGN */
	bool failing;		      /* writes fail; the manager was told, or is about to be */
	bool priority;		      /* see struct link_frequency_domain */
	bool restarted;		      /* the driver was restarted; nothing was written since */
	bool foreign;		      /* the last look found someone else's value */
	uint64_t look_at_ns;	      /* when the files may be looked at again */
	uint64_t failed_turn;	      /* last turn in which a write failed */
	uint64_t refused_sequence;    /* when it last could not be acquired */
	uint64_t not_before_ns;	      /* end of the transition interval */
};

enum acquisition { ACQUISITION_DONE, ACQUISITION_WAIT, ACQUISITION_REFUSED };

/** frequency_outputs_set() - a new frequency domain, or a known one with other limits */
int frequency_outputs_set(struct channel_monitor *monitor,
			  const struct link_frequency_domain *from);

void frequency_outputs_free(struct channel_monitor *monitor);

/**
 * frequency_outputs_want() - a channel's request will vote for a vCPU: are its frequency
 * domains ours?
 *
 * If not, acquires them all at once and holds them for the request: none is released before it has
 * voted. The channel waits in the list of one of them. When ACQUIRED for that one arrives, the
 * channel becomes ready and this is called again.
 *
 * Return: ACQUISITION_DONE; ACQUISITION_WAIT (the channel is in state WAITING);
 * ACQUISITION_REFUSED (one could not be acquired since the request began to wait).
 */
enum acquisition frequency_outputs_want(struct channel_monitor *monitor,
					struct guest_channel *channel, uint32_t vcpu);

/** frequency_outputs_unhold() - the channel's request has voted, was refused, or is void */
void frequency_outputs_unhold(struct channel_monitor *monitor, struct guest_channel *channel);

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

/** frequency_outputs_flush() - acquire, write or release each dirty frequency domain */
void frequency_outputs_flush(struct channel_monitor *monitor);

/** frequency_outputs_failed() - did a write to one of a vCPU's frequency domains fail this turn? */
bool frequency_outputs_failed(const struct channel_monitor *monitor, uint32_t domain,
			      uint32_t vcpu);

/** frequency_outputs_expire() - transition intervals are over: write what was deferred */
void frequency_outputs_expire(struct channel_monitor *monitor);

#endif
