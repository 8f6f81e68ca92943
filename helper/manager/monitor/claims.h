/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frequency domains the monitor may ask for: those that lie below a vCPU of which it was
 * told. A monitor that a guest has taken over gets no files of others. Counted as the monitor is
 * told, so that a question is answered without looking at domains.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_CLAIMS_H
#define VMPOWER_HELPER_MANAGER_MONITOR_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"

struct claims;

/** claims_new() - nothing is claimed. Return: the caller's; NULL: no memory */
struct claims *claims_new(void);
void claims_free(struct claims *claims);

/** claims_begin() - the monitor is about to be told of all vCPUs of a domain */
void claims_begin(struct claims *claims, uint32_t domain);

/** claims_add() - it is told that some of them are above these frequency domains */
void claims_add(struct claims *claims, uint32_t domain, const struct cpuset *ids);

/** claims_end() - it was told of all: what none of them is above is claimed no longer */
void claims_end(struct claims *claims, uint32_t domain);

/** claims_forget() - the domain has ended, if it was known */
void claims_forget(struct claims *claims, uint32_t domain);

/** claims_has() - is any vCPU above this frequency domain? */
bool claims_has(const struct claims *claims, uint32_t id);

#endif
