/* SPDX-License-Identifier: BSD-3-Clause */
/* The byte layout of a request of DPDK 18.11 and newer. */
#ifndef VMPOWER_TESTS_BENCH_BENCH_FRAME_H
#define VMPOWER_TESTS_BENCH_BENCH_FRAME_H

#include <sys/resource.h>

#define BENCH_FRAME_SIZE 464
#define BENCH_VCPU_AT 0	    /* u64 */
#define BENCH_UNIT_AT 8	    /* u32 */
#define BENCH_COMMAND_AT 12 /* u32 */

#define BENCH_NAME_AT 16 /* text */

/* What begins with it is answered however late: a benchmark waits for each reply. */
#define BENCH_NAME "vmpower-guest:bench"

enum { BENCH_CPU_POWER = 1 };
enum { BENCH_MAX = 3, BENCH_MIN = 4 };
enum { BENCH_ACK = 1, BENCH_NACK = 2 };

/* As far as the host permits: beyond that there is EMFILE. */
static inline void bench_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

#endif
