/* SPDX-License-Identifier: BSD-3-Clause */
/* SetPolicy and ClearPolicy: the operator sets a running domain's policy. */
#include "helper/manager/control/methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "common/policy_settings.h"
#include "common/value.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/reply.h"
#include "helper/manager/report/decision.h"

#define PROBLEM_SIZE 512

/* "KEY = VALUE", cut into pieces. Return: is it valid? If not, @problem says why. */
static bool read_line(char *line, struct domain_settings *settings, char problem[PROBLEM_SIZE])
{
	char *equals = strchr(line, '=');
	const char *name, *value;
	int setting;

	if (!equals) {
		(void)snprintf(problem, PROBLEM_SIZE, "\"%.100s\" is not KEY=VALUE", line);
		return false;
	}
	*equals = '\0';
	name = value_trim(line);
	value = value_trim(equals + 1);
	setting = domain_setting_find(name);
	if (setting < SETTING_POLICY) {
		(void)snprintf(problem, PROBLEM_SIZE,
			       "\"%.100s\" is not a setting of policies: they are policy, "
			       "policy-level and so on, see vmpower.conf(5)",
			       name);
		return false;
	}
	if (domain_setting_given(settings, (enum domain_setting)setting)) {
		(void)snprintf(problem, PROBLEM_SIZE, "%s is given twice", name);
		return false;
	}
	if (!domain_setting_parse((enum domain_setting)setting, value, settings)) {
		(void)snprintf(problem, PROBLEM_SIZE, "%s is '%.100s'; allowed is %s", name, value,
			       domain_setting_fields[setting].allowed);
		return false;
	}
	return true;
}

static bool read_settings(char *text, struct domain_settings *settings, char problem[PROBLEM_SIZE])
{
	char *rest = text, *line;

	*settings = (struct domain_settings){0};
	while ((line = strsep(&rest, "\n"))) {
		if (*value_trim(line) && !read_line(line, settings, problem))
			return false;
	}
	if (!domain_setting_given(settings, SETTING_POLICY)) {
		(void)snprintf(problem, PROBLEM_SIZE, "policy is missing; allowed is %s",
			       domain_setting_fields[SETTING_POLICY].allowed);
		return false;
	}
	return policy_settings_check(settings, problem, PROBLEM_SIZE);
}

/* The vCPUs for which it does not vote now, since what their guest has said counts. */
static json_t *masked_json(const struct control_context *control, const struct domain *domain)
{
	const struct decision_sources sources = control_decision_sources(control);
	const struct domain_settings *settings = &domain->rules.settings;
	json_t *masked = json_array();

	for (uint32_t v = 0; v < domain->description->n_vcpus; v++) {
		struct votes_of_vcpu votes = decision_votes(&sources, domain, v);

		if (settings->policy != OPERATOR_NONE &&
		    settings->policy_rank == RANK_BELOW_GUEST &&
		    setting_vcpus_has(&settings->policy_vcpus, v) && votes.said.from != VOTE_NONE)
			json_add(&masked, json_integer(v));
	}
	return masked;
}

void control_set_policy(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	json_t *parameters = varlink_parameters(call);
	struct domain *domain = control_find_domain(call, control->parts.registry);
	cleanup_free char *text = NULL;
	struct domain_settings settings;
	char problem[PROBLEM_SIZE];

	if (!domain)
		return;
	text = strdup(json_string_value(json_object_get(parameters, "settings")));
	if (!text) {
		varlink_reply(call, NULL);
		return;
	}
	if (!read_settings(text, &settings, problem)) {
		varlink_error(call, "BadPolicy",
			      json_pack("{s:o, s:o}", "domain",
					json_text(domain->description->name), "reason",
					json_text(problem)));
		return;
	}
	if (domains_set_policy(control->parts.domains, domain, &settings) < 0)
		varlink_reply(call, NULL);
	else
		varlink_reply(call, json_pack("{s:o}", "masked", masked_json(control, domain)));
}

void control_clear_policy(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	struct domain *domain = control_find_domain(call, control->parts.registry);
	bool was_set;

	if (!domain)
		return;
	was_set = domain->policy != NULL;
	(void)domains_set_policy(control->parts.domains, domain, NULL);
	varlink_reply(call, json_pack("{s:b}", "cleared", was_set));
}
