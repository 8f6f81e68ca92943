/* SPDX-License-Identifier: BSD-3-Clause */
/* Which report counts, the hook's or libvirt's, and which is too old. */
#include "tests/unit/domains_stage.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)

/* libvirt's report of the same run counts even when old: it says more than the hook's. */
TEST(old_news_of_the_same_run)
{
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	libvirt(XML("1", "vm", "yes"), before, true);
	ck_assert(known()->paused);
}

TEST(old_news_of_another_run)
{
	uint64_t before = monotonic_ns();
	struct link_message last;

	hook(XML("2", "vm", "yes"));
	n_sent = 0;
	libvirt(XML("1", "vm", "yes"), before, false);
	ck_assert_int_eq(known()->description->id, 2);
	ck_assert_uint_eq(n_sent, 0);
	libvirt(XML("3", "vm", "yes"), monotonic_ns(), false);
	ck_assert_int_eq(known()->description->id, 3);
	ck_assert_uint_eq(take(LINK_DOMAIN_REMOVE, &last), 1);
}

TEST(old_news_of_an_end)
{
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(ended(before), 0);
	ck_assert_ptr_nonnull(known());
	before = monotonic_ns();
	hook(XML("1", "vm", "yes")); /* reported again: reconnect */
	ck_assert_int_eq(ended(before), 0);
	ck_assert_ptr_nonnull(known());
	ck_assert_int_eq(ended(monotonic_ns() + 1), 0);
	ck_assert_ptr_null(known());
	ck_assert_int_eq(ended(monotonic_ns()), -ENOENT);
}

/* A busy loop gets start and end long after both: the time at which libvirt was asked counts. */
TEST(short_life_reported_late)
{
	uint64_t asked_ns = monotonic_ns() - 2;

	libvirt(XML("1", "vm", "yes"), asked_ns, false);
	ck_assert_int_eq(ended(asked_ns + 1), 0);
	ck_assert_ptr_null(known());
}

/* The hooks' events are heard in any order: the end first, then the start. */
TEST(a_start_is_heard_after_the_end)
{
	uint64_t now = monotonic_ns();

	ck_assert_int_eq(ended(now + 1), -ENOENT);
	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_ptr_null(known());
	libvirt(XML("1", "vm", "yes"), now, false);
	ck_assert_ptr_null(known());
	/* an earlier end, heard late, changes nothing */
	ck_assert_int_eq(ended(now - 1), -ENOENT);
	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_ptr_null(known());
	hook_at(XML("2", "vm", "yes"), now + 2);
	ck_assert_int_eq(known()->description->id, 2);
}

/* libvirt was asked before the domain ended, and answers after it. */
TEST(an_answer_from_before_the_end)
{
	uint64_t now = monotonic_ns();

	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_int_eq(ended(now + 2), 0);
	ck_assert_ptr_null(known());
	libvirt(XML("1", "vm", "yes"), now + 1, false);
	ck_assert_ptr_null(known());
	libvirt(XML("1", "vm", "yes"), now + 3, false);
	ck_assert_ptr_nonnull(known());
}

#define PINNED_TO(cpu)                                                                             \
	"<domain id='1'><name>vm</name><uuid>" UUID "</uuid><vcpu>1</vcpu><cputune>"               \
	"<vcpupin vcpu='0' cpuset='" cpu "'/></cputune></domain>"

/* The pinning before a change must not come back; whether it is paused has a time of its own. */
TEST(old_news_of_the_pinning)
{
	uint64_t now = monotonic_ns();

	hook_at(PINNED_TO("1"), now);
	libvirt(PINNED_TO("3"), now + 2, false);
	libvirt(PINNED_TO("1"), now + 1, true);
	ck_assert(cpuset_has(known()->description->vcpus[0].affinity, 3));
	ck_assert(!known()->paused);
	hook_at(PINNED_TO("4"), now + 4);
	libvirt(PINNED_TO("3"), now + 3, true);
	ck_assert(cpuset_has(known()->description->vcpus[0].affinity, 4));
	ck_assert(known()->paused);
}

TEST(a_domain_ends_by_its_name)
{
	struct domain_report report = {.source = "hook stopped"};

	hook(XML("1", "vm", "yes"));
	report.asked_ns = monotonic_ns();
	report.name = "other";
	ck_assert_int_eq(domains_report(domains, &report), -ENOENT);
	report.name = "vm";
	ck_assert_int_eq(domains_report(domains, &report), 0);
	ck_assert_ptr_null(known());
}

/* A hook that knows only a name ends the domain of this name, never the one with this UUID. */
TEST(a_name_is_another_domains_uuid)
{
	const struct domain_report report = {
		.source = "hook stopped", .asked_ns = monotonic_ns() + 1, .name = UUID};

	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(domains_report(domains, &report), -ENOENT);
	ck_assert_ptr_nonnull(known());
}

TEST(a_listing_does_not_know_what_came_after_it)
{
	static const char listed[][37] = {UUID};
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	domains_report_listing(domains, listed, 0, before);
	ck_assert_ptr_nonnull(known());
	domains_report_listing(domains, listed, 1, monotonic_ns() + 1);
	ck_assert_ptr_nonnull(known());
	before = monotonic_ns() + 1;
	while (monotonic_ns() <= before)
		;
	hook(XML("1", "vm", "yes"));
	domains_report_listing(domains, listed, 0, before);
	ck_assert_ptr_nonnull(known());
	domains_report_listing(domains, listed, 0, monotonic_ns() + 1);
	ck_assert_ptr_null(known());
}

/* More ends than can be remembered: the latest are. */
TEST(many_ends)
{
	uint64_t now = monotonic_ns();
	struct domain_report report = {.source = "libvirt"};
	char uuid[UUID_SIZE];

	report.uuid = uuid;
	for (unsigned int i = 0; i < MAX_DOMAINS + 10; i++) {
		(void)snprintf(uuid, sizeof(uuid), "22222222-2222-2222-2222-%012x", i);
		report.asked_ns = now + i;
		ck_assert_int_eq(domains_report(domains, &report), -ENOENT);
	}
	ck_assert_int_eq(ended(now + 1), -ENOENT);
	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_ptr_null(known());
}
