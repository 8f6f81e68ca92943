/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits shared by all programs: they size arrays and bound input. */
#ifndef VMPOWER_COMMON_BOUNDS_H
#define VMPOWER_COMMON_BOUNDS_H

#define MAX_DOMAINS 2048	   /* running domains of a host */
#define MAX_DOMAIN_CHANNELS 64	   /* power channels of a domain */
#define MAX_DOMAIN_VCPUS 1024	   /* vCPUs of a domain */
#define MAX_DOMAIN_INTERFACES 16   /* network interfaces of a domain whose packets are counted */
#define MAX_CHANNEL_NUMBER 1023	   /* n in virtio.serial.port.poweragent.<n>: a vCPU's */
#define MAX_CPUS 4096		   /* pCPUs of a host */
#define MAX_FREQUENCY_DOMAINS 4096 /* one per pCPU if each has its own clock */
#define MAX_FREQUENCY_STEPS 256	   /* entries of a frequency table */
#define MAX_DOMAIN_NAME 256	   /* with NUL; libvirt's <name>.xml is limited to NAME_MAX */
#define MAX_POLICY_INTERFACES 16   /* that an operator's policy names */
/* of their names, as text: devices or MAC addresses, each with a blank or NUL behind it */
#define POLICY_INTERFACES_SIZE (MAX_POLICY_INTERFACES * 18)
#define UUID_SIZE 37		  /* of a UUID as text, with NUL */
#define MAX_DOMAIN_XML (4u << 20) /* bytes; real ones are at most some 100 kB */
#define MAX_EXCERPT 132		  /* foreign text in an error, with "..." and NUL */
#define MAX_CHANNELS (MAX_DOMAINS * MAX_DOMAIN_CHANNELS)

/* Frequencies outside this range come from broken firmware tables. */
#define LOWEST_KHZ 1000u
#define HIGHEST_KHZ 20000000u

#define CHANNEL_NAME_PREFIX "virtio.serial.port.poweragent."

#endif
