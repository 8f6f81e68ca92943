/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of interfaces in a tree of files, with a loop that runs until something is told. */
#ifndef VMPOWER_TESTS_UNIT_COUNTERS_FIXTURE_H
#define VMPOWER_TESTS_UNIT_COUNTERS_FIXTURE_H

#include <dirent.h>

#include "common/clock.h"
#include "helper/manager/traffic/traffic.h"
#include "tests/unit/net_tree.h"
#include "tests/unit/runner.h"

#define DOMAIN 5u

static struct traffic *traffic;
static struct loop *loop;
static uint32_t changed_domain = MAX_DOMAINS;

static inline void on_changed(void *context, uint32_t domain)
{
	(void)context;
	changed_domain = domain;
	loop_quit(loop, 0);
}

static inline unsigned int count_entries(const char *path)
{
	DIR *directory cleanup_closedir = opendir(path);
	const struct dirent *entry;
	unsigned int n = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)))
		n += entry->d_name[0] != '.';
	return n;
}

static inline unsigned int n_threads(void)
{
	return count_entries("/proc/self/task");
}

static inline unsigned int n_fds(void)
{
	return count_entries("/proc/self/fd");
}

static inline void traffic_make(const char *sysfs)
{
	const struct traffic_parts parts = {
		.loop = loop,
		.sysfs = sysfs,
		.intervals = {.interval_ms = 10, .vf_interval_ms = 10},
		.changed = on_changed,
	};

	ck_assert_int_eq(traffic_new(&parts, &traffic), 0);
}

static inline void traffic_set_up(void)
{
	net_tree_set_up();
	ck_assert_int_eq(loop_new(&loop), 0);
	traffic_make(net_root);
}

static inline void traffic_tear_down(void)
{
	traffic_free(traffic);
	loop_free(loop);
	net_tree_tear_down();
}

/* --- interfaces ------------------------------------------------------------------------- */

static inline struct domain_interface interface_of(enum interface_kind kind, const char *target)
{
	struct domain_interface interface = {.kind = kind, .mac = {0x52, 0x54}};

	(void)snprintf(interface.target, sizeof(interface.target), "%s", target);
	return interface;
}

static inline struct domain_interface tap_of(const char *target)
{
	return interface_of(INTERFACE_TAP, target);
}

/* Function @i of the physical function 0000:3b:00.0. */
static inline struct domain_interface function_of(uint8_t i)
{
	struct domain_interface interface = interface_of(INTERFACE_HOSTDEV, "");

	interface.has_source = true;
	interface.source = (struct pci_address){
		.bus = 0x3b, .slot = (uint8_t)(0x10 + i / 8), .function = i % 8};
	return interface;
}

static inline void set_domain(uint32_t domain, const struct domain_interface *interfaces,
			      uint32_t n)
{
	ck_assert_int_eq(traffic_set_domain(traffic, domain, interfaces, n), 0);
}

static inline void set_function(uint32_t domain, uint8_t i)
{
	const struct domain_interface interface = function_of(i);

	set_domain(domain, &interface, 1);
}

static inline void want(uint32_t domain, bool wanted)
{
	ck_assert_int_eq(traffic_want(traffic, domain, wanted), 0);
}

static inline enum no_counter why(uint32_t domain, uint32_t slot)
{
	struct traffic_interface interface;

	ck_assert(traffic_interface(traffic, domain, slot, &interface));
	return interface.why;
}

static inline const char *target_in(uint32_t domain, uint32_t slot)
{
	static struct traffic_interface interface;

	return traffic_interface(traffic, domain, slot, &interface) ? interface.interface.target
								    : "none";
}

static inline struct traffic_sample sample_in(uint32_t domain, uint32_t slot)
{
	struct traffic_sample sample = {0};

	while (!traffic_sample_load(&traffic_area(traffic)->samples[domain][slot], &sample))
		;
	return sample;
}

/* The runner's timeout ends what never comes. */
#define wait_for(condition)                                                                        \
	do {                                                                                       \
		while (!(condition))                                                               \
			(void)usleep(1000);                                                        \
	} while (0)

/* @n more samples than now, and return the last one. */
static inline struct traffic_sample await_samples(uint32_t domain, uint32_t slot, uint64_t n)
{
	uint64_t until = sample_in(domain, slot).n_samples + n;

	wait_for(sample_in(domain, slot).n_samples >= until);
	return sample_in(domain, slot);
}

#endif
