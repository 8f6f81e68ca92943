/* SPDX-License-Identifier: BSD-3-Clause */
/* The few facts that vmpower needs about a domain. */
#ifndef VMPOWER_XML_DOMAIN_DESCRIPTION_H
#define VMPOWER_XML_DOMAIN_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/cpuset.h"
#include "common/domain_settings.h"

struct channel_description {
	uint32_t number; /* n of virtio.serial.port.poweragent.<n> */
	char path[108];	 /* of QEMU's listening socket; fits sun_path */
};

/* How an interface is attached: what decides who counts its packets. */
enum interface_kind {
	INTERFACE_OTHER,     /* server, udp, null, and what is new */
	INTERFACE_TAP,	     /* bridge, network, ethernet: a tap device of the host */
	INTERFACE_UNMANAGED, /* ethernet with managed='no': a tap device, or a macvtap device */
	INTERFACE_DIRECT,    /* a macvtap device of the host */
	INTERFACE_HOSTDEV,   /* a virtual function that the guest drives */
	INTERFACE_VHOSTUSER, /* another program's, such as Open vSwitch with DPDK */
	INTERFACE_USER,	     /* within QEMU, or a program beside it */
	INTERFACE_VDPA,
};

struct pci_address {
	uint32_t domain;
	uint8_t bus, slot, function;
};

struct domain_interface {
	enum interface_kind kind;
	uint8_t mac[6];
	char target[16]; /* the host's network device; "": none */
	char model[16];	 /* such as virtio; "": none, or a longer one */
	bool has_source; /* INTERFACE_HOSTDEV: there is a PCI address */
	struct pci_address source;
};

struct vcpu_description {
	bool online;		 /* counted in <vcpu current=>, enabled in <vcpus> */
	bool pinned;		 /* by <vcpupin>, else by <vcpu cpuset> */
	bool uncertain;		 /* it may run elsewhere: its pinning could not be read */
	struct cpuset *affinity; /* NULL: not pinned; several vCPUs may share one */
};

struct domain_description {
	char name[MAX_DOMAIN_NAME];
	char uuid[UUID_SIZE]; /* lower case, with dashes */
	int32_t id;	      /* -1: not running (as in the hooks stopped and release) */
	uint32_t n_vcpus;     /* maximum: entries in vcpus */
	uint32_t n_online;
	bool vcpus_vary; /* vCPUs can be plugged or unplugged while it runs */
	struct vcpu_description *vcpus;
	uint32_t n_channels;
	struct channel_description channels[MAX_DOMAIN_CHANNELS]; /* ascending numbers */
	uint32_t n_interfaces;					  /* in the order of the XML */
	struct domain_interface interfaces[MAX_DOMAIN_INTERFACES];
	uint32_t n_more_interfaces;  /* for which there was no room */
	char near_miss[MAX_EXCERPT]; /* name of a channel that looks misspelt; "": none */
	char problem[512];	     /* what of the domain is not served, and why; "": nothing */
	uint32_t n_problems;
	struct domain_settings metadata; /* nothing given if there is none or one is wrong */
	char metadata_error[512];	 /* what is wrong with the metadata; "": nothing */
	/* storage behind vcpus[].affinity */
	struct cpuset *affinities;
	uint32_t n_affinities;
};

void domain_description_free(struct domain_description *domain);

/**
 * vcpu_pinned() - does the vCPU's affinity leave out a CPU of the host?
 * @present:	the host's CPUs, online or not
 *
 * An affinity to all CPUs does not count: libvirt and OpenStack give it to floating vCPUs. On a
 * host with one CPU any affinity pins.
 */
bool vcpu_pinned(const struct vcpu_description *vcpu, const struct cpuset *present);

/* For the cleanup attribute. */
static inline void domain_description_freep(struct domain_description **domain)
{
	domain_description_free(*domain);
}

#endif
