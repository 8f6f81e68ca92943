/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What loop and thread share. The lock protects it, and the writing of samples; it is held for
 * moments, never while the kernel is asked. What the thread finds out about an interface is entered
 * only if the slot still has that interface. For this folder only.
 */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_CORE_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_CORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/link/traffic_area.h"
#include "helper/manager/traffic/intervals.h"
#include "helper/manager/traffic/no_counter.h"
#include "helper/manager/traffic/rate.h"
#include "xml/domain_description.h"

struct slot {
	uint64_t id;   /* of this interface in this slot, and of no other; 0: free */
	uint32_t told; /* how often the loop was told of it: its device may be another since */
	enum no_counter why;
	struct domain_interface interface;
};

struct traffic_domain {
	bool wanted;
	struct slot slots[MAX_DOMAIN_INTERFACES];
};

/* Domains, each at most once. */
struct domain_queue {
	uint32_t first, n;
	uint32_t ids[MAX_DOMAINS]; /* a ring */
	bool has[MAX_DOMAINS];
};

struct core {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* the thread; who waits for its end; by CLOCK_MONOTONIC */

	/* protected by the lock */
	struct traffic_domain *domains[MAX_DOMAINS];
	struct domain_queue orders;  /* changed since the thread has looked */
	struct domain_queue changes; /* the thread has something to tell the loop */
	struct traffic_intervals intervals;
	uint64_t last_id;
	uint32_t n_wanted;
	bool quit;	/* the thread shall end */
	bool running;	/* it does, or is about to; false: it only has to be joined */
	bool abandoned; /* it shall free this at its end */

	/* made with the first wish, and the same ever after */
	char *sysfs;
	struct traffic_area *area;
	int area_fd, changes_fd;
};

/** core_new() - without area. Return: 0; -ENOMEM */
int core_new(const char *sysfs, const struct traffic_intervals *intervals, struct core **core);
void core_free(struct core *core);

/** core_make_area() - and the eventfd. Return: 0, also if they are there; -errno */
int core_make_area(struct core *core);

/* The lock is held: */

/** queue_add() - at the end, unless it is there */
void queue_add(struct domain_queue *queue, uint32_t domain);
/** queue_take() - Return: false: it is empty */
bool queue_take(struct domain_queue *queue, uint32_t *domain);

/** core_invalidate() - what is published of a slot is past */
void core_invalidate(struct core *core, uint32_t domain, uint32_t slot);

/* The thread's, without the lock: */

struct slot_name {
	uint32_t domain, slot;
	uint64_t id;
};

/** core_announce() - the first sample of an interface should be there at @next_ns */
void core_announce(struct core *core, const struct slot_name *name, uint64_t interval_ns,
		   uint64_t next_ns);

/** core_publish() - a sample, the next of which should be there at @next_ns */
void core_publish(struct core *core, const struct slot_name *name, const struct rate *rate,
		  uint64_t interval_ns, uint64_t next_ns);

/** core_report() - whether it has a counter; tells the loop if that is news. Invalidates if not. */
void core_report(struct core *core, const struct slot_name *name, enum no_counter why);

#endif
