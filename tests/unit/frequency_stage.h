/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager's frequency_control on a tree of plain files, with a monitor that is not there. */
#ifndef VMPOWER_TESTS_UNIT_FREQUENCY_STAGE_H
#define VMPOWER_TESTS_UNIT_FREQUENCY_STAGE_H

#include "helper/link/shared_state.h"
#include "helper/manager/monitor/frequency_control.h"
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

struct monitor_process {
	int unused;
};

static struct monitor_process the_monitor;
static struct shared_state shared; /* tens of MB, but only touched pages take memory */
static struct monitor_view view;
static struct frequency_control control;
static struct registry *registry;
static bool has_room = true;		   /* in the link */
static unsigned int n_warnings, n_notices; /* logged; notices: and worse */

/* --- stand-ins ------------------------------------------------------------------------ */

/* What the monitor is sent: defined by each test. */
static void on_sent(const struct link_message *message, unsigned int n_fds);

void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds)
{
	(void)fds;
	ck_assert_ptr_eq(monitor, &the_monitor);
	ck_assert(has_room);
	on_sent(message, n_fds);
}

bool monitor_has_room(const struct monitor_process *monitor)
{
	ck_assert_ptr_eq(monitor, &the_monitor);
	return has_room;
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	ck_assert_ptr_eq(monitor, &the_monitor);
	return &shared;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain, uint32_t n_vcpus)
{
	(void)monitor;
	(void)domain;
	(void)n_vcpus;
}

static inline void on_log(void *context, const struct log_about *about, int priority,
			  const char *text)
{
	(void)context;
	(void)about;
	(void)text;
	n_warnings += priority <= LOG_WARNING;
	n_notices += priority <= LOG_NOTICE;
}

/* --- the stage ------------------------------------------------------------------------ */

/* What is in the tree by now is found, and told. @loop: NULL: nothing waits, nothing is watched */
static inline void begin(struct loop *loop)
{
	start();
	view = (struct monitor_view){.config = &config,
				     .cpufreq = cpufreq,
				     .registry = registry,
				     .monitor = &the_monitor};
	view_init(&view);
	ck_assert_int_eq(frequency_control_init(&control, &view, registry, NULL, loop), 0);
	view_begin(&view);
	/* as if the monitor was told of a vCPU above the first 64 */
	claims_add(view.claims, 0, &(struct cpuset){.bits = {~UINT64_C(0)}});
}

static inline void set_up(void)
{
	make_tree();
	ck_assert_int_eq(registry_new(&registry), 0);
	log_set_tap(on_log, NULL);
}

static inline void tear_down(void)
{
	log_set_tap(NULL, NULL);
	registry_free(registry);
	remove_tree();
}

#endif
