/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/cpu_json.h"
#include "helper/manager/report/verify.h"
#include "helper/manager/varlink/answer.h"

struct verification {
	struct varlink_answer answer;
	const struct control_context *control;
	uint32_t next;	     /* id of a frequency domain */
	const char *between; /* before the next finding */
};

static void begin(const struct verification *verification, FILE *out)
{
	const struct cpufreq *cpufreq = verification->control->parts.cpufreq;
	unsigned int checked = 0;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++)
		checked += cpufreq_get(cpufreq, id)->acquired;
	(void)fprintf(out, "{\"checked\":%u,\"findings\":[", checked);
}

/* A frequency domain at a time: its files are read. */
static int verify(struct varlink_answer *answer, FILE *out)
{
	struct verification *verification = container_of(answer, struct verification, answer);
	struct cpufreq *cpufreq = verification->control->parts.cpufreq;
	const struct shared_state *state = control_state(verification->control);
	struct verify_finding findings[OWN_FILES];
	unsigned int n;

	if (verification->next == 0)
		begin(verification, out);
	/* without a state, nothing was written */
	if (!state || verification->next >= cpufreq_count(cpufreq)) {
		(void)fputs("]}", out);
		return 0;
	}
	n = verify_frequency_domain(cpufreq, cpufreq_get(cpufreq, verification->next++), state,
				    findings);
	for (unsigned int i = 0; i < n; i++) {
		(void)fputs(verification->between, out);
		verification->between = ",";
		if (varlink_write(out, control_json_finding(&findings[i])) < 0)
			return -ENOMEM;
	}
	return 1;
}

static void end(struct varlink_answer *answer)
{
	free(container_of(answer, struct verification, answer));
}

void control_verify(struct varlink_call *call, void *context)
{
	struct verification *verification = malloc(sizeof(*verification));

	if (!verification) {
		varlink_reply(call, NULL);
		return;
	}
	*verification = (struct verification){
		.answer = {.step = verify, .end = end},
		.control = context,
		.between = "",
	};
	varlink_answer(call, &verification->answer);
}
