/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands that change something: domain add|remove, channel enable|disable|add|remove. */
#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/value.h"
#include "ctl/commands/commands.h"
#include "ctl/print.h"

/* The words after DOMAIN as a list of channels: null where there are none. NULL: complained. */
static json_t *channel_numbers(const struct ctl *ctl)
{
	json_t *numbers;

	if (ctl->n_words == 1)
		return json_null();
	numbers = json_array();
	for (int i = 1; i < ctl->n_words; i++) {
		uint32_t number;

		if (parse_u32(ctl->words[i], MAX_CHANNEL_NUMBER, &number) < 0) {
			ctl_complain("invalid channel \"%s\": use 0 to %d", ctl->words[i],
				     MAX_CHANNEL_NUMBER);
			json_decref(numbers);
			return NULL;
		}
		(void)json_array_append_new(numbers, json_integer(number));
	}
	return numbers;
}

/* "registered, 2 channels" */
static void say_channels(const char *domain, const char *before, json_int_t n, const char *after)
{
	ctl_say("domain \"%s\": %s%" JSON_INTEGER_FORMAT " channel%s%s", domain, before, n,
		n == 1 ? "" : "s", after);
}

/* @done: " enabled", ... what was done to the channels */
static int change_channels(const struct ctl *ctl, const char *method, json_t *parameters,
			   const char *done)
{
	cleanup_json json_t *reply = NULL;
	json_int_t changed;
	int r = ctl_call(ctl, method, parameters, &reply);

	if (r != CTL_OK || ctl->json)
		return r;
	changed = ctl_number(reply, "changed");
	if (changed == 0)
		ctl_say("domain \"%s\": already in that state", ctl->words[0]);
	else
		say_channels(ctl->words[0], "", changed, done);
	return CTL_OK;
}

static int set_channels(const struct ctl *ctl, bool enabled)
{
	json_t *numbers = channel_numbers(ctl);

	if (!numbers)
		return CTL_USAGE;
	return change_channels(ctl, "SetChannels",
			       json_pack("{s:s, s:o, s:b}", "domain", ctl->words[0], "numbers",
					 numbers, "enabled", (int)enabled),
			       enabled ? " enabled" : " disabled");
}

int ctl_channel_enable(const struct ctl *ctl)
{
	return set_channels(ctl, true);
}

int ctl_channel_disable(const struct ctl *ctl)
{
	return set_channels(ctl, false);
}

static int add_or_remove(const struct ctl *ctl, const char *method, const char *done)
{
	json_t *numbers = channel_numbers(ctl);

	if (!numbers)
		return CTL_USAGE;
	return change_channels(ctl, method,
			       json_pack("{s:s, s:o}", "domain", ctl->words[0], "numbers", numbers),
			       done);
}

int ctl_channel_add(const struct ctl *ctl)
{
	return add_or_remove(ctl, "AddChannels", " added");
}

int ctl_channel_remove(const struct ctl *ctl)
{
	return add_or_remove(ctl, "RemoveChannels", " removed");
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
