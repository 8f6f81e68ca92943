/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands that change something: domain add|remove, channel enable|disable|add|remove. */
#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/json/build.h"
#include "common/value.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

/* The channels after DOMAIN; JSON's null: none given; NULL: error printed */
static json_t *channel_numbers(const struct ctl *ctl)
{
	json_t *numbers;

	if (ctl->n_words == 1)
		return json_null();
	numbers = json_array();
	for (int i = 1; i < ctl->n_words; i++) {
		uint32_t number;

		if (parse_u32(ctl->words[i], MAX_CHANNEL_NUMBER, &number) < 0) {
			ctl_error("invalid channel \"%s\": use 0 to %d", ctl->words[i],
				  MAX_CHANNEL_NUMBER);
			json_decref(numbers);
			return NULL;
		}
		json_add(&numbers, json_integer(number));
	}
	return numbers;
}

/* "registered, 2 channels" */
static void say_channels(const char *domain, const char *before, long long n, const char *after)
{
	ctl_say("domain \"%s\": %s%lld channel%s%s", domain, before, n, n == 1 ? "" : "s", after);
}

/* @enabled: only of SetChannels, else NULL; @done: what has been done to the channels */
static int change_channels(const struct ctl *ctl, const char *method, json_t *enabled,
			   const char *done)
{
	cleanup_json json_t *reply = NULL;
	json_t *numbers = channel_numbers(ctl);
	long long changed;
	int r;

	if (!numbers)
		return CTL_USAGE;
	r = ctl_call(ctl, method,
		     json_pack("{s:s, s:o, s:o*}", "domain", ctl->words[0], "numbers", numbers,
			       "enabled", enabled),
		     &reply);
	if (r != CTL_OK || ctl->json)
		return r;
	changed = ctl_number(reply, "changed");
	if (changed == 0)
		ctl_say("domain \"%s\": already in that state", ctl->words[0]);
	else
		say_channels(ctl->words[0], "", changed, done);
	return CTL_OK;
}

int ctl_channel_enable(const struct ctl *ctl)
{
	return change_channels(ctl, "SetChannels", json_true(), " enabled");
}

int ctl_channel_disable(const struct ctl *ctl)
{
	return change_channels(ctl, "SetChannels", json_false(), " disabled");
}

int ctl_channel_add(const struct ctl *ctl)
{
	return change_channels(ctl, "AddChannels", NULL, " added");
}

int ctl_channel_remove(const struct ctl *ctl)
{
	return change_channels(ctl, "RemoveChannels", NULL, " removed");
}

int ctl_domain_add(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "AddDomain", json_pack("{s:s}", "domain", ctl->words[0]), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	say_channels(ctl_text(reply, "name"), "registered, ", ctl_number(reply, "channels"), "");
	return CTL_OK;
}

int ctl_domain_remove(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "RemoveDomain", json_pack("{s:s}", "domain", ctl->words[0]), &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	ctl_say("domain \"%s\": removed; it comes back when it starts again, or with \"domain "
		"add\"",
		ctl_text(reply, "name"));
	return CTL_OK;
}
