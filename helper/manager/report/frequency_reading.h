/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the current frequencies, a few in each turn of the loop: on x86, kernels before 5.19 may
 * sleep 10 ms in each read of scaling_cur_freq (arch_freq_get_on_cpu()). Reading those of a large
 * host at once would keep hooks and guests waiting for seconds.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_FREQUENCY_READING_H
#define VMPOWER_HELPER_MANAGER_REPORT_FREQUENCY_READING_H

#include <stdint.h>

#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/loop/loop.h"

struct frequency_reading;

#define ALL_FREQUENCIES UINT32_MAX

/* A pending request to read; embedded in an object of the caller. */
struct frequency_wait {
	void (*done)(struct frequency_wait *wait);
	uint32_t id;   /* of a frequency domain, or ALL_FREQUENCIES */
	uint32_t left; /* frequency domains still to be read */
	struct frequency_wait *next;
};

/**
 * frequency_reading_new() - create a reader, which reads nothing until asked
 * @loop:	must outlive it, like @cpufreq
 * @slice_ns:	no read begins when a turn has taken this long
 *
 * Return: 0 and *reading, owned by the caller; -ENOMEM.
 */
int frequency_reading_new(struct loop *loop, const struct cpufreq *cpufreq, uint64_t slice_ns,
			  struct frequency_reading **reading);

/** frequency_reading_free() - pending requests are dropped; NULL is allowed */
void frequency_reading_free(struct frequency_reading *reading);

/**
 * frequency_reading_ask() - read one or all
 * @wait:	done and id are set; must stay in place until done is called, in a later turn
 */
void frequency_reading_ask(struct frequency_reading *reading, struct frequency_wait *wait);

/** frequency_reading_cancel() - done will not be called */
void frequency_reading_cancel(struct frequency_reading *reading, struct frequency_wait *wait);

/** frequency_reading_khz() - as last read; 0: unknown */
uint32_t frequency_reading_khz(const struct frequency_reading *reading, uint32_t id);

#endif
