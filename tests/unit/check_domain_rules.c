/* SPDX-License-Identifier: BSD-3-Clause */
/* Which settings hold for one domain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/config/domain_rules.h"
#include "helper/manager/config/keys.h"
#include "tests/unit/runner.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

static struct config config;
static struct config_domain sections[8];
static struct domain_description domain;
static struct domain_rules rules;
static struct khz_range range;

static void set_up(void)
{
	config_defaults(&config);
	memset(sections, 0, sizeof(sections));
	config.domains = sections;
	memset(&domain, 0, sizeof(domain));
	range = (struct khz_range){0, 0};
	memcpy(domain.name, "fw-1", sizeof("fw-1"));
	memcpy(domain.uuid, UUID, sizeof(UUID));
}

static struct domain_settings *add_section(const char *pattern)
{
	struct config_domain *section = &sections[config.n_domains++];

	(void)snprintf(section->pattern, sizeof(section->pattern), "%s", pattern);
	return &section->settings;
}

static void say(struct domain_settings *settings, const char *name, const char *value)
{
	int setting = domain_setting_find(name);

	ck_assert_int_ge(setting, 0);
	ck_assert(domain_setting_parse((enum domain_setting)setting, value, settings));
}

static const struct domain_settings *find(void)
{
	domain_rules_find(&config, &range, &domain, &rules);
	return &rules.settings;
}

static const struct {
	const char *patterns[4];
	int applies; /* -1: none */
} choices[] = {
	{{"*", "fw-*", "f*"}, 1},
	{{"fw-?", "fw-[0-9]"}, 0}, /* equal rank: the first */
	{{"fw-*", "fw-1", "?w-1"}, 1},
	{{"fw-1", UUID}, 1},
	{{"fw-1", "4DEA22B3-1D52-D8F3-2516-782E98AB3FA0"}, 1},
	{{"fw-1", "4dea22b31d52d8f32516782e98ab3fa0"}, 1},
	{{"4dea22b31d52-d8f3-2516-782e98ab3fa0"}, -1},
	{{"FW-1", "fw", "fw-12"}, -1},
	{{"*-*", "*1"}, 0},
	{{"fw-\\1", "*"}, 1}, /* no escapes */
};

FIXTURE(set_up, NULL)

TEST_EACH(which_section, choices)
{
	const struct config_domain *found;

	for (size_t i = 0; i < 4 && choices[_i].patterns[i]; i++)
		(void)add_section(choices[_i].patterns[i]);
	found = domain_rules_section(&config, domain.name, domain.uuid);
	if (choices[_i].applies < 0)
		ck_assert_ptr_null(found);
	else
		ck_assert_ptr_eq(found, &sections[choices[_i].applies]);
}

/* A name that contains wildcards is still a name. */
TEST(name_with_wildcards)
{
	memcpy(domain.name, "vm[1]", sizeof("vm[1]"));
	(void)add_section("vm*");
	(void)add_section("vm[1]");
	ck_assert_ptr_eq(domain_rules_section(&config, domain.name, domain.uuid), &sections[1]);
}

/* A section for a UUID is not for a domain that has it as a name. */
TEST(name_is_another_domains_uuid)
{
	(void)add_section("0b4a5f4e-27c3-4b1e-9d6a-1f2e3d4c5b6a");
	(void)strcpy(domain.name, "0b4a5f4e-27c3-4b1e-9d6a-1f2e3d4c5b6a");
	ck_assert_ptr_null(domain_rules_section(&config, domain.name, domain.uuid));
	(void)add_section("0b4a*");
	ck_assert_ptr_eq(domain_rules_section(&config, domain.name, domain.uuid), &sections[1]);
}

TEST(nothing_said)
{
	const struct domain_settings *s;

	config.channel_rate = 77;
	config.channel_queries = false;
	config.turbo = false;
	config.min_khz = 1100000;
	s = find();
	ck_assert(s->serve && !s->turbo && !s->queries);
	ck_assert_uint_eq(s->rate, 77);
	ck_assert_uint_eq(s->burst, config.channel_burst);
	ck_assert_uint_eq(s->commands, COMMANDS_ALL);
	ck_assert_uint_eq(s->min_khz, 1100000);
	ck_assert_uint_eq(s->max_khz, 0);
	ck_assert_str_eq(rules.problem, "");
}

/* A section may allow a domain more than others get, but nothing beyond [limits]. */
TEST(section_overrides)
{
	struct domain_settings *section = add_section("fw-1");
	const struct domain_settings *s;

	config.channel_queries = false;
	config.turbo = false;
	config.max_khz = 2000000;
	say(section, "rate", "0");
	say(section, "queries", "yes");
	say(section, "turbo", "yes");
	say(section, "max-frequency", "3000000");
	say(section, "commands", "scale");
	s = find();
	ck_assert_uint_eq(s->rate, 0);
	ck_assert(s->queries && !s->turbo);
	ck_assert_uint_eq(s->max_khz, 2000000);
	ck_assert_uint_eq(s->commands, COMMAND_SCALE);
}

TEST(metadata_narrows)
{
	struct domain_settings *section = add_section("*"), *metadata = &domain.metadata;
	const struct domain_settings *s;

	say(section, "rate", "0");
	say(section, "burst", "50");
	say(section, "min-frequency", "1200000");
	say(section, "max-frequency", "2500000");
	say(section, "commands", "scale");
	say(section, "queries", "no");
	say(metadata, "rate", "10");
	say(metadata, "burst", "100");		   /* no: more */
	say(metadata, "min-frequency", "1000000"); /* no: lower */
	say(metadata, "max-frequency", "2000000");
	say(metadata, "commands", "scale turbo");
	say(metadata, "queries", "yes");
	say(metadata, "turbo", "no");
	say(metadata, "serve", "no");
	s = find();
	ck_assert_str_eq(rules.problem, "");
	ck_assert_uint_eq(s->rate, 10);
	ck_assert_uint_eq(s->burst, 50);
	ck_assert_uint_eq(s->min_khz, 1200000);
	ck_assert_uint_eq(s->max_khz, 2000000);
	ck_assert_uint_eq(s->commands, COMMAND_SCALE);
	ck_assert(!s->queries && !s->turbo && !s->serve);
	say(metadata, "rate", "0"); /* unlimited is more than 5 */
	say(section, "rate", "5");
	ck_assert_uint_eq(find()->rate, 5);
	say(section, "serve", "no");
	say(metadata, "serve", "yes");
	ck_assert(!find()->serve);
}

static const struct {
	const char *host, *section, *metadata; /* NULL: not given */
	uint32_t lifetime_s;
} lifetimes[] = {
	{NULL, NULL, NULL, 0},	{"60", NULL, NULL, 60}, {"60", "0", NULL, 0},
	{"60", "90", NULL, 90}, {NULL, NULL, "30", 30}, {"60", NULL, "30", 30},
	{"60", NULL, "90", 60}, {"60", NULL, "0", 60},	{"60", "90", "80", 80},
};

/* 0 is no end: the shorter of two, and one rather than none. */
TEST_EACH(vote_lifetime, lifetimes)
{
	if (lifetimes[_i].host)
		config.channel_vote_lifetime_s = (uint32_t)atoi(lifetimes[_i].host);
	if (lifetimes[_i].section)
		say(add_section("*"), "vote-lifetime", lifetimes[_i].section);
	if (lifetimes[_i].metadata)
		say(&domain.metadata, "vote-lifetime", lifetimes[_i].metadata);
	ck_assert_uint_eq(find()->vote_lifetime_s, lifetimes[_i].lifetime_s);
}

/* A policy is taken whole: from the section if that gives one, else from the metadata. */
TEST(policy)
{
	struct domain_settings *section = add_section("*"), *metadata = &domain.metadata;

	ck_assert_uint_eq(find()->policy, OPERATOR_NONE);
	ck_assert_uint_eq(rules.policy_source, POLICY_OF_NOBODY);
	ck_assert_uint_eq(find()->policy_high_packets, 100000);
	say(metadata, "policy", "time");
	say(metadata, "policy-low-hours", "3");
	say(section, "policy-rank", "above-guest");
	ck_assert_uint_eq(find()->policy, OPERATOR_TIME);
	ck_assert_uint_eq(rules.settings.policy_low_hours, 8);
	ck_assert_uint_eq(rules.settings.policy_rank, RANK_ABOVE_GUEST);
	ck_assert_uint_eq(rules.policy_source, POLICY_OF_METADATA);
	say(section, "policy", "workload");
	say(section, "policy-level", "medium");
	say(section, "policy-vcpus", "1");
	ck_assert_uint_eq(find()->policy, OPERATOR_WORKLOAD);
	ck_assert_uint_eq(rules.settings.policy_low_hours, 0);
	ck_assert_uint_eq(rules.settings.policy_level, OPERATOR_MEDIUM);
	ck_assert_uint_eq(rules.policy_source, POLICY_OF_SECTION);
	ck_assert(setting_vcpus_has(&rules.settings.policy_vcpus, 1));
	ck_assert(!setting_vcpus_has(&rules.settings.policy_vcpus, 0));
	say(section, "policy", "none"); /* masks the domain's own */
	ck_assert_uint_eq(find()->policy, OPERATOR_NONE);
}

TEST(metadata_that_leaves_nothing)
{
	say(add_section("*"), "max-frequency", "2000000");
	say(&domain.metadata, "min-frequency", "2400000");
	say(&domain.metadata, "turbo", "no");
	ck_assert_uint_eq(find()->min_khz, 0);
	ck_assert(rules.settings.turbo); /* as a whole */
	ck_assert_ptr_nonnull(strstr(rules.problem, "at least 2400000 and at most 2000000"));
}

/* As a whole: a maximum that no CPU can do would keep the domain's CPUs at their lowest step. */
TEST(metadata_that_the_cpus_cannot_do)
{
	range = (struct khz_range){800000, 3500000};
	say(&domain.metadata, "max-frequency", "2400");
	say(&domain.metadata, "turbo", "no");
	ck_assert_uint_eq(find()->max_khz, 0);
	ck_assert(rules.settings.turbo);
	ck_assert_ptr_nonnull(strstr(rules.problem, "<max-frequency> is 2400 kHz"));
	ck_assert_ptr_nonnull(strstr(rules.problem, "800000 to 3500000 kHz"));
	say(&domain.metadata, "max-frequency", "2.4GHz");
	ck_assert_uint_eq(find()->max_khz, 2400000);
	ck_assert_str_eq(rules.problem, "");
	say(&domain.metadata, "min-frequency", "2400");
	ck_assert_uint_eq(find()->max_khz, 0);
	ck_assert_ptr_nonnull(strstr(rules.problem, "<min-frequency>"));
}

TEST(metadata_that_is_wrong)
{
	memcpy(domain.metadata_error, "<x>", sizeof("<x>"));
	say(&domain.metadata, "turbo", "no");
	ck_assert(find()->turbo);
	ck_assert_str_eq(rules.problem, "<x>");
}

TEST(equal)
{
	struct domain_settings a, b;

	a = *find();
	b = a;
	ck_assert(domain_settings_equal(&a, &b));
	b.burst++;
	ck_assert(!domain_settings_equal(&a, &b));
	b = a;
	b.serve = false;
	ck_assert(!domain_settings_equal(&a, &b));
	b = a;
	b.policy_vcpus.bits[15] ^= UINT64_C(1) << 63;
	ck_assert(!domain_settings_equal(&a, &b));
	b = a;
	b.policy_interfaces[0] = 'b';
	ck_assert(!domain_settings_equal(&a, &b));
}
