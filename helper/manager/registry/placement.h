/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frequency domains a vCPU may vote on, and whether it counts as pinned. Used for the
 * monitor's view and for the control API alike, so that both agree.
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
 * @ids:	set to their ids; offline ones only if all are offline; empty: it may not vote
 *
 * Return: VCPU_* of link/message.h
 */
uint32_t placement_find(const struct config *config, const struct cpufreq *cpufreq,
			const struct vcpu_description *vcpu, const struct host_cpus *cpus,
			struct cpuset *ids);

#endif
