/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/assertion.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
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
	/* Without waiting for a reader: write() to a socket would wait, and has no flag. */
	if (len > 0 && send(STDERR_FILENO, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno == ENOTSOCK)
		(void)!write(STDERR_FILENO, text, (size_t)len);
	__builtin_trap();
}
