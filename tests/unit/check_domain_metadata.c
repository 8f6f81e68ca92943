/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain's settings in <metadata>. The samples in tests/metadata also test the schema. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define OURS(x) "<v:domain xmlns:v='" DOMAIN_NAMESPACE "'>" x "</v:domain>"
#define OTHER_VERSION                                                                              \
	"<v:domain xmlns:v='https://vmpower.org/domain/2.0'><v:turbo>no</v:turbo></v:domain>"
#define BEFORE                                                                                     \
	"<domain type='kvm' "                                                                      \
	"id='3'><name>vm0</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>"
#define AFTER "<vcpu>1</vcpu></domain>"

static struct domain_description *parse_metadata(const char *metadata)
{
	struct domain_description *domain = NULL;
	struct xml_error error;
	cleanup_free char *xml = NULL;

	ck_assert_int_gt(asprintf(&xml, BEFORE "<metadata>%s</metadata>" AFTER, metadata), 0);
	ck_assert_msg(domain_xml_parse(xml, strlen(xml), &domain, &error) == 0, "%s: %s", xml,
		      error.text);
	ck_assert_str_eq(error.text, "");
	ck_assert_str_eq(domain->name, "vm0");
	return domain;
}

static void check_wrong(const char *metadata, const char *word)
{
	struct domain_description *domain = parse_metadata(metadata);

	ck_assert_msg(strstr(domain->metadata_error, word) != NULL, "%s: %s", metadata,
		      domain->metadata_error);
	ck_assert_uint_eq(domain->metadata.given, 0);
	domain_description_free(domain);
}

TEST(all_settings)
{
	struct domain_description *domain = parse_metadata(
		"<x:other "
		"xmlns:x='http://example.org/'><x:domain/></x:other><domain>no</domain>" OURS(
			"<v:serve>no</v:serve><v:min-frequency>1000000</v:min-frequency>"
			"<v:max-frequency> 2000000\n</v:max-frequency><v:turbo>no</v:turbo>"
			"<v:commands>turbo</v:commands><v:queries>no</v:queries>"
			"<!-- slow --><v:rate>5</v:rate><v:burst>7</v:burst>"
			"<v:vote-lifetime>86400</v:vote-lifetime><v:policy>time</v:policy>"
			"<v:policy-low-hours>22-5</v:policy-low-hours>"
			"<v:policy-medium-hours> 6, 7 </v:policy-medium-hours>"
			"<v:policy-high-hours>8-17,19</v:policy-high-hours>"
			"<v:policy-traffic-hours>18</v:policy-traffic-hours>"
			"<v:policy-medium-packets>5</v:policy-medium-packets>"
			"<v:policy-high-packets>6</v:policy-high-packets>"
			"<v:policy-direction>both</v:policy-direction>"
			"<v:policy-vcpus>0,64-66</v:policy-vcpus>"
			"<v:policy-interfaces>vnet0, 52:54:00:AB:cd:01</v:policy-interfaces>"));
	const struct domain_settings *settings = &domain->metadata;

	ck_assert_str_eq(domain->metadata_error, "");
	/* no policy has both hours and a level */
	ck_assert_uint_eq(settings->given, DOMAIN_SETTINGS_ALL & ~(1u << SETTING_POLICY_LEVEL |
								   1u << SETTING_POLICY_RANK));
	ck_assert(!settings->serve && !settings->turbo && !settings->queries);
	ck_assert_uint_eq(settings->min_khz, 1000000);
	ck_assert_uint_eq(settings->max_khz, 2000000);
	ck_assert_uint_eq(settings->commands, COMMAND_TURBO);
	ck_assert_uint_eq(settings->rate, 5);
	ck_assert_uint_eq(settings->burst, 7);
	ck_assert_uint_eq(settings->vote_lifetime_s, 86400);
	ck_assert_uint_eq(settings->policy, OPERATOR_TIME);
	ck_assert_uint_eq(settings->policy_low_hours, 0xc0003f);
	ck_assert_uint_eq(settings->policy_medium_hours, 0xc0);
	ck_assert_uint_eq(settings->policy_high_hours, 0xbff00 & ~(1u << 18));
	ck_assert_uint_eq(settings->policy_traffic_hours, 1u << 18);
	ck_assert_uint_eq(settings->policy_medium_packets, 5);
	ck_assert_uint_eq(settings->policy_high_packets, 6);
	ck_assert_uint_eq(settings->policy_direction, DIRECTION_BOTH);
	ck_assert_uint_eq(settings->policy_vcpus.bits[0], 1);
	ck_assert_uint_eq(settings->policy_vcpus.bits[1], 7);
	ck_assert_str_eq(settings->policy_interfaces, "vnet0 52:54:00:ab:cd:01");
	domain_description_free(domain);
}

/* Another version's element may stand beside ours: each version reads its own. */
TEST(other_version_beside_ours)
{
	struct domain_description *domain =
		parse_metadata(OTHER_VERSION OURS("<v:rate>5</v:rate>") OTHER_VERSION);

	ck_assert_str_eq(domain->metadata_error, "");
	ck_assert_uint_eq(domain->metadata.rate, 5);
	ck_assert_uint_eq(domain->metadata.given, 1u << SETTING_RATE);
	domain_description_free(domain);
}

/* Only elements of our namespace count. */
TEST(foreign_metadata_is_ignored)
{
	static const char *const others[] = {
		"",
		"<domain><turbo>no</turbo></domain>",
		"<x:a xmlns:x='http://example.org/'>" OURS("<v:turbo>x</v:turbo>") "</x:a>",
		"text",
	};

	for (size_t i = 0; i < array_size(others); i++) {
		struct domain_description *domain = parse_metadata(others[i]);

		ck_assert_str_eq(domain->metadata_error, "");
		ck_assert_uint_eq(domain->metadata.given, 0);
		domain_description_free(domain);
	}
}

TEST(bad_setting_is_named)
{
	check_wrong(OURS("<v:turbo>maybe</v:turbo>"), "<turbo> is 'maybe'; allowed is yes or no");
	check_wrong(OURS("<v:rates>1</v:rates>"), "unknown setting <rates>");
	check_wrong(OTHER_VERSION, "is in namespace https://vmpower.org/domain/2.0: must be");
	check_wrong(OURS("<v:rate>1</v:rate><v:rate>1</v:rate>"), "<rate> appears twice");
	check_wrong(OURS("<v:turbo>no</v:turbo>") OURS(""), "twice");
	check_wrong(OURS("<v:min-frequency>2000000</v:min-frequency>"
			 "<v:max-frequency>1000000</v:max-frequency>"),
		    "<min-frequency> 2000000 is above <max-frequency> 1000000");
	check_wrong(OURS("<v:policy-rank>above-guest</v:policy-rank>"),
		    "<policy-rank> is not allowed here");
	check_wrong(OURS("<v:policy>workload</v:policy>"), "needs policy-level");
	check_wrong(OURS("<v:max-frequency>1000</v:max-frequency><v:turbo>x</v:turbo>"), "turbo");
}

/* Elements outside <metadata> are ignored; a second <metadata> is read. */
TEST(position_in_the_document)
{
	struct domain_description *domain = parse_metadata(
		"</metadata><devices>" OURS("<v:turbo>no</v:turbo>") "</devices><metadata>");

	ck_assert_uint_eq(domain->metadata.given, 0);
	domain_description_free(domain);
	check_wrong(OURS("") "</metadata><metadata>" OURS(""), "twice");
}

TEST(long_text_is_cut)
{
	char text[4096], metadata[8192];
	struct domain_description *domain;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)snprintf(metadata, sizeof(metadata), OURS("<v:turbo>%s</v:turbo>"), text);
	domain = parse_metadata(metadata);
	ck_assert_uint_lt(strlen(domain->metadata_error), 256);
	domain_description_free(domain);
}

static char *read_file(const char *directory, const char *name)
{
	cleanup_free char *path = NULL;
	cleanup_fclose FILE *file = NULL;
	char *text = calloc(1, 4096);

	ck_assert_int_gt(asprintf(&path, "%s/%s", directory, name), 0);
	file = fopen(path, "re");
	ck_assert_msg(file && text, "%s", path);
	ck_assert_uint_lt(fread(text, 1, 4096, file), 4095);
	return text;
}

/* The schema's verdict on each is in its name. */
TEST(samples)
{
	static const char below[] = "/../metadata";
	char directory[512] = __FILE__, *slash = strrchr(directory, '/');
	cleanup_closedir DIR *dir = NULL;
	const struct dirent *entry;
	unsigned int n_good = 0, n_bad = 0;

	memcpy(slash, below, sizeof(below));
	dir = opendir(directory);
	ck_assert_msg(dir != NULL, "%s", directory);
	while ((entry = readdir(dir))) {
		bool good = strncmp(entry->d_name, "good-", 5) == 0;
		struct domain_description *domain;
		cleanup_free char *text = NULL;

		if (entry->d_name[0] == '.')
			continue;
		text = read_file(directory, entry->d_name);
		domain = parse_metadata(text);
		ck_assert_msg(good == !domain->metadata_error[0], "%s: %s", entry->d_name,
			      domain->metadata_error);
		n_good += good;
		n_bad += !good;
		domain_description_free(domain);
	}
	ck_assert_uint_ge(n_good, 10);
	ck_assert_uint_ge(n_bad, 20);
}
