/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the packets of an interface are not counted. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_NO_COUNTER_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_NO_COUNTER_H

enum no_counter {
	NO_COUNTER_NONE, /* they are counted */
	NO_COUNTER_KIND, /* a kind of interface that vmpower does not know */
	NO_COUNTER_VHOSTUSER,
	NO_COUNTER_USER,
	NO_COUNTER_VDPA,
	NO_COUNTER_TARGET,     /* its XML names no device of the host */
	NO_COUNTER_DEVICE,     /* there is no such device, or it is gone */
	NO_COUNTER_FUNCTION,   /* its PCI device is no virtual function, or is gone */
	NO_COUNTER_PHYSICAL,   /* the physical function has no network device here */
	NO_COUNTER_DRIVER,     /* the physical function's driver does not count */
	NO_COUNTER_INCOMPLETE, /* the kernel's answer lacks the virtual function, or is cut */
	NO_COUNTER_SLOW,       /* asking takes too long */
	NO_COUNTER_ERROR,      /* it can't be read */
	N_NO_COUNTERS,
};

/** no_counter_name() - as JSON has it: "none", "vhostuser", ... */
const char *no_counter_name(enum no_counter why);

/** no_counter_text() - why, for a person, and what helps: the end of "not counted: ..." */
const char *no_counter_text(enum no_counter why);

#endif
