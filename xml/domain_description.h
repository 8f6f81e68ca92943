/* SPDX-License-Identifier: BSD-3-Clause */
/* The few facts about a domain that vmpower acts on. */
#ifndef VMPOWER_XML_DOMAIN_DESCRIPTION_H
#define VMPOWER_XML_DOMAIN_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/cpuset.h"
#include "common/domain_settings.h"

struct channel_description {
	uint32_t number; /* n of virtio.serial.port.poweragent.<n> */
	char path[108];	 /* QEMU's listening socket; fits sun_path */
};

struct vcpu_description {
	bool online;		 /* counted in <vcpu current=>, enabled in <vcpus> */
	bool pinned;		 /* by vcpupin, else by <vcpu cpuset> */
	struct cpuset *affinity; /* where pinned, else NULL; several vCPUs may share one */
};

struct domain_description {
	char name[MAX_DOMAIN_NAME];
	char uuid[37];	  /* lower case, with dashes */
	int32_t id;	  /* -1: not running (as in stopped and release) */
	uint32_t n_vcpus; /* maximum: entries in vcpus */
	uint32_t n_online;
	bool vcpus_vary; /* some can be plugged or unplugged while it runs */
	struct vcpu_description *vcpus;
	uint32_t n_channels;
	struct channel_description channels[MAX_DOMAIN_CHANNELS]; /* ascending numbers */
	char near_miss[MAX_EXCERPT]; /* a virtio channel's name that is almost one of ours; "" */
	struct domain_settings metadata; /* none given where there are none, or wrong ones */
	char metadata_error[512];	 /* what is wrong with them; "": nothing */
	/* owned storage behind vcpus[].affinity */
	struct cpuset *affinities;
	uint32_t n_affinities;
};

void domain_description_free(struct domain_description *domain);

/**
 * vcpu_pinned() - does its affinity leave out a CPU of the host?
 * @present:	the host's CPUs, online or not
 *
 * libvirt and OpenStack write an affinity to all CPUs for domains that float, so that is none. On
 * a host with one CPU any affinity pins.
 */
bool vcpu_pinned(const struct vcpu_description *vcpu, const struct cpuset *present);

/* for the cleanup attribute */
static inline void domain_description_freep(struct domain_description **domain)
{
	domain_description_free(*domain);
}

#endif
