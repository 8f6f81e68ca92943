/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/domain_settings.h"

#include <stdio.h>
#include <string.h>

#include "common/assertion.h"
#include "common/value.h"

#define A_FLAG "yes or no"
#define HIGHEST_RATE 1000000
#define HIGHEST_VOTE_LIFETIME_S 86400
#define HIGHEST_PACKETS 1000000000
#define FIELD(member) .offset = offsetof(struct domain_settings, member)

const char *const domain_command_names[] = {"scale", "turbo", "policy", NULL};

static const char *const policies[] = {"none", "workload", "time", "traffic", NULL};
static const char *const policy_levels[] = {"none", "low", "medium", "high", NULL};
static const char *const policy_directions[] = {"to-guest", "both", NULL};
static const char *const policy_ranks[] = {"below-guest", "above-guest", NULL};

#define HOURS(name_, json_, member, help_)                                                         \
	{                                                                                          \
		.name = (name_), .json = (json_), .type = TYPE_HOURS, FIELD(member),               \
		.merge = MERGE_POLICY, .allowed = "none, or hours from 0 to 23 such as 8-17,22",   \
		.initial = "none", .help = (help_)                                                 \
	}
#define PACKETS(name_, json_, member, initial_, help_)                                             \
	{                                                                                          \
		(name_), (json_), TYPE_NUMBER, 1, HIGHEST_PACKETS, FIELD(member),                  \
			.merge = MERGE_POLICY, .allowed = "1 to 1000000000 packets per second",    \
			.initial = (initial_), .help = (help_)                                     \
	}

const struct domain_setting_field domain_setting_fields[N_SETTINGS] = {
	[SETTING_SERVE] =
		{"serve", "serve", TYPE_FLAG, FIELD(serve), .merge = MERGE_AND, .allowed = A_FLAG,
		 .initial = "yes",
		 .help = "Are its channels served? no: they are not connected. Its pinned vCPUs "
			 "still count as vCPUs that have not voted."},
	[SETTING_MIN_FREQUENCY] =
		{"min-frequency", "min_khz", TYPE_FREQUENCY, FIELD(min_khz), .merge = MERGE_HIGHER,
		 .section_narrows = true, .allowed = FREQUENCY_ALLOWED, .initial = "0",
		 .help = "The lowest frequency that its requests can set, as in [limits]; 0: no "
			 "limit of its own. [limits] applies in any case."},
	[SETTING_MAX_FREQUENCY] =
		{"max-frequency", "max_khz", TYPE_FREQUENCY, FIELD(max_khz), .merge = MERGE_LOWER,
		 .section_narrows = true, .allowed = FREQUENCY_ALLOWED, .initial = "0",
		 .help = "The highest frequency that its requests can set, as in [limits]; 0: no "
			 "limit of its own. [limits] applies in any case."},
	[SETTING_TURBO] =
		{"turbo", "turbo", TYPE_FLAG, FIELD(turbo), .merge = MERGE_AND,
		 .section_narrows = true, .allowed = A_FLAG, .initial = "yes",
		 .help = "May it ask for frequencies above the highest without turbo? yes: if "
			 "[limits] turbo allows it."},
	[SETTING_COMMANDS] =
		{"commands", "commands", TYPE_COMMANDS, FIELD(commands), .merge = MERGE_AND,
		 .allowed = "none, or any of: scale turbo policy", .initial = "scale turbo policy",
		 .help = "The commands to obey: scale (up, down, min, max), turbo (on, off), "
			 "policy (standing rules by hour or workload); others are answered with "
			 "NACK. none: no command."},
	[SETTING_QUERIES] =
		{"queries", "queries", TYPE_FLAG, FIELD(queries), .merge = MERGE_AND,
		 .allowed = A_FLAG, .initial = "yes",
		 .help = "May it query frequencies and capabilities? If not given, [channel] "
			 "queries applies."},
	[SETTING_RATE] =
		{"rate", "rate", TYPE_NUMBER, 0, HIGHEST_RATE, FIELD(rate), .merge = MERGE_LOWER,
		 .allowed = "0 (unlimited) to 1000000 requests per second", .initial = "1000",
		 .help = "Requests per second on each of its channels; 0: unlimited. If not "
			 "given, [channel] rate applies."},
	[SETTING_BURST] =
		{"burst", "burst", TYPE_NUMBER, 1, HIGHEST_RATE, FIELD(burst), .merge = MERGE_LOWER,
		 .allowed = "1 to 1000000 requests", .initial = "200",
		 .help = "The most requests on a channel at once. If not given, [channel] burst "
			 "applies."},
	[SETTING_VOTE_LIFETIME] =
		{"vote-lifetime", "vote_lifetime_s", TYPE_NUMBER, 0, HIGHEST_VOTE_LIFETIME_S,
		 FIELD(vote_lifetime_s), .merge = MERGE_LOWER,
		 .allowed = "0 (no end) to 86400 seconds", .initial = "0",
		 .help = "Seconds after which a vote ends if its channel has sent nothing valid "
			 "since; 0: no end. If not given, [channel] vote-lifetime applies."},
	[SETTING_POLICY] =
		{"policy", "policy", TYPE_CHOICE, FIELD(policy), .merge = MERGE_POLICY,
		 .choices = policies, .allowed = "none, workload, time or traffic",
		 .initial = "none",
		 .help = "A standing rule that votes for its vCPUs, whether or not its guest asks. "
			 "workload: policy-level, for good. time: by the hour of the host's clock. "
			 "traffic: by the packets of its interfaces. If a section gives it, the "
			 "policy of the domain's own XML is ignored."},
	[SETTING_POLICY_LEVEL] =
		{"policy-level", "policy_level", TYPE_CHOICE, FIELD(policy_level),
		 .merge = MERGE_POLICY, .choices = policy_levels,
		 .allowed = "low, medium or high; or none", .initial = "none",
		 .help = "What policy = workload votes for: the lowest frequency that it may set, "
			 "the middle one, or the highest."},
	[SETTING_POLICY_LOW_HOURS] =
		HOURS("policy-low-hours", "policy_low_hours", policy_low_hours,
		      "At which hours policy = time votes for the lowest frequency: numbers from "
		      "0 to 23 and ranges of them, as in 8-17,22; 22-5 goes over midnight. In "
		      "hours that no list has it does not vote."),
	[SETTING_POLICY_MEDIUM_HOURS] = HOURS("policy-medium-hours", "policy_medium_hours",
					      policy_medium_hours, "Likewise, for the middle one."),
	[SETTING_POLICY_HIGH_HOURS] = HOURS("policy-high-hours", "policy_high_hours",
					    policy_high_hours, "Likewise, for the highest."),
	[SETTING_POLICY_TRAFFIC_HOURS] =
		HOURS("policy-traffic-hours", "policy_traffic_hours", policy_traffic_hours,
		      "At which hours policy = time goes by the traffic."),
	[SETTING_POLICY_MEDIUM_PACKETS] = PACKETS(
		"policy-medium-packets", "policy_medium_packets", policy_medium_packets, "10000",
		"From how many packets per second on a policy that goes by traffic votes "
		"for the middle frequency."),
	[SETTING_POLICY_HIGH_PACKETS] =
		PACKETS("policy-high-packets", "policy_high_packets", policy_high_packets, "100000",
			"Likewise, for the highest."),
	[SETTING_POLICY_DIRECTION] =
		{"policy-direction", "policy_direction", TYPE_CHOICE, FIELD(policy_direction),
		 .merge = MERGE_POLICY, .choices = policy_directions, .allowed = "to-guest or both",
		 .initial = "to-guest",
		 .help = "Which packets count: those sent to the guest, or also those that it "
			 "sends."},
	[SETTING_POLICY_VCPUS] =
		{"policy-vcpus", "policy_vcpus", TYPE_VCPUS, FIELD(policy_vcpus),
		 .merge = MERGE_POLICY, .allowed = "all, or vCPUs from 0 to 1023 such as 0,2-5",
		 .initial = "all",
		 .help = "The vCPUs for which the policy votes, as in 0,2-5. Those that are not "
			 "pinned can't vote, unless [arbitration] allow-unpinned allows it."},
	[SETTING_POLICY_INTERFACES] =
		{"policy-interfaces", "policy_interfaces", TYPE_INTERFACES,
		 FIELD(policy_interfaces), .merge = MERGE_POLICY,
		 .allowed = "all, or 1 to 16 of: devices of the host such as vnet0, MAC addresses",
		 .initial = "all",
		 .help = "The interfaces whose packets count: their target devices on the host, or "
			 "their MAC addresses, separated by blanks or commas."},
	[SETTING_POLICY_RANK] =
		{"policy-rank", "policy_rank", TYPE_CHOICE, FIELD(policy_rank),
		 .merge = MERGE_POLICY, .choices = policy_ranks,
		 .allowed = "below-guest or above-guest", .initial = "below-guest",
		 .help = "below-guest: what the guest asks for counts in place of the policy. "
			 "above-guest: the policy counts, and what the guest asks for only while "
			 "the policy does not vote. Only here, not in the domain's XML."},
};

int domain_setting_find(const char *name)
{
	for (int i = 0; i < N_SETTINGS; i++) {
		if (strcmp(name, domain_setting_fields[i].name) == 0)
			return i;
	}
	return -1;
}

static void *find_value(const struct domain_settings *settings, enum domain_setting setting)
{
	return (char *)settings + domain_setting_fields[setting].offset;
}

static size_t value_size(enum setting_type type)
{
	return type == TYPE_VCPUS	 ? sizeof(struct setting_vcpus)
	       : type == TYPE_INTERFACES ? POLICY_INTERFACES_SIZE
					 : sizeof(uint32_t);
}

uint32_t *domain_setting_value(struct domain_settings *settings, enum domain_setting setting)
{
	ASSERT(domain_setting_fields[setting].type < TYPE_VCPUS);
	return find_value(settings, setting);
}

static bool parse(const struct domain_setting_field *field, const char *text, void *to)
{
	uint32_t *value = to;
	bool flag;

	switch (field->type) {
	case TYPE_FLAG:
		if (!value_flag(text, &flag))
			return false;
		*value = flag;
		return true;
	case TYPE_FREQUENCY:
		return value_frequency(text, value);
	case TYPE_NUMBER:
		return value_number(text, field->min, field->max, value);
	case TYPE_COMMANDS:
		return value_words(text, domain_command_names, value);
	case TYPE_CHOICE:
		return value_choice(text, field->choices, value);
	case TYPE_HOURS:
		return value_hours(text, value);
	case TYPE_VCPUS:
		return value_vcpus(text, ((struct setting_vcpus *)to)->bits);
	case TYPE_INTERFACES:
		return value_interfaces(text, to);
	}
	return false;
}

bool domain_setting_parse(enum domain_setting setting, const char *text,
			  struct domain_settings *settings)
{
	if (!parse(&domain_setting_fields[setting], text, find_value(settings, setting)))
		return false;
	settings->given |= UINT32_C(1) << setting;
	return true;
}

/* Numbers and ranges, as value_hours() and value_vcpus() read them. */
static void ranges_text(const uint64_t *bits, uint32_t n_bits, char *text)
{
	size_t used = 0;

	for (uint32_t i = 0; i < n_bits; i++) {
		uint32_t first = i;

		if (!(bits[i / 64] >> i % 64 & 1))
			continue;
		while (i + 1 < n_bits && bits[(i + 1) / 64] >> (i + 1) % 64 & 1)
			i++;
		used += (size_t)snprintf(text + used, SETTING_TEXT_SIZE - used, "%s%u",
					 used ? "," : "", first);
		if (i > first)
			used += (size_t)snprintf(text + used, SETTING_TEXT_SIZE - used, "-%u", i);
		ASSERT(used < SETTING_TEXT_SIZE);
	}
}

static void hours_text(uint32_t hours, char *text)
{
	const uint64_t bits = hours;

	(void)snprintf(text, SETTING_TEXT_SIZE, "none");
	ranges_text(&bits, HOURS_OF_DAY, text);
}

static void vcpus_text(const struct setting_vcpus *vcpus, char *text)
{
	struct setting_vcpus all;

	memset(&all, 0xff, sizeof(all));
	(void)snprintf(text, SETTING_TEXT_SIZE, "all");
	if (memcmp(vcpus, &all, sizeof(all)) != 0)
		ranges_text(vcpus->bits, MAX_DOMAIN_VCPUS, text);
}

static void commands_text(uint32_t commands, char *text, size_t size)
{
	size_t used = 0;

	(void)snprintf(text, size, "none");
	for (uint32_t i = 0; domain_command_names[i] && used < size; i++)
		if (commands >> i & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
						 domain_command_names[i]);
}

const char *domain_setting_text(enum domain_setting setting, const struct domain_settings *settings,
				char text[SETTING_TEXT_SIZE])
{
	const struct domain_setting_field *field = &domain_setting_fields[setting];
	const void *at = find_value(settings, setting);
	uint32_t value = field->type < TYPE_VCPUS ? *(const uint32_t *)at : 0;

	switch (field->type) {
	case TYPE_FLAG:
		(void)snprintf(text, SETTING_TEXT_SIZE, "%s", value ? "yes" : "no");
		break;
	case TYPE_FREQUENCY:
	case TYPE_NUMBER:
		(void)snprintf(text, SETTING_TEXT_SIZE, "%u", value);
		break;
	case TYPE_COMMANDS:
		commands_text(value, text, SETTING_TEXT_SIZE);
		break;
	case TYPE_CHOICE:
		(void)snprintf(text, SETTING_TEXT_SIZE, "%s", field->choices[value]);
		break;
	case TYPE_HOURS:
		hours_text(value, text);
		break;
	case TYPE_VCPUS:
		vcpus_text(at, text);
		break;
	case TYPE_INTERFACES:
		(void)snprintf(text, SETTING_TEXT_SIZE, "%s", (const char *)at);
		break;
	}
	return text;
}

void domain_setting_copy(enum domain_setting setting, const struct domain_settings *from,
			 struct domain_settings *to)
{
	memcpy(find_value(to, setting), find_value(from, setting),
	       value_size(domain_setting_fields[setting].type));
	to->given |= from->given & UINT32_C(1) << setting;
}

const char *domain_setting_names(char *text, size_t size)
{
	size_t used = 0;

	for (int i = 0; i < N_SETTINGS && used < size; i++) {
		const char *between = i == 0 ? "" : i < N_SETTINGS - 1 ? ", " : " and ";
		int n = snprintf(text + used, size - used, "%s%s", between,
				 domain_setting_fields[i].name);

		used += n > 0 ? (size_t)n : 0;
	}
	return text;
}

struct domain_settings domain_settings_initial(void)
{
	struct domain_settings settings = {0};

	for (enum domain_setting i = 0; i < N_SETTINGS; i++)
		(void)domain_setting_parse(i, domain_setting_fields[i].initial, &settings);
	return settings;
}

static uint32_t merge(enum setting_merge how, uint32_t a, uint32_t b)
{
	switch (how) {
	case MERGE_AND:
		return a & b;
	case MERGE_HIGHER:
		return a > b ? a : b;
	case MERGE_LOWER:
		if (a == 0 || b == 0)
			return a + b;
		return a < b ? a : b;
	case MERGE_POLICY:
		break;
	}
	return a;
}

/* @override: replace values where a section may; false: narrow every value */
static void apply(struct domain_settings *settings, const struct domain_settings *from,
		  bool override)
{
	for (enum domain_setting i = 0; i < N_SETTINGS; i++) {
		const struct domain_setting_field *field = &domain_setting_fields[i];
		uint32_t *value, given;

		if (!domain_setting_given(from, i) || field->merge == MERGE_POLICY)
			continue;
		value = domain_setting_value(settings, i);
		given = domain_setting_get(from, i);
		*value = override && !field->section_narrows ? given
							     : merge(field->merge, *value, given);
	}
}

void domain_settings_override(struct domain_settings *settings,
			      const struct domain_settings *section)
{
	apply(settings, section, true);
}

void domain_settings_narrow(struct domain_settings *settings, const struct domain_settings *by)
{
	apply(settings, by, false);
}

bool domain_settings_equal(const struct domain_settings *a, const struct domain_settings *b)
{
	for (enum domain_setting i = 0; i < N_SETTINGS; i++) {
		if (memcmp(find_value(a, i), find_value(b, i),
			   value_size(domain_setting_fields[i].type)) != 0)
			return false;
	}
	return true;
}
