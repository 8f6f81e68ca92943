/* SPDX-License-Identifier: BSD-3-Clause */
/* What watch shows, asked of vmpowerd: frequency domains, domains, and their request rates. */
#ifndef VMPOWER_CTL_WATCH_MODEL_H
#define VMPOWER_CTL_WATCH_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl.h"

struct watch_model {
	/*
	 * {"status": as GetStatus, "frequency_domains": [members of a Cpu but for cpu and online,
	 * and "limits" as in ExplainCpu], "domains": [as GetDomain, and "requests_per_s",
	 * "nacks_per_s"]}
	 */
	json_t *shown;
	json_t *limits;	  /* by policy number; asked for once */
	json_t *counters; /* by UUID: those of the last sample */
	json_t *rates;	  /* by UUID: since the sample before */
	int64_t sampled_ms;
	bool moving; /* some rate is not 0: it is to be looked at again without an event */
};

void watch_model_clear(struct watch_model *model);

/**
 * watch_model_refresh() - ask for all of it
 * @now_ms:	CLOCK_MONOTONIC; rates are over a second or more
 * @problem:	as in ctl_ask()
 */
int watch_model_refresh(struct watch_model *model, const struct ctl *ctl, int64_t now_ms,
			char **problem);

#endif
