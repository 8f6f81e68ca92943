/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a request of the guest's control port. */
#ifndef VMPOWER_TESTS_GUEST_ANSWER_H
#define VMPOWER_TESTS_GUEST_ANSWER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 16384

/** say() - append to an answer; what does not fit is cut */
__attribute__((format(printf, 2, 3))) static inline void say(char *answer, const char *format, ...)
{
	size_t used = strlen(answer);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(answer + used, ANSWER_MAX - used, format, arguments);
	va_end(arguments);
}

#endif
