/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that a file of the monitor makes after it is confined, each with its reason.
 * Each file has its own table; sandbox.c puts them all into one filter. A new call in the code
 * needs a line in the file's table, or the monitor is killed.
 */
#ifndef VMPOWER_HELPER_MONITOR_SYSCALL_RULE_H
#define VMPOWER_HELPER_MONITOR_SYSCALL_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Allowed only if argument @arg, masked, is @value; a @mask of 0: always allowed. */
struct syscall_rule {
	int number;
	const char *name;
	const char *reason;
	unsigned int arg;
	uint64_t mask, value;
};

#define ALLOW(call, why)                                                                           \
	{                                                                                          \
		.number = SYS_##call, .name = #call, .reason = (why)                               \
	}
#define ALLOW_IF(call, argument, bits, equal, why)                                                 \
	{                                                                                          \
		.number = SYS_##call, .name = #call, .reason = (why), .arg = (argument),           \
		.mask = (bits), .value = (equal)                                                   \
	}
#define END_OF_RULES                                                                               \
	{                                                                                          \
		.name = NULL                                                                       \
	}

extern const struct syscall_rule channel_monitor_syscalls[];
extern const struct syscall_rule monitor_state_syscalls[];
extern const struct syscall_rule monitor_link_syscalls[];
extern const struct syscall_rule guest_channel_syscalls[];
extern const struct syscall_rule frequency_writer_syscalls[];

#endif
