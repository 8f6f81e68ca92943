/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request and its answer. Each request has a nonce in its vm_name: every host repeats that in ACK
 * and NACK, vmpower in the answers to queries too. An answer with another nonce came late, or was
 * for the port's last user: it is nobody's.
 */
#ifndef VMPOWER_GUEST_PORT_EXCHANGE_H
#define VMPOWER_GUEST_PORT_EXCHANGE_H

#include "guest/port/port.h"

/** exchange_mark() - give a request a nonce, if it has no name yet. Return: 0; -errno */
int exchange_mark(struct frame *frame);

/** exchange_answered() - does the command have an answer? CONNECT has none */
bool exchange_answered(const struct frame *frame);

/**
 * exchange_matches() - does the reply answer this request?
 *
 * DPDK's host leaves the name of its answers to queries empty, or puts noise there: such an answer
 * is taken for that of any query of its kind. So is NACK for the answer to a query only if the name
 * matches.
 */
bool exchange_matches(const struct frame *frame, const struct reply *reply);

/**
 * exchange() - send a request and wait for its answer
 * @frame:	marked here
 * @until_ns:	monotonic_ns()
 * @reply:	set if the command has an answer
 *
 * Return: 0; -ENOTCONN: no host is connected; -EAGAIN: the host does not read; -ETIMEDOUT: it did
 * not answer; -errno.
 */
int exchange(struct port *port, struct frame *frame, uint64_t until_ns, struct reply *reply);

#endif
