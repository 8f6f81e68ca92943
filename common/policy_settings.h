/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of an operator's policy: SETTING_POLICY and those that follow it. They come from the
 * host's configuration, from a domain's metadata or from vmpowerctl, and are taken from one of
 * these as a whole. Pure.
 */
#ifndef VMPOWER_COMMON_POLICY_SETTINGS_H
#define VMPOWER_COMMON_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/domain_settings.h"

/* The bits of settings' given that belong to a policy. */
#define POLICY_SETTINGS (DOMAIN_SETTINGS_ALL & ~((UINT32_C(1) << SETTING_POLICY) - 1))

/**
 * policy_settings_check() - do the given policy settings make a policy?
 * @problem:	@size bytes, set if not: "policy = time needs policy-low-hours, ..."
 *
 * Keys that the kind of policy does not use are an error: they would be ignored.
 */
bool policy_settings_check(const struct domain_settings *settings, char *problem, size_t size);

/** policy_by_traffic() - does the policy go by traffic, at any hour? */
static inline bool policy_by_traffic(const struct domain_settings *settings)
{
	return settings->policy == OPERATOR_TRAFFIC ||
	       (settings->policy == OPERATOR_TIME && settings->policy_traffic_hours != 0);
}

/**
 * policy_settings_apply() - put what one source says in force
 * @from:	its given settings count
 *
 * A policy that it gives replaces the whole policy, but for the rank: only its own key does that.
 */
void policy_settings_apply(struct domain_settings *settings, const struct domain_settings *from);

#endif
