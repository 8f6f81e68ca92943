/* SPDX-License-Identifier: BSD-3-Clause */
/* vmpower-guest, as a file of the initramfs: its commands, and its agent. */
#ifndef VMPOWER_TESTS_GUEST_PROGRAMS_H
#define VMPOWER_TESTS_GUEST_PROGRAMS_H

#include <stddef.h>

/**
 * program_run() - run it to its end
 * @words:	its arguments, ends with NULL
 * @output:	set to what it printed, each newline as "|"
 *
 * Return: its exit status; -errno.
 */
int program_run(char **words, char *output, size_t size);

/** agent_start() - with these lines of guest.conf, each a word: "[agent]", "interval=50". Return:
 * 0; -errno */
int agent_start(char **lines);

/** agent_end() - with SIGTERM or SIGKILL; wait for its end. Return: its exit status, or the signal
 */
int agent_end(int number);

#endif
