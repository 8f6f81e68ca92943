/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies that take long to form, because they describe all that there is. They are formed step by
 * step, in as many turns of the loop as that takes: all of them together may take a few ms of a
 * turn. What they describe may change meanwhile, so an answer keeps keys between steps, and no
 * pointers to it.
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_ANSWER_H
#define VMPOWER_HELPER_MANAGER_VARLINK_ANSWER_H

#include <stdio.h>

#include "helper/manager/varlink/varlink.h"

/* Embedded in an object of the caller, which sets the first two fields. */
struct varlink_answer {
	/*
	 * Does the next step, some 10 us long, and writes what it gives: a part of the reply's
	 * parameters, which are a JSON object. Errors of the stream need no check.
	 *
	 * Return: > 0: there is more to do; 0: that was the last step; -ENOMEM.
	 */
	int (*step)(struct varlink_answer *answer, FILE *out);
	/* called once: the reply is complete, or the client has gone */
	void (*end)(struct varlink_answer *answer);

	struct varlink_call *call;
	struct varlink_answer *next;
	FILE *out;
};

/**
 * varlink_answer() - answer a call step by step; @call is invalid afterwards
 * @call:	may be deferred
 * @answer:	must stay in place until it ends
 *
 * The first step is done in a later turn of the loop. A oneway call's answer ends at once.
 */
void varlink_answer(struct varlink_call *call, struct varlink_answer *answer);

/** varlink_write() - write a value into an answer. @json: taken over. Return: 0; -ENOMEM */
int varlink_write(FILE *out, json_t *json);

#endif
