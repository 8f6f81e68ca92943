/* SPDX-License-Identifier: BSD-3-Clause */
/* What concerns all domains is done to a few in each turn of the loop. */
#include "common/log.h"
#include "tests/unit/domains_stage.h"
#include "tests/unit/run_turn.h"
#include "tests/unit/runner.h"

#define N_DOMAINS 20

/* Each domain is told of in the log; that takes longer than a turn may. */
static void on_log(void *context, const struct log_about *about, int priority, const char *text)
{
	(void)context;
	(void)about;
	(void)priority;
	(void)text;
	(void)usleep(3000);
}

static void form_xml(char xml[static 200], unsigned int number)
{
	(void)snprintf(xml, 200,
		       "<domain type='kvm' id='%u'><name>vm%u</name>"
		       "<uuid>00000000-0000-0000-0000-0000000000%02u</uuid><vcpu>1</vcpu></domain>",
		       number + 1, number, number);
}

static void register_one(unsigned int number)
{
	char xml[200];

	form_xml(xml, number);
	hook(xml);
}

static void register_all(void)
{
	log_init("check", LOG_INFO);
	for (unsigned int i = 0; i < N_DOMAINS; i++)
		register_one(i);
	log_set_tap(on_log, NULL);
}

static void end(void)
{
	log_set_tap(NULL, NULL);
	tear_down();
}

static unsigned int count_with_rate(uint32_t rate)
{
	unsigned int n = 0;

	registry_for_each (d, registry)
		n += d->rules.settings.rate == rate;
	return n;
}

FIXTURE(set_up, end)

TEST(rules_are_applied_in_slices)
{
	register_all();
	config.channel_rate = 77;
	domains_reconfigure(domains);
	ck_assert_uint_eq(count_with_rate(77), 1);
	for (unsigned int n = 2; n <= 5; n++) {
		run_turn(loop);
		ck_assert_uint_eq(count_with_rate(77), n);
	}
	/* one that comes has them, one that has ended needs none, and the next reload counts */
	register_one(50);
	ck_assert_uint_eq(count_with_rate(77), 6);
	registry_remove(registry, registry_find(registry, "vm10"));
	config.channel_rate = 88;
	domains_reconfigure(domains);
	ck_assert_uint_eq(count_with_rate(88), 1);
	for (int i = 0; i < N_DOMAINS; i++)
		run_turn(loop);
	ck_assert_uint_eq(count_with_rate(88), N_DOMAINS);
}

TEST(unlisted_domains_end_in_slices)
{
	static const char listed[][UUID_SIZE] = {"00000000-0000-0000-0000-000000000007",
						 "00000000-0000-0000-0000-000000000003"};
	uint64_t asked_ns;

	register_all();
	asked_ns = monotonic_ns();
	domains_report_listing(domains, listed, 1, asked_ns);
	ck_assert_uint_eq(registry_count(registry), N_DOMAINS - 1);
	run_turn(loop);
	ck_assert_uint_eq(registry_count(registry), N_DOMAINS - 2);
	/* a newer list; then one starts */
	domains_report_listing(domains, listed, 2, asked_ns);
	register_one(50);
	for (int i = 0; i < N_DOMAINS; i++)
		run_turn(loop);
	ck_assert_uint_eq(registry_count(registry), 3);
	ck_assert(registry_find(registry, "vm3") && registry_find(registry, "vm7") &&
		  registry_find(registry, "vm50"));
}

/* vmpowerd ends while both are under way. */
TEST(what_is_due_at_the_end_is_dropped)
{
	static const char nothing[1][UUID_SIZE];

	register_all();
	config.channel_rate = 77;
	domains_reconfigure(domains);
	domains_report_listing(domains, nothing, 0, monotonic_ns());
	run_turn(loop);
	ck_assert_uint_lt(count_with_rate(77), N_DOMAINS);
	ck_assert_uint_gt(registry_count(registry), 1);
}
