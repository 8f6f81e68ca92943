/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the frequency domains run at, read a few in a turn of the loop. Kernels before 5.19 may
 * sleep 10 ms for each scaling_cur_freq on x86 (arch_freq_get_on_cpu()): read at once, those of a
 * large host, or for many clients, would keep hooks and guests waiting for seconds.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_FREQUENCY_READING_H
#define VMPOWER_HELPER_MANAGER_REPORT_FREQUENCY_READING_H

#include <stdint.h>

#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/loop/loop.h"

struct frequency_reading;

#define ALL_FREQUENCIES UINT32_MAX

/* Somebody who waits for a read; part of what the caller owns. */
struct frequency_wait {
	void (*done)(struct frequency_wait *wait);
	uint32_t id;   /* of one, or ALL_FREQUENCIES */
	uint32_t left; /* to be read yet */
	struct frequency_wait *next;
};

/**
 * frequency_reading_new() - nothing is read until somebody asks
 * @loop:	has to outlive it, as has @cpufreq
 * @slice_ns:	so long a turn may take; it ends with the read that takes it beyond that
 *
 * Return: 0 and *reading, owned by the caller; -ENOMEM.
 */
int frequency_reading_new(struct loop *loop, const struct cpufreq *cpufreq, uint64_t slice_ns,
			  struct frequency_reading **reading);

/** frequency_reading_free() - nobody waits any more; NULL: nothing to do */
void frequency_reading_free(struct frequency_reading *reading);

/**
 * frequency_reading_ask() - have one or all read anew
 * @wait:	done and id are set; stays in place until done is called, in a later turn
 */
void frequency_reading_ask(struct frequency_reading *reading, struct frequency_wait *wait);

/** frequency_reading_forget() - done is not called any more */
void frequency_reading_forget(struct frequency_reading *reading, struct frequency_wait *wait);

/** frequency_reading_khz() - as read last; 0: unknown */
uint32_t frequency_reading_khz(const struct frequency_reading *reading, uint32_t id);

#endif
