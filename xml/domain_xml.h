/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's XML, as libvirt's hook and virDomainGetXMLDesc() give it, to the few facts that
 * vmpower acts on. Pure: text in, description out. Bounded in size, depth and time; no
 * network, no entities, no DTD.
 */
#ifndef VMPOWER_XML_DOMAIN_XML_H
#define VMPOWER_XML_DOMAIN_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpuset.h"
#include "bounds.h"

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
	char uuid[37]; /* lower case, with dashes */
	int32_t id;    /* -1: not running (as in stopped and release) */
	uint32_t n_vcpus; /* maximum: entries in vcpus */
	uint32_t n_online;
	struct vcpu_description *vcpus;
	uint32_t n_channels;
	struct channel_description channels[MAX_DOMAIN_CHANNELS]; /* ascending numbers */
	/* owned storage behind vcpus[].affinity */
	struct cpuset *affinities;
	uint32_t n_affinities;
};

/* What is wrong with an XML, for a person: names the element and the remedy. */
struct xml_error {
	char text[512];
};

/**
 * domain_xml_parse() - read a domain's XML
 * @xml:	bytes, not necessarily NUL-terminated
 * @size:	at most MAX_DOMAIN_XML
 * @domain:	set to a new description, owned by the caller (domain_description_free())
 * @error:	text where the result is negative
 *
 * Channels that are not ours (another target type or name) are passed over; ours that can't be
 * served (mode='connect', no path, a path over sun_path, a number that isn't one or is there
 * twice, more than MAX_DOMAIN_CHANNELS) are errors.
 *
 * Return: 0; -EINVAL (not a domain, or as above); -E2BIG (size, depth, vCPUs); -ENOMEM.
 */
int domain_xml_parse(const char *xml, size_t size, struct domain_description **domain,
		     struct xml_error *error);

void domain_description_free(struct domain_description *domain);

/* for the cleanup attribute */
static inline void domain_description_freep(struct domain_description **domain)
{
	domain_description_free(*domain);
}

#endif
