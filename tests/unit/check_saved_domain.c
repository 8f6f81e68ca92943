/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/registry/saved_domain.h"
#include "tests/unit/runner.h"

#define UUID "0b4a5f4e-27c3-4b1e-9d6a-1f2e3d4c5b6a"
#define HEAD "\"uuid\":\"" UUID "\",\"name\":\"vm\",\"id\":7,\"slot\":3,"
#define FLAGS                                                                                      \
	"\"vcpus_vary\":false,\"paused\":true,\"reported_ns\":5,\"run\":6,\"problem\":\"none of "  \
	"it\","
#define VCPUS                                                                                      \
	"\"vcpus\":[{\"online\":true,\"cpus\":\"1-2\",\"uncertain\":true},"                        \
	"{\"online\":false,\"uncertain\":false}],"
#define CHANNEL                                                                                    \
	"{\"number\":4,\"slot\":2,\"path\":\"/"                                                    \
	"p\",\"enabled\":false,\"removed\":false,\"socket\":99,\"peer_uid\":107,\"peer_pid\":"     \
	"4242}"
#define CHANNELS "\"channels\":[" CHANNEL "],"
#define OVERRIDES "\"overrides\":{\"1\":1200000}," METADATA
#define METADATA                                                                                   \
	"\"metadata\":{\"given\":4,\"min_khz\":0,\"max_khz\":2000000,\"commands\":3,\"rate\":0,"   \
	"\"burst\":0,\"serve\":true,\"turbo\":false,\"queries\":true},\"metadata_error\":\"\""
#define VERSION "\"version\":3,"
#define FORMER(slots) "\"former_slots\":" slots ","
#define WHOLE "{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("[0,63]") OVERRIDES "}"

static void check_whole(const struct saved_domain *saved)
{
	const struct domain_description *d = saved->description;

	ck_assert_str_eq(d->uuid, UUID);
	ck_assert_str_eq(d->name, "vm");
	ck_assert_int_eq(d->id, 7);
	ck_assert_uint_eq(saved->id, 3);
	ck_assert(saved->paused && !d->vcpus_vary);
	ck_assert_uint_eq(saved->reported_ns, 5);
	ck_assert_uint_eq(saved->run, 6);
	ck_assert_str_eq(d->problem, "none of it");
	ck_assert(d->vcpus[0].uncertain && !d->vcpus[1].uncertain);
	ck_assert_uint_eq(d->n_vcpus, 2);
	ck_assert_uint_eq(d->n_online, 1);
	ck_assert(d->vcpus[0].pinned && cpuset_count(d->vcpus[0].affinity) == 2);
	ck_assert(!d->vcpus[1].pinned && !d->vcpus[1].affinity);
	ck_assert_uint_eq(d->n_channels, 1);
	ck_assert_uint_eq(d->channels[0].number, 4);
	ck_assert_str_eq(d->channels[0].path, "/p");
	ck_assert_uint_eq(saved->channels[0].slot, 2);
	ck_assert_uint_eq(saved->slots, 1 | 1 << 2 | UINT64_C(1) << 63);
	ck_assert_uint_eq(saved->channels[0].cookie, 99);
	ck_assert_uint_eq(saved->channels[0].peer_uid, 107);
	ck_assert_uint_eq(saved->channels[0].peer_pid, 4242);
	ck_assert(!saved->channels[0].enabled && !saved->channels[0].removed);
	ck_assert_uint_eq(saved->overrides[0], 0);
	ck_assert_uint_eq(saved->overrides[1], 1200000);
	ck_assert_uint_eq(d->metadata.given, 1u << SETTING_MAX_FREQUENCY);
	ck_assert_uint_eq(d->metadata.max_khz, 2000000);
}

TEST(comes_back_as_it_was)
{
	struct saved_domain saved;
	struct registry *registry;
	cleanup_free char *text = NULL;
	struct domain *domain;

	ck_assert_int_eq(saved_domain_parse(WHOLE, strlen(WHOLE), &saved), 0);
	check_whole(&saved);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), 0);
	saved_domain_free(&saved);
	ck_assert_uint_eq(domain->id, 3);
	ck_assert_uint_eq(domain->channels[0].id, 3 * MAX_DOMAIN_CHANNELS + 2);
	domain->channels[0].state = CHANNEL_CONNECTED;
	domain->channels[0].cookie = 99;
	memcpy(domain->description->metadata_error, "cut off: \xc3", 11);
	text = saved_domain_format(domain);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(saved_domain_parse(text, strlen(text), &saved), 0);
	check_whole(&saved);
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), -EEXIST);
	saved_domain_free(&saved);
	registry_free(registry);
}

#define NO_SETTINGS(given)                                                                         \
	"{" VERSION HEAD FLAGS VCPUS CHANNELS "\"overrides\":{},\"metadata\":{\"given\":" given    \
	"},\"metadata_error\":\"\"}"

/* A setting that it lacks is not set, and it has no former channels. */
TEST(predecessor_lacks_a_setting)
{
	struct saved_domain saved;

	ck_assert_int_eq(saved_domain_parse(NO_SETTINGS("0"), strlen(NO_SETTINGS("0")), &saved), 0);
	ck_assert_uint_eq(saved.description->metadata.given, 0);
	ck_assert_uint_eq(saved.slots, 1 << 2);
	saved_domain_free(&saved);
}

static int parse_interfaces(const char *interfaces, struct saved_domain *saved)
{
	cleanup_free char *text = NULL;

	ck_assert_int_gt(asprintf(&text,
				  "{" VERSION HEAD FLAGS VCPUS CHANNELS
				  "\"interfaces\":%s," OVERRIDES "}",
				  interfaces),
			 0);
	return saved_domain_parse(text, strlen(text), saved);
}

#define INTERFACE(kind, mac, target, more)                                                         \
	"{\"kind\":\"" kind "\",\"mac\":\"" mac "\",\"target\":\"" target                          \
	"\",\"model\":\"virtio\"" more "}"
#define MAC "52:54:00:0a:00:01"
#define TAP INTERFACE("tap", MAC, "vnet3", "")
#define VF INTERFACE("hostdev", "02:00:00:00:00:02", "", ",\"source\":\"0001:5e:02.3\"")

TEST(interfaces_come_back)
{
	static const struct pci_address source = {1, 0x5e, 2, 3};
	struct saved_domain saved, back;
	struct registry *registry;
	cleanup_free char *text = NULL;
	const struct domain_interface *interfaces;
	struct domain *domain;

	ck_assert_int_eq(parse_interfaces("[" TAP "," VF "]", &saved), 0);
	ck_assert_uint_eq(saved.description->n_interfaces, 2);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), 0);
	text = saved_domain_format(domain);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(saved_domain_parse(text, strlen(text), &back), 0);
	interfaces = back.description->interfaces;
	ck_assert_uint_eq(back.description->n_interfaces, 2);
	ck_assert_uint_eq(interfaces[0].kind, INTERFACE_TAP);
	ck_assert_uint_eq(interfaces[0].mac[3], 0x0a);
	ck_assert_str_eq(interfaces[0].target, "vnet3");
	ck_assert_str_eq(interfaces[0].model, "virtio");
	ck_assert(!interfaces[0].has_source && interfaces[1].has_source);
	ck_assert_uint_eq(interfaces[1].kind, INTERFACE_HOSTDEV);
	ck_assert_mem_eq(&interfaces[1].source, &source, sizeof(source));
	saved_domain_free(&back);
	registry_free(registry);
}

TEST(interfaces_that_are_wrong)
{
	static const char *const wrong[] = {
		"1",
		"[1]",
		"[{}]",
		"[" INTERFACE("tap", "2", "", "") "]",
		"[" INTERFACE("tap", MAC " ", "", "") "]",
		"[" INTERFACE("x", MAC, "", "") "]",
		"[" INTERFACE("tap", MAC, "0123456789abcdef", "") "]",
		"[" INTERFACE("tap", MAC, "", ",\"source\":\"1:2:3.4\"") "]",
		"[" INTERFACE("tap", MAC, "", ",\"source\":1") "]",
		"[" TAP "," TAP "," TAP "," TAP "," TAP "," TAP "," TAP "," TAP "," TAP "," TAP
		"," TAP "," TAP "," TAP "," TAP "," TAP "," TAP "," TAP "]",
	};
	struct saved_domain saved;

	for (size_t i = 0; i < array_size(wrong); i++)
		ck_assert_int_eq(parse_interfaces(wrong[i], &saved), -EBADMSG);
}

/* Only what is given of it is saved. */
TEST(policy_of_the_metadata)
{
	static const char *const settings[][2] = {
		{"policy", "time"},
		{"policy-high-hours", "7-9,22"},
		{"policy-traffic-hours", "10"},
		{"policy-interfaces", "vnet0 52:54:00:00:00:01"},
		{"policy-vcpus", "1,3-5"},
	};
	struct saved_domain saved, back;
	struct domain_settings *metadata;
	struct registry *registry;
	cleanup_free char *text = NULL, *bad = NULL;
	struct domain *domain;

	ck_assert_int_eq(saved_domain_parse(WHOLE, strlen(WHOLE), &saved), 0);
	metadata = &saved.description->metadata;
	for (size_t i = 0; i < array_size(settings); i++)
		ck_assert(domain_setting_parse(
			(enum domain_setting)domain_setting_find(settings[i][0]), settings[i][1],
			metadata));
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), 0);
	text = saved_domain_format(domain);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(strstr(text, "policy_level"));
	ck_assert_ptr_null(strstr(text, "below-guest"));
	ck_assert_int_eq(saved_domain_parse(text, strlen(text), &back), 0);
	ck_assert_uint_eq(back.description->metadata.given, domain->description->metadata.given);
	ck_assert(
		domain_settings_equal(&back.description->metadata, &domain->description->metadata));
	saved_domain_free(&back);
	bad = strdup(text);
	ck_assert_ptr_nonnull(bad);
	memcpy(strstr(bad, "7-9,22"), "10-922", 6);
	ck_assert_int_eq(saved_domain_parse(bad, strlen(bad), &back), -EBADMSG);
	memcpy(strstr(bad, "10-922"), "10    ", 6); /* an hour in two lists */
	ck_assert_int_eq(saved_domain_parse(bad, strlen(bad), &back), -EBADMSG);
	saved_domain_free(&saved);
	registry_free(registry);
}

/* It is the operator's: no part of the metadata. */
TEST(policy_of_the_operator)
{
	struct domain_settings policy = {0};
	struct saved_domain saved;
	struct registry *registry;
	cleanup_free char *text = NULL, *again = NULL;
	struct domain *domain;

	ck_assert(domain_setting_parse(SETTING_POLICY, "workload", &policy));
	ck_assert(domain_setting_parse(SETTING_POLICY_LEVEL, "high", &policy));
	ck_assert(domain_setting_parse(SETTING_POLICY_RANK, "above-guest", &policy));
	ck_assert_int_eq(saved_domain_parse(WHOLE, strlen(WHOLE), &saved), 0);
	ck_assert_ptr_null(saved.policy);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), 0);
	ck_assert_int_eq(domain_set_policy(domain, &policy), 0);
	ck_assert_int_eq(domain_set_policy(domain, &policy), 0); /* again */
	text = saved_domain_format(domain);
	registry_remove(registry, domain);
	ck_assert_int_eq(saved_domain_parse(text, strlen(text), &saved), 0);
	ck_assert_uint_eq(saved.policy->given, policy.given);
	ck_assert(domain_settings_equal(saved.policy, &policy));
	ck_assert_int_eq(registry_restore(registry, &saved, &domain), 0);
	ck_assert(domain_settings_equal(domain->policy, &policy));
	ck_assert_int_eq(domain_set_policy(domain, NULL), 0);
	again = saved_domain_format(domain);
	ck_assert_ptr_null(strstr(again, "above-guest"));
	memcpy(strstr(text, "\"high\""), "\"none\"", 6);
	ck_assert_int_eq(saved_domain_parse(text, strlen(text), &saved), -EBADMSG);
	registry_free(registry);
}

TEST(truncated_text_is_refused)
{
	struct saved_domain saved;

	for (size_t size = 0; size < strlen(WHOLE); size++)
		ck_assert_int_eq(saved_domain_parse(WHOLE, size, &saved), -EBADMSG);
}

static const struct {
	const char *text;
	int result;
} wrong[] = {
	{"", -EBADMSG},
	{"[]", -EBADMSG},
	{"{}", -EBADMSG},
	{"{\"version\":1}", -EPROTONOSUPPORT},
	{"{\"version\":\"3\"," HEAD FLAGS VCPUS CHANNELS OVERRIDES "}", -EBADMSG},
	{"{" HEAD FLAGS VCPUS CHANNELS OVERRIDES "}", -EBADMSG},
	{"{" VERSION FLAGS VCPUS CHANNELS OVERRIDES "}", -EBADMSG},
	{"{" VERSION
	 "\"uuid\":\"../../../../../../../../../../../../etc/\",\"name\":\"vm\",\"id\":7,"
	 "\"slot\":3," FLAGS VCPUS CHANNELS OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION "\"uuid\":\"" UUID
	 "\",\"name\":\"\",\"id\":7,\"slot\":3," FLAGS VCPUS CHANNELS OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION "\"uuid\":\"" UUID
	 "\",\"name\":\"vm\",\"id\":-1,\"slot\":3," FLAGS VCPUS CHANNELS OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION "\"uuid\":\"" UUID
	 "\",\"name\":\"vm\",\"id\":7,\"slot\":2048," FLAGS VCPUS CHANNELS OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION HEAD FLAGS "\"vcpus\":[]," CHANNELS OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS
	 "\"vcpus\":[{\"online\":true,\"uncertain\":false,\"cpus\":7}]," CHANNELS OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION HEAD FLAGS
	 "\"vcpus\":[{\"online\":true,\"uncertain\":false,\"cpus\":\"4096\"}]," CHANNELS OVERRIDES
	 "}",
	 -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS "\"channels\":[" CHANNEL "," CHANNEL "]," OVERRIDES "}",
	 -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS "\"channels\":{}," OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS "\"overrides\":{}}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("7") OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("[64]") OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("[-1]") OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("[\"1\"]") OVERRIDES "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS FORMER("[2]") OVERRIDES "}", -EBADMSG},
	{NO_SETTINGS("1"), -EBADMSG},
	{NO_SETTINGS("256"), -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS "\"overrides\":{\"2\":1200000}," METADATA "}",
	 -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS "\"overrides\":{\"1\":-1}," METADATA "}", -EBADMSG},
	{"{" VERSION HEAD FLAGS VCPUS CHANNELS "\"overrides\":{\"1\":4294967296}," METADATA "}",
	 -EBADMSG},
};

TEST_EACH(bad_text_is_refused, wrong)
{
	struct saved_domain saved;

	ck_assert_int_eq(saved_domain_parse(wrong[_i].text, strlen(wrong[_i].text), &saved),
			 wrong[_i].result);
}
