/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts the packets of domains' interfaces, where a policy goes by traffic: for the monitor, in
 * the memory of helper/link/traffic_area.h. A thread of its own reads the kernel's counters, since
 * some take seconds; no call here waits for it. While nothing is wanted there is no thread, and
 * nothing ticks.
 *
 * An interface has a slot, 0 to MAX_DOMAIN_INTERFACES - 1, for as long as its domain has it.
 */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_TRAFFIC_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/traffic_area.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/traffic/intervals.h"
#include "helper/manager/traffic/no_counter.h"
#include "xml/domain_description.h"

struct traffic;

struct traffic_parts {
	struct loop *loop;
	const char *sysfs; /* stands for /sys; copied */
	struct traffic_intervals intervals;
	/* Called from the loop: some interface of this domain is counted now, or no longer is. */
	void (*changed)(void *context, uint32_t domain);
	void *context;
};

/** traffic_new() - no thread, no fd, no area yet. Return: 0; -ENOMEM */
int traffic_new(const struct traffic_parts *parts, struct traffic **traffic);

/**
 * traffic_free() - end the thread
 *
 * Waits while the thread asks the kernel, but not longer than 1 s: then it leaves the thread alone,
 * with the memory that it uses.
 */
void traffic_free(struct traffic *traffic);

/** traffic_set_intervals() - at a reload; from the next sample on */
void traffic_set_intervals(struct traffic *traffic, const struct traffic_intervals *intervals);

/**
 * traffic_set_domain() - which interfaces a domain has now, by its XML
 * @domain:	id, below MAX_DOMAINS
 * @n:		at most MAX_DOMAIN_INTERFACES
 *
 * Call it for each new XML, also for the same one: a device may have been replaced by one of the
 * same name. Interfaces that were there keep their slots. Looks into sysfs whether each can be
 * counted; opens nothing until it is wanted.
 *
 * Return: 0; -ENOMEM: as before.
 */
int traffic_set_domain(struct traffic *traffic, uint32_t domain,
		       const struct domain_interface *interfaces, uint32_t n);

/** traffic_forget_domain() - it is gone, or has no interfaces; also ends the wish for it */
void traffic_forget_domain(struct traffic *traffic, uint32_t domain);

/**
 * traffic_want() - count the interfaces of a domain, or stop it
 * @domain:	one for which traffic_set_domain() was called, if @wanted
 *
 * The first wish makes the area and starts the thread; the last one that ends ends the thread, not
 * the area. Repeated wishes count once.
 *
 * Return: 0; -ENOENT (no such domain); -errno: there is no area or thread, it has logged why.
 */
int traffic_want(struct traffic *traffic, uint32_t domain, bool wanted);

/** traffic_area_fd() - to be sent to the monitor; owned by @traffic; -1: nothing was wanted yet */
int traffic_area_fd(const struct traffic *traffic);

/** traffic_area() - the same memory, to be read; NULL: likewise */
const struct traffic_area *traffic_area(const struct traffic *traffic);

struct traffic_interface {
	struct domain_interface interface;
	enum no_counter why; /* NO_COUNTER_NONE: it is counted, or will be when it is wanted */
};

/** traffic_interface() - what is in a slot. Return: false: nothing */
bool traffic_interface(const struct traffic *traffic, uint32_t domain, uint32_t slot,
		       struct traffic_interface *interface);

#endif
