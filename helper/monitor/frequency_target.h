/* SPDX-License-Identifier: BSD-3-Clause */
/* What is to be written for a decision. Pure. */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_TARGET_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_TARGET_H

#include <stdint.h>

#include "helper/monitor/arbiter/arbiter.h"
#include "helper/monitor/frequency_output.h"

/* Between which frequencies a CPU runs, kHz; method setspeed: the upper one. */
struct frequency_target {
	uint32_t low_khz, high_khz;
};

/** frequency_target_of() - what a decision asks for */
static inline struct frequency_target frequency_target_of(const struct host_steps *host,
							  const struct frequency_output *output,
							  const struct arbiter_decision *decision)
{
	struct frequency_target target = {.low_khz = decision->khz, .high_khz = decision->khz};

	if (decision->decider != DECIDER_SILENCE)
		return target;
	target.high_khz = output->baseline_max_khz > 0 ? output->baseline_max_khz
						       : host->khz[host->n_steps - 1];
	if (output->method == METHOD_SETSPEED)
		target.low_khz = target.high_khz;
	else if (target.low_khz < output->baseline_min_khz)
		target.low_khz = output->baseline_min_khz;
	return target;
}

/** frequency_target_baseline() - as fast as without us */
static inline struct frequency_target
frequency_target_baseline(const struct host_steps *host, const struct frequency_output *output)
{
	const struct arbiter_decision silence = {
		.decider = DECIDER_SILENCE,
		.khz = host->khz[0],
	};

	return frequency_target_of(host, output, &silence);
}

/**
 * frequency_target_limits() - what the files shall hold: the limit that does not decide stays,
 * unless the two would cross
 */
static inline struct frequency_target frequency_target_limits(const struct frequency_output *output,
							      const struct frequency_target *target)
{
	const struct frequency_writer *writer = &output->writer;
	struct frequency_target limits = *target;
	uint32_t khz;

	if (output->method != METHOD_LIMITS || output->decides == LIMIT_BOTH)
		return limits;
	if (output->decides == LIMIT_MAX) {
		khz = writer->low_khz > 0 ? writer->low_khz : output->baseline_min_khz;
		limits.low_khz = khz > 0 && khz < target->high_khz ? khz : target->high_khz;
	} else {
		khz = writer->high_khz > 0 ? writer->high_khz : output->baseline_max_khz;
		limits.high_khz = khz > target->low_khz ? khz : target->low_khz;
	}
	return limits;
}

#endif
