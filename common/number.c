/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/number.h"

#include <errno.h>

int parse_u32(const char *text, uint32_t max, uint32_t *value)
{
	uint64_t sum = 0;
	const char *p;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		/* Keep validating after overflow: "99999999999x" is -EINVAL. */
		if (sum <= UINT32_MAX)
			sum = sum * 10 + (uint64_t)(*p - '0');
	}
	if (sum > max)
		return -ERANGE;
	*value = (uint32_t)sum;
	return 0;
}
