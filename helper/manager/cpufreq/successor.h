/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the next manager is told of frequency domains, in two files beside the state file. Lines of
 * text, as in baseline.h.
 *
 * All of them, in the order of their ids, and what is counted of them: they get the same ids again,
 * under which the monitor publishes its own counters. So no counter falls, also where some CPUs are
 * offline when the next manager starts:
 *
 *	vmpower-known 1
 *	policy=3 foreign=0
 *	end <number of policy lines>
 *
 * The acquired ones whose CPUs are offline. The kernel lets nobody read their files meanwhile, so
 * the next manager could not keep the votes on them:
 *
 *	vmpower-offline 1
 *	policy=3 cpus=3,7 driver=acpi-cpufreq method=1 base=0 non-turbo=1 khz=1200000,2300000
 *	end <number of policy lines>
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_SUCCESSOR_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_SUCCESSOR_H

#include "helper/manager/cpufreq/cpufreq.h"

/** successor_update() - write a file anew if it would say something else than before */
void successor_update(struct cpufreq *cpufreq);

/** successor_save_known() - the same, of the first file only */
void successor_save_known(struct cpufreq *cpufreq);

/** successor_load_known() - reserve the ids: their frequency domains are gone until scanned */
void successor_load_known(struct cpufreq *cpufreq);

/**
 * successor_load_offline() - enter the frequency domains that can't be read now
 *
 * Call it after the baselines were loaded: others than theirs are ignored. Those that can be read
 * again are marked: frequency_domain.came_back.
 */
void successor_load_offline(struct cpufreq *cpufreq);

#endif
