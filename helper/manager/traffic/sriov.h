/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual functions in sysfs: whose they are, and which counters they have. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_SRIOV_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_SRIOV_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/traffic/no_counter.h"
#include "helper/manager/traffic/statistics.h"
#include "xml/domain_description.h"

#define PCI_ADDRESS_SIZE 24 /* of "10000:3b:00.0", with NUL */

struct virtual_function {
	char physical[PCI_ADDRESS_SIZE]; /* address of its physical function */
	char driver[32];		 /* of that */
	bool counts;			 /* that driver is known to count: its zeros are counts */
	uint32_t least_ms;		 /* the time between two values of its counters */
	uint32_t vf;			 /* number */
	int ifindex;			 /* of the physical function's network device */
	char representor[IFNAMSIZ]; /* in switchdev mode, if its counters are usable; "": none */
	enum statistics_view view;  /* of the representor */
};

/**
 * sriov_can_count() - can this function's packets be counted, as far as can be told at once?
 * @sysfs:	stands for /sys
 * @address:	of the function
 *
 * Reads only what never makes it wait.
 *
 * Return: NO_COUNTER_NONE: probably; or why not.
 */
enum no_counter sriov_can_count(const char *sysfs, const struct pci_address *address);

/**
 * sriov_find() - find all of it
 *
 * May wait for a lock of the kernel: for the thread.
 *
 * Return: NO_COUNTER_NONE; or why it can't be counted. A driver that is not known to count is no
 * reason: see @function->counts.
 */
enum no_counter sriov_find(const char *sysfs, const struct pci_address *address,
			   struct virtual_function *function);

#endif
