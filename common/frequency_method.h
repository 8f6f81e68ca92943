/* SPDX-License-Identifier: BSD-3-Clause */
/* How a CPU's frequency is set, and the method's name in config, JSON, state file and logs. */
#ifndef VMPOWER_COMMON_FREQUENCY_METHOD_H
#define VMPOWER_COMMON_FREQUENCY_METHOD_H

enum frequency_method {
	METHOD_SETSPEED = 1, /* scaling_setspeed under governor userspace */
	METHOD_LIMITS = 2,   /* scaling_min_freq and scaling_max_freq */
};

/* The names as literals, for tables. */
#define METHOD_NAME_SETSPEED "setspeed"
#define METHOD_NAME_LIMITS "limits"

/** frequency_method_name() - "setspeed" or "limits"; "unknown" for any other value */
const char *frequency_method_name(enum frequency_method method);

/** frequency_method_parse() - the reverse. Return: 0; -EBADMSG (unknown name) */
int frequency_method_parse(const char *name, enum frequency_method *method);

#endif
