/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/frequency_method.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const names[] = {
	[METHOD_SETSPEED] = METHOD_NAME_SETSPEED,
	[METHOD_LIMITS] = METHOD_NAME_LIMITS,
};

const char *frequency_method_name(enum frequency_method method)
{
	return method >= METHOD_SETSPEED && method <= METHOD_LIMITS ? names[method] : "unknown";
}

int frequency_method_parse(const char *name, enum frequency_method *method)
{
	for (unsigned int i = METHOD_SETSPEED; i < array_size(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*method = (enum frequency_method)i;
			return 0;
		}
	}
	return -EBADMSG;
}
