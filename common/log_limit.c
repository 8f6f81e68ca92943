/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log_limit.h"

#include <stddef.h>

#include "common/clock.h"

#define LIMIT_LINES 5
#define LIMIT_LINES_OF_ALL 50
#define LIMIT_INTERVAL_NS (10 * NS_PER_S)

static bool has_room(struct log_limit *limit, uint32_t lines, uint64_t now_ns)
{
	if (limit->window_start_ns == 0 || now_ns - limit->window_start_ns >= LIMIT_INTERVAL_NS) {
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
	}
	return limit->in_window < lines;
}

bool log_limit_pass_both(struct log_limit *limit, struct log_limit *all, uint64_t now_ns,
			 uint32_t *suppressed)
{
	bool passes = has_room(limit, LIMIT_LINES, now_ns);

	*suppressed = 0;
	/* Half of the shared budget is for first lines: a few sources can't silence the others. */
	if (passes && all)
		passes = has_room(all, LIMIT_LINES_OF_ALL / (limit->in_window > 0 ? 2 : 1), now_ns);
	if (!passes) {
		limit->suppressed++;
		return false;
	}
	limit->in_window++;
	if (all)
		all->in_window++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t *suppressed)
{
	return log_limit_pass_both(limit, NULL, now_ns, suppressed);
}

/* FNV-1a; never 0 */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

bool log_repeat_pass(struct log_repeats *repeats, const char *text, uint64_t now_ns,
		     uint32_t *suppressed)
{
	uint64_t hash = hash_of(text);
	size_t oldest = 0, i;

	for (i = 0; i < LOG_REPEAT_TEXTS && repeats->texts[i].hash != hash; i++) {
		if (repeats->texts[i].last_ns < repeats->texts[oldest].last_ns)
			oldest = i;
	}
	if (i == LOG_REPEAT_TEXTS) {
		i = oldest;
		repeats->texts[i].hash = hash;
		repeats->texts[i].limit = (struct log_limit){0};
	}
	repeats->texts[i].last_ns = now_ns;
	return log_limit_pass(&repeats->texts[i].limit, now_ns, suppressed);
}
