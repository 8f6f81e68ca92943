/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/policy_settings.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static bool refuse(char *problem, size_t size,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem, size, format, args);
	va_end(args);
	return false;
}

#define BIT(setting) (UINT32_C(1) << (setting))
#define OF_TRAFFIC                                                                                 \
	(BIT(SETTING_POLICY_MEDIUM_PACKETS) | BIT(SETTING_POLICY_HIGH_PACKETS) |                   \
	 BIT(SETTING_POLICY_DIRECTION) | BIT(SETTING_POLICY_INTERFACES))
#define OF_TIME                                                                                    \
	(BIT(SETTING_POLICY_LOW_HOURS) | BIT(SETTING_POLICY_MEDIUM_HOURS) |                        \
	 BIT(SETTING_POLICY_HIGH_HOURS) | BIT(SETTING_POLICY_TRAFFIC_HOURS))

/* Which settings a policy uses. */
static uint32_t used_by(const struct domain_settings *settings)
{
	static const uint32_t own[] = {
		[OPERATOR_NONE] = POLICY_SETTINGS, /* they wait for another one */
		[OPERATOR_WORKLOAD] = BIT(SETTING_POLICY_LEVEL),
		[OPERATOR_TIME] = OF_TIME,
		[OPERATOR_TRAFFIC] = OF_TRAFFIC,
	};

	return BIT(SETTING_POLICY) | BIT(SETTING_POLICY_VCPUS) | BIT(SETTING_POLICY_RANK) |
	       own[settings->policy] | (policy_by_traffic(settings) ? OF_TRAFFIC : 0);
}

static bool check_keys(const struct domain_settings *settings, char *problem, size_t size)
{
	const char *const *policies = domain_setting_fields[SETTING_POLICY].choices;
	bool given = domain_setting_given(settings, SETTING_POLICY);
	uint32_t used = given ? used_by(settings) : BIT(SETTING_POLICY_RANK);
	uint32_t idle = settings->given & POLICY_SETTINGS & ~used;
	const char *name;

	if (idle == 0)
		return true;
	name = domain_setting_fields[__builtin_ctz(idle)].name;
	if (!given)
		return refuse(problem, size, "%s is given without policy", name);
	return refuse(problem, size, "%s means nothing with policy = %s%s", name,
		      policies[settings->policy],
		      settings->policy == OPERATOR_TIME && (BIT(__builtin_ctz(idle)) & OF_TRAFFIC)
			      ? " without policy-traffic-hours"
			      : "");
}

static bool check_hours(const struct domain_settings *settings, char *problem, size_t size)
{
	uint32_t seen = 0;

	for (int i = SETTING_POLICY_LOW_HOURS; i <= SETTING_POLICY_TRAFFIC_HOURS; i++) {
		uint32_t hours = domain_setting_get(settings, (enum domain_setting)i);

		if (seen & hours)
			return refuse(problem, size, "hour %d is in more than one list: also in %s",
				      __builtin_ctz(seen & hours), domain_setting_fields[i].name);
		seen |= hours;
	}
	return seen != 0 || refuse(problem, size,
				   "policy = time needs hours: policy-low-hours, "
				   "policy-medium-hours, policy-high-hours or "
				   "policy-traffic-hours");
}

/* What is not given has its default. */
static bool check_packets(const struct domain_settings *settings, char *problem, size_t size)
{
	struct domain_settings whole = domain_settings_initial();

	policy_settings_apply(&whole, settings);
	return whole.policy_medium_packets <= whole.policy_high_packets ||
	       refuse(problem, size,
		      "policy-medium-packets (%u) is above policy-high-packets (%u%s)",
		      whole.policy_medium_packets, whole.policy_high_packets,
		      domain_setting_given(settings, SETTING_POLICY_HIGH_PACKETS)
			      ? ""
			      : " if not given");
}

bool policy_settings_check(const struct domain_settings *settings, char *problem, size_t size)
{
	if (!check_keys(settings, problem, size))
		return false;
	if (settings->policy == OPERATOR_WORKLOAD && settings->policy_level == OPERATOR_NO_LEVEL)
		return refuse(problem, size,
			      "policy = workload needs policy-level: low, medium or high");
	if (settings->policy == OPERATOR_TIME && !check_hours(settings, problem, size))
		return false;
	return !policy_by_traffic(settings) || check_packets(settings, problem, size);
}

void policy_settings_apply(struct domain_settings *settings, const struct domain_settings *from)
{
	const struct domain_settings initial = domain_settings_initial();

	if (domain_setting_given(from, SETTING_POLICY))
		for (int i = SETTING_POLICY; i < SETTING_POLICY_RANK; i++) {
			enum domain_setting setting = (enum domain_setting)i;

			domain_setting_copy(setting,
					    domain_setting_given(from, setting) ? from : &initial,
					    settings);
		}
	if (domain_setting_given(from, SETTING_POLICY_RANK))
		domain_setting_copy(SETTING_POLICY_RANK, from, settings);
}
