/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal fields of log lines. */
#include "helper/manager/log/journal.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/cpufreq/frequency_domain.h"
#include "helper/manager/registry/registry.h"
#include "tests/unit/runner.h"

static struct journal_entry entry;

static const char *formed(const struct log_about *about)
{
	journal_entry(&entry, about, LOG_WARNING, "text");
	ck_assert_uint_lt(entry.size, sizeof(entry.text));
	entry.text[entry.size] = '\0';
	return entry.text;
}

#define TEXT "MESSAGE=text\nPRIORITY=4\nSYSLOG_IDENTIFIER=vmpowerd\n"

TEST(a_line_about_nothing)
{
	const struct log_about nothing = {0};

	ck_assert_str_eq(formed(NULL), TEXT);
	ck_assert_str_eq(formed(&nothing), TEXT);
}

TEST(each_field)
{
	static struct domain_description description = {.name = "vm 1", .uuid = "u-u"};
	struct domain domain = {.description = &description};
	struct channel channel = {.domain = &domain, .number = 7};
	struct frequency_domain frequency_domain = {.policy = 4};
	uint32_t vcpu = 3, policy = 9;

	cpuset_add(&frequency_domain.cpus, 4);
	cpuset_add(&frequency_domain.cpus, 5);
	ck_assert_str_eq(formed(&(struct log_about){
				 .message = MESSAGE_SERVING,
				 ABOUT_CHANNEL(&channel),
				 .vcpu = &vcpu,
				 ABOUT_FREQUENCY_DOMAIN(&frequency_domain),
				 .old_khz = 1,
				 .new_khz = 4294967295,
				 .reason = "why",
			 }),
			 TEXT
			 "MESSAGE_ID=be30682e59004f60a544c5c7bba1d420\n"
			 "VMPOWER_DOMAIN=vm 1\nVMPOWER_DOMAIN_UUID=u-u\nVMPOWER_CHANNEL=7\n"
			 "VMPOWER_VCPU=3\nVMPOWER_FREQUENCY_DOMAIN=4\nVMPOWER_CPUS=4-5\n"
			 "VMPOWER_OLD_KHZ=1\nVMPOWER_NEW_KHZ=4294967295\nVMPOWER_REASON=why\n");
	ck_assert_str_eq(formed(&(struct log_about){ABOUT_DOMAIN(&description), .policy = &policy}),
			 TEXT "VMPOWER_DOMAIN=vm 1\nVMPOWER_DOMAIN_UUID=u-u\n"
			      "VMPOWER_FREQUENCY_DOMAIN=9\n");
}

TEST(no_value_begins_another_field)
{
	ck_assert_str_eq(formed(&(struct log_about){.domain = "a\nPRIORITY=0\n"}),
			 TEXT "VMPOWER_DOMAIN=a PRIORITY=0 \n");
}

TEST(a_field_that_does_not_fit_is_left_out)
{
	char *reason = calloc(1, sizeof(entry.text));

	memset(reason, 'x', sizeof(entry.text) - 1);
	ck_assert_str_eq(formed(&(struct log_about){.domain = "a", .reason = reason}),
			 TEXT "VMPOWER_DOMAIN=a\n");
	free(reason);
}

TEST(ids_are_unlike_each_other)
{
	static const char *const ids[] = {
#define X_ID(name, id) id,
		EACH_MESSAGE(X_ID)
#undef X_ID
	};

	for (size_t i = 0; i < array_size(ids); i++) {
		ck_assert_uint_eq(strlen(ids[i]), 32);
		ck_assert_uint_eq(strspn(ids[i], "0123456789abcdef"), 32);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(ids[i], ids[k]);
	}
}
