/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand policy: what votes for a domain without its guest; set and cleared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/domain_settings.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"
#include "ctl/common/table.h"

static const struct table_column key_value[] = {{NULL, false}, {NULL, false}};

static const char prefix[] = "policy-";

/* --- show ----------------------------------------------------------------------------------- */

/* Of the kinds that a policy may be, those that use a setting. */
static bool is_used(enum domain_setting setting, json_t *settings)
{
	const char *policy = ctl_text(settings, "policy");
	bool by_traffic = strcmp(policy, "traffic") == 0 ||
			  (strcmp(policy, "time") == 0 &&
			   strcmp(ctl_text(settings, "policy_traffic_hours"), "none") != 0);

	switch (setting) {
	case SETTING_POLICY_LEVEL:
		return strcmp(policy, "workload") == 0;
	case SETTING_POLICY_LOW_HOURS:
	case SETTING_POLICY_MEDIUM_HOURS:
	case SETTING_POLICY_HIGH_HOURS:
	case SETTING_POLICY_TRAFFIC_HOURS:
		return strcmp(policy, "time") == 0;
	case SETTING_POLICY_MEDIUM_PACKETS:
	case SETTING_POLICY_HIGH_PACKETS:
	case SETTING_POLICY_DIRECTION:
	case SETTING_POLICY_INTERFACES:
		return by_traffic;
	default:
		return true;
	}
}

static void source_cell(struct table *table, json_t *settings)
{
	const char *source = ctl_text(settings, "policy_source");

	if (strcmp(source, "operator") == 0)
		table_cell(table, "vmpowerctl, until it is cleared or the domain ends");
	else if (strcmp(source, "section") == 0)
		table_cell(table, "[domain \"%s\"], %s", ctl_text(settings, "section"),
			   ctl_text(settings, "origin"));
	else
		table_cell(table, "the metadata in the domain's XML");
}

static void setting_lines(struct table *table, json_t *settings)
{
	for (int i = SETTING_POLICY; i < N_SETTINGS; i++) {
		const struct domain_setting_field *field = &domain_setting_fields[i];

		if (!is_used((enum domain_setting)i, settings))
			continue;
		table_cell(table, "%s:", field->name);
		if (field->type == TYPE_NUMBER)
			table_cell(table, "%lld", ctl_number(settings, field->json));
		else
			table_cell(table, "%s", ctl_text(settings, field->json));
	}
}

static void vcpu_line(struct table *table, json_t *vcpu)
{
	table_cell(table, "vCPU %lld:", ctl_number(vcpu, "vcpu"));
	if (!ctl_has(vcpu, "standing_khz"))
		table_cell(table,
			   ctl_flag(vcpu, "pinned") ? "no vote now" : "no vote: it is not pinned");
	else if (ctl_has(vcpu, "override_khz"))
		table_cell(table, "%lld kHz; an override counts: %lld kHz",
			   ctl_number(vcpu, "standing_khz"), ctl_number(vcpu, "override_khz"));
	else if (ctl_flag(vcpu, "by_operator_policy"))
		table_cell(table, "%lld kHz", ctl_number(vcpu, "standing_khz"));
	else
		table_cell(table, "%lld kHz; its guest's vote counts: %lld kHz",
			   ctl_number(vcpu, "standing_khz"), ctl_number(vcpu, "vote_khz"));
}

static int show(const struct ctl *ctl)
{
	cleanup_table struct table table = TABLE(key_value);
	cleanup_json json_t *reply = NULL;
	json_t *domain, *settings, *vcpu;
	int r = ctl_call(ctl, "GetDomain", json_pack("{s:s}", "domain", ctl->words[0]), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	domain = json_object_get(reply, "domain");
	settings = json_object_get(domain, "settings");
	if (!ctl_has(settings, "policy_source") ||
	    strcmp(ctl_text(settings, "policy"), "none") == 0) {
		ctl_say("domain \"%s\": no policy", ctl_text(domain, "name"));
		return CTL_OK;
	}
	setting_lines(&table, settings);
	table_cell(&table, "set by:");
	source_cell(&table, settings);
	ctl_for_each (vcpu, json_object_get(domain, "vcpus"))
		vcpu_line(&table, vcpu);
	return ctl_print(&table);
}

/* --- set, clear ------------------------------------------------------------------------------ */

/* Keys may be given without "policy-". Return: lines, the caller's; NULL: out of memory */
static char *join(char **words, int n)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int i = 0; i < n; i++) {
		size_t length = strcspn(words[i], "=");
		bool is_short = strncmp(words[i], "policy", 6) != 0;
		char name[64];

		(void)snprintf(name, sizeof(name), "%s%.*s", is_short ? prefix : "",
			       (int)(length < 40 ? length : 40), words[i]);
		if (is_short && domain_setting_find(name) >= SETTING_POLICY)
			(void)fputs(prefix, out);
		(void)fprintf(out, "%s\n", words[i]);
	}
	return close_written(out) ? take_ptr(text) : NULL;
}

static int set(const struct ctl *ctl)
{
	cleanup_free char *settings = join(ctl->words + 2, ctl->n_words - 2);
	cleanup_json json_t *reply = NULL;
	json_t *vcpu;
	int r;

	if (!settings) {
		ctl_error("out of memory");
		return CTL_FAILED;
	}
	r = ctl_call(ctl, "SetPolicy",
		     json_pack("{s:s, s:s}", "domain", ctl->words[0], "settings", settings),
		     &reply);
	if (r != CTL_OK || ctl->json)
		return r;
	ctl_say("domain \"%s\": policy set, until it is cleared or the domain ends", ctl->words[0]);
	ctl_for_each (vcpu, json_object_get(reply, "masked"))
		ctl_say("vCPU %lld: its guest's vote counts, not the policy",
			(long long)json_integer_value(vcpu));
	return CTL_OK;
}

static int clear(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "ClearPolicy", json_pack("{s:s}", "domain", ctl->words[0]), &reply);

	if (r == CTL_OK && !ctl->json)
		ctl_say("domain \"%s\": %s", ctl->words[0],
			ctl_flag(reply, "cleared")
				? "cleared, the policy of its settings counts again"
				: "no policy was set with vmpowerctl");
	return r;
}

int ctl_policy(const struct ctl *ctl)
{
	const char *action = ctl->n_words > 1 ? ctl->words[1] : "show";

	if (strcmp(action, "show") == 0 && ctl->n_words <= 2)
		return show(ctl);
	if (strcmp(action, "clear") == 0 && ctl->n_words == 2)
		return clear(ctl);
	if (strcmp(action, "set") == 0 && ctl->n_words > 2)
		return set(ctl);
	ctl_error("usage: vmpowerctl policy DOMAIN [show | set KEY=VALUE... | clear]");
	return CTL_USAGE;
}
