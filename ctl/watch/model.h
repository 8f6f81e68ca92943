/* SPDX-License-Identifier: BSD-3-Clause */
/* What watch shows, as vmpowerd reports it: frequency domains, domains, and request rates. */
#ifndef VMPOWER_CTL_WATCH_MODEL_H
#define VMPOWER_CTL_WATCH_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/common/ctl.h"

struct watch_model {
	/*
	 * {"status": as GetStatus, "frequency_domains": [members of a Cpu without cpu and online,
	 * and "limits" as in ExplainCpu], "domains": [as GetDomain, with "requests_per_s",
	 * "nacks_per_s"]}
	 */
	json_t *shown;
	json_t *limits;	  /* by policy number; asked for once */
	json_t *counters; /* by UUID: of the last sample */
	json_t *rates;	  /* by UUID: since the previous sample */
	int64_t sampled_ms;
	bool moving; /* a rate is not 0: refresh without an event */
};

void watch_model_clear(struct watch_model *model);

/**
 * watch_model_refresh() - ask vmpowerd for all of it
 * @now_ms:	CLOCK_MONOTONIC; rates are averages of at least a second
 * @problem:	as in ctl_ask()
 */
int watch_model_refresh(struct watch_model *model, const struct ctl *ctl, int64_t now_ms,
			char **problem);

#endif
