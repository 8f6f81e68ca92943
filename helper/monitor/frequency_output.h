/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of one frequency domain's output; frequency_outputs.h says how it changes. */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUT_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/monitor/frequency_writer.h"
#include "helper/monitor/state/intrusive_list.h"
#include "helper/monitor/timing/timer_queue.h"

enum frequency_output_state { OUTPUT_IDLE, OUTPUT_ACQUIRING, OUTPUT_ACQUIRED };

/* Notices to send to the manager; send_output_notices() knows the order. */
#define NOTICE_WRITE_FAILED 1u
#define NOTICE_RELEASE 2u
#define NOTICE_ACQUIRE 4u

struct frequency_output {
	struct timer timer; /* a time until which something waits is over: look again */
	struct list notice_link;
	struct frequency_writer writer;
	struct shared_frequency_domain *shared;
	enum frequency_method method; /* of the next acquisition */
	enum frequency_output_state state;
	uint32_t id;
	enum deciding_limit decides;		     /* of method limits */
	uint32_t baseline_min_khz, baseline_max_khz; /* 0: unknown */
	uint32_t notices;
	int failed_error; /* for NOTICE_WRITE_FAILED */
	uint8_t refusal;  /* enum refusal: what failed last; it has not succeeded since */
	int error;	  /* -errno; 0: it is wanted anew, and may well succeed */
	bool told;	  /* the manager knows that writes to these files fail */
	bool priority;	  /* see struct link_frequency_domain */
	bool restarted;	  /* the driver was restarted; nothing was written since */
	bool at_baseline; /* as decided last */
	bool unsettled;	  /* since SETUP nothing was asked for or received: TAKEN_OVER may come */
	uint64_t backoff_ns;
	uint64_t not_before_ns; /* end of the back-off, the transition interval, a worker's time */
	uint64_t silence_ends_ns; /* silence decides: when to release it; 0: it doesn't */
	uint64_t acquired_ns;	  /* the last ACQUIRE */
};

#endif
