/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stand-in for a DPDK application: a process with a telemetry socket, and an lcore on each vCPU
 * that is as busy as it is told. It counts cycles as testpmd --record-core-cycles does.
 */
#ifndef VMPOWER_TESTS_GUEST_APPLICATION_H
#define VMPOWER_TESTS_GUEST_APPLICATION_H

#include <stdint.h>

/** application_start() - idle at first. Return: 0; -errno */
int application_start(void);

/** application_load() - how busy the lcore on a vCPU is from now on, in percent. Return: 0; -errno
 */
int application_load(uint64_t vcpu, uint64_t percent);

/** application_signal() - SIGKILL: it ends; SIGSTOP: it hangs; SIGCONT. Return: 0; -errno */
int application_signal(int number);

#endif
