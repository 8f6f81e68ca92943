/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/traffic.h"

#include <stdio.h>
#include <string.h>

#include "ctl/common/print.h"

const char *traffic_text(json_t *traffic, char text[TRAFFIC_TEXT_SIZE])
{
	const char *level = ctl_text(traffic, "level");
	long long below_ms = ctl_has(traffic, "below_ms") ? ctl_number(traffic, "below_ms") : -1;
	const char *threshold = strcmp(level, "high") == 0 ? "high_packets" : "medium_packets";
	char waits[80] = "";

	if (strcmp(level, "none") == 0) {
		(void)snprintf(text, TRAFFIC_TEXT_SIZE, "nothing is counted now, no vote");
		return text;
	}
	if (below_ms >= 0)
		(void)snprintf(waits, sizeof(waits), ", below %lld for %lld.%lld s",
			       ctl_number(traffic, threshold), below_ms / 1000,
			       below_ms / 100 % 10);
	(void)snprintf(text, TRAFFIC_TEXT_SIZE, "%lld packets/s%s: %s",
		       ctl_number(traffic, "packets"), waits, level);
	return text;
}
