/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that a file of the monitor makes after it is confined, each with its reason.
 * Each file has its own table; sandbox.c puts them all into one filter. A new call in the code
 * needs a line in the file's table, or the monitor is killed.
 */
#ifndef VMPOWER_HELPER_MONITOR_STATE_SYSCALL_RULE_H
#define VMPOWER_HELPER_MONITOR_STATE_SYSCALL_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#define RULE_CONDITIONS 2

/* Argument @arg, masked, is @value; a @mask of 0: no condition. */
struct syscall_condition {
	unsigned int arg;
	uint64_t mask, value;
};

/* Allowed if all conditions hold. */
struct syscall_rule {
	int number;
	const char *name;
	const char *reason;
	struct syscall_condition only[RULE_CONDITIONS];
};

#define ALLOW(call, why)                                                                           \
	{                                                                                          \
		.number = SYS_##call, .name = #call, .reason = (why)                               \
	}
#define ALLOW_IF(call, argument, bits, equal, why)                                                 \
	ALLOW_IF_BOTH(call, argument, bits, equal, 0, 0, 0, why)
#define ALLOW_IF_BOTH(call, argument, bits, equal, argument2, bits2, equal2, why)                  \
	{                                                                                          \
		.number = SYS_##call, .name = #call, .reason = (why), .only = {                    \
			{(argument), (bits), (equal)},                                             \
			{(argument2), (bits2), (equal2)},                                          \
		}                                                                                  \
	}
/* A table ends with {0}. */
extern const struct syscall_rule channel_monitor_syscalls[];
extern const struct syscall_rule monitor_state_syscalls[];
extern const struct syscall_rule managers_syscalls[];
extern const struct syscall_rule monitor_link_syscalls[];
extern const struct syscall_rule guest_channel_syscalls[];
extern const struct syscall_rule frequency_writer_syscalls[];
extern const struct syscall_rule traffic_syscalls[];

#endif
