/* SPDX-License-Identifier: BSD-3-Clause */
/* The requests "app", "agent" and "tool" of commands.h: their words, and the answer. */
#ifndef VMPOWER_TESTS_GUEST_AGENT_COMMANDS_H
#define VMPOWER_TESTS_GUEST_AGENT_COMMANDS_H

void application_command(char **words, char *answer);
void agent_command(char **words, char *answer);
void tool_command(char **words, char *answer);

#endif
