/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/assertion.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

_Noreturn void assertion_failed(const char *file, int line, const char *function,
				const char *condition)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s: %s:%d: %s: assertion '%s' failed\n",
			   program_invocation_short_name, file, line, function, condition);

	if (len >= (int)sizeof(text)) {
		len = (int)sizeof(text);
		text[len - 1] = '\n';
	}
	while (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0 && errno == EINTR)
		;
	__builtin_trap();
}
