/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The line protocol of the guest's control port: one request a line, one answer a line.
 *
 *   ping [WORD]                    ok [WORD]
 *   ports                          ok 0 1 ...      numbers of the power ports
 *   generation SIZE                ok              of all requests after it; 464 at first
 *   connect N                      ok              sends CONNECT
 *   power N VCPU UNIT [MS]         ack US | nack US | timeout
 *                                                  UNIT: up down max min turbo noturbo, or a
 *                                                  number; US: microseconds until the reply
 *   send N KEY=VALUE...            ok              any request, no waiting; keys: see send_keys
 *   reply N [MS]                   ack|nack KEY=VALUE... | frequencies ... |
 *                                  capabilities ... | timeout | garbage HEX
 *   raw N HEX...                   ok BYTES        written in one piece
 *   read N [MS]                    ok HEX          what arrives within MS
 *   flood N COUNT [VCPU UNIT [MS]] ok SENT ACKS NACKS US
 *   pace N VCPU COUNT US           ok SENT ACKS NACKS LONGEST
 *                                                  up and down in turn, one every US microseconds,
 *                                                  whether the last was answered or not; LONGEST:
 *                                                  microseconds that no reply came
 *   close N                        ok
 *   net up | down                  ok              eth0 takes packets, or does not
 *   app start|kill|hang|continue   ok              the stand-in for a DPDK application
 *   app load VCPU PERCENT          ok              how busy its lcore on a vCPU is
 *   agent start LINE...            ok              vmpower-guest agent, with these lines of
 *                                                  guest.conf
 *   agent stop|kill                ok STATUS
 *   tool WORD...                   ok STATUS TEXT  vmpower-guest; newlines become "|"
 *   reboot | poweroff              ok              and then does it
 *
 * An answer "error TEXT" means that the request was not carried out.
 */
#ifndef VMPOWER_TESTS_GUEST_COMMANDS_H
#define VMPOWER_TESTS_GUEST_COMMANDS_H

#include "tests/guest/answer.h"

enum after { AFTER_NOTHING, AFTER_REBOOT, AFTER_POWEROFF };

/**
 * command_run() - carry out a request
 * @line:	the request, NUL-terminated; it is modified
 * @answer:	the answer without newline, NUL-terminated
 *
 * Return: what to do after the answer is written.
 */
enum after command_run(char *line, char answer[ANSWER_MAX]);

#endif
