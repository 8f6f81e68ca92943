/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a vCPU has a say: what its pinning is worth, and which frequency domains are below it.
 * What the monitor is told and what the operator is shown both come from here.
 */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_PLACEMENT_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "xml/domain_description.h"

/** placement_pinned() - vcpu_pinned() on this host */
bool placement_pinned(const struct vcpu_description *vcpu, const struct host_cpus *cpus);

/**
 * placement_find() - the frequency domains that a vCPU may vote on
 * @cpus:	the host's
 * @ids:	room for MAX_FREQUENCY_DOMAINS; each of them once, by the lowest pCPU; those that
 *		are offline only where all are
 * @n:		set to how many there are; 0 where the vCPU has no say
 *
 * Return: VCPU_* of message.h
 */
uint32_t placement_find(const struct config *config, const struct cpufreq *cpufreq,
			const struct vcpu_description *vcpu, const struct host_cpus *cpus,
			uint32_t *ids, uint32_t *n);

#endif
