/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns a channel's bytes into votes, and the outcomes into replies. What a request gets:
 *
 *  CONNECT			nothing: DPDK's host sends nothing either
 *  CPU_POWER			ACK: the vote counts; NACK if it is refused (then it is none), or
 *				if the hardware does not follow now (then it counts all the same)
 *  PKT_POLICY			NACK: policies are not carried out (yet)
 *  PKT_POLICY_REMOVE		NACK
 *  QUERY_*			the list, or nothing if the query is refused: a guest would take a
 *				NACK for the list that it waits for. Our own tool is sent a NACK.
 *  anything else		NACK
 *
 * Guests of the first two generations never read, so they are sent nothing.
 *
 * librte_power waits 10 ms, and would take a later reply for the answer to its next request: it is
 * not sent, and the vote counts all the same. Our own tool (GUEST_TAG) waits longer.
 */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_REQUESTS_H
#define VMPOWER_HELPER_MONITOR_GUEST_REQUESTS_H

#include "common/clock.h"
#include "helper/monitor/state/monitor_state.h"

#define GUEST_PATIENCE_NS (10 * NS_PER_MS)

/** guest_requests_process() - decode a batch's frames and vote; a piece of a frame is left */
void guest_requests_process(struct channel_monitor *monitor, struct request_batch *batch);

/** guest_requests_answer() - after the frequencies were written: count, log, reply */
void guest_requests_answer(struct channel_monitor *monitor, struct request_batch *batch,
			   uint64_t now_ns);

#endif
