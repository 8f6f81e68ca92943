/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns a channel's bytes into votes, and the outcomes into replies. What a request gets:
 *
 *  CONNECT			nothing: DPDK's host sends nothing either
 *  CPU_POWER			ACK; NACK if it is refused, or if a write for it fails
 *  PKT_POLICY			NACK: policies are not carried out (yet)
 *  PKT_POLICY_REMOVE		NACK
 *  QUERY_*			the list, or nothing if the query is refused: a guest would take a
 *				NACK for the list that it waits for
 *  anything else		NACK
 *
 * Guests of the first two generations never read, so they are sent nothing.
 */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_REQUESTS_H
#define VMPOWER_HELPER_MONITOR_GUEST_REQUESTS_H

#include "helper/monitor/monitor_state.h"

/**
 * guest_requests_process() - decode a batch's frames and vote
 * @batch:	as guest_channel_begin() left it
 *
 * Stops at BATCH_FRAMES outcomes, at a piece of a frame, or, with batch->parked, before a
 * frame that has to wait.
 */
void guest_requests_process(struct channel_monitor *monitor, struct request_batch *batch);

/** guest_requests_answer() - after the frequencies were written: count, log, reply */
void guest_requests_answer(struct channel_monitor *monitor, struct request_batch *batch);

#endif
