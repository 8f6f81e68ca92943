/* SPDX-License-Identifier: BSD-3-Clause */
#include "log_limit.h"

#include <stddef.h>

#define LIMIT_LINES 5
#define LIMIT_INTERVAL_NS UINT64_C(10000000000)

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t *suppressed)
{
	*suppressed = 0;
	if (limit->window_start_ns == 0 || now_ns - limit->window_start_ns >= LIMIT_INTERVAL_NS) {
		*suppressed = limit->suppressed;
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
		limit->suppressed = 0;
	}
	if (limit->in_window >= LIMIT_LINES) {
		limit->suppressed++;
		return false;
	}
	limit->in_window++;
	return true;
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
