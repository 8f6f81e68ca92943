/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that counts, on a tree of files, with a stand-in for the kernel's netlink. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "helper/manager/traffic/vf_query.h"
#include "tests/unit/counters_fixture.h"

/* --- the stand-in ----------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vf_stats answer; /* under the lock */
static atomic_int answer_error, n_questions, asked_ifindex;
static atomic_bool is_held, is_asking, is_slow;
static sem_t held;

int vf_query(int ifindex, struct vf_stats *stats)
{
	atomic_store(&asked_ifindex, ifindex);
	atomic_store(&is_asking, true);
	if (atomic_load(&is_held))
		(void)sem_wait(&held);
	if (atomic_load(&is_slow))
		(void)sleep(2);
	(void)pthread_mutex_lock(&lock);
	*stats = answer;
	(void)pthread_mutex_unlock(&lock);
	atomic_store(&is_asking, false);
	atomic_fetch_add(&n_questions, 1);
	return atomic_load(&answer_error);
}

static void set_counts(uint32_t vf, uint64_t rx, uint64_t rx_dropped, uint64_t tx)
{
	(void)pthread_mutex_lock(&lock);
	answer.n_vfs = 8;
	answer.vfs[vf] = (struct vf_counts){
		.present = true, .rx_packets = rx, .rx_dropped = rx_dropped, .tx_packets = tx};
	(void)pthread_mutex_unlock(&lock);
}

static void set_missing(uint32_t vf)
{
	(void)pthread_mutex_lock(&lock);
	answer.vfs[vf].present = false;
	(void)pthread_mutex_unlock(&lock);
}

static void await_questions(int n)
{
	int until = atomic_load(&n_questions) + n;

	wait_for(atomic_load(&n_questions) >= until);
}

static void set_up(void)
{
	ck_assert_int_eq(sem_init(&held, 0, 0), 0);
	traffic_set_up();
}

FIXTURE(set_up, traffic_tear_down)

/* --- files ------------------------------------------------------------------------------ */

static void start_tap(void)
{
	const struct domain_interface interface = tap_of("vnet0");

	net_add("vnet0");
	net_count("vnet0", "tx_packets", 5000);
	net_count("vnet0", "tx_dropped", 70);
	set_domain(DOMAIN, &interface, 1);
	want(DOMAIN, true);
	(void)await_samples(DOMAIN, 0, 1);
}

TEST(packets_to_the_guest_are_counted)
{
	struct traffic_sample before, now;

	start_tap();
	before = await_samples(DOMAIN, 0, 2);
	ck_assert_uint_eq(before.pps, 0);
	ck_assert_uint_eq(before.drops, 0);
	ck_assert_uint_eq(before.interval_ms, 10);
	ck_assert_uint_gt(before.next_ns, monotonic_ns() - NS_PER_S);
	ck_assert_uint_ge(before.valid_until_ns, before.next_ns + 200 * NS_PER_MS);
	net_count("vnet0", "tx_packets", 6000);
	wait_for((now = sample_in(DOMAIN, 0)).pps > 0);
	ck_assert_uint_eq(now.pps_both, now.pps);
	ck_assert_uint_eq(now.drops, 0);
	net_count("vnet0", "tx_dropped", 75);
	wait_for((now = sample_in(DOMAIN, 0)).drops == 5);
	ck_assert_uint_gt(now.pps, 0);
	net_count("vnet0", "rx_packets", 1000);
	wait_for((now = sample_in(DOMAIN, 0)).pps_both > 0 && now.pps == 0);
	ck_assert_uint_eq(now.drops, 5);
}

/* 1,000 packets in no less than the 5 ms between two looks, but of 10^9 before. */
TEST(a_counter_that_falls_is_no_rate)
{
	uint64_t n;

	start_tap();
	net_count("vnet0", "tx_packets", 1000);
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_eq(await_samples(DOMAIN, 0, 1).pps, 0);
		ck_assert_uint_eq(sample_in(DOMAIN, 0).drops, 0);
	}
	n = sample_in(DOMAIN, 0).n_samples;
	net_count("vnet0", "tx_dropped", 0);
	ck_assert_uint_ge(await_samples(DOMAIN, 0, 3).n_samples, n);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).drops, 0);
}

TEST(a_macvtap_device_is_not_swapped)
{
	const struct domain_interface interfaces[] = {interface_of(INTERFACE_DIRECT, "macvtap0"),
						      interface_of(INTERFACE_UNMANAGED, "mv1"),
						      interface_of(INTERFACE_UNMANAGED, "tap2")};

	net_add("macvtap0");
	net_add("mv1");
	net_add("tap2");
	net_put("class/net/tap2/tun_flags", "0x1002");
	set_domain(DOMAIN, interfaces, 3);
	want(DOMAIN, true);
	for (uint32_t slot = 0; slot < 3; slot++)
		(void)await_samples(DOMAIN, slot, 1);
	net_count("macvtap0", "rx_packets", 1000);
	wait_for(sample_in(DOMAIN, 0).pps > 0);
	net_count("mv1", "rx_packets", 1000);
	wait_for(sample_in(DOMAIN, 1).pps > 0);
	net_count("tap2", "tx_packets", 1000);
	wait_for(sample_in(DOMAIN, 2).pps > 0);
}

TEST(interfaces_come_and_go)
{
	struct domain_interface interfaces[] = {tap_of("vnet0"), tap_of("vnet1")};
	uint64_t drops;

	net_add("vnet0");
	net_add("vnet1");
	net_add("vnet2");
	set_domain(DOMAIN, interfaces, 2);
	want(DOMAIN, true);
	(void)await_samples(DOMAIN, 0, 1);
	net_count("vnet0", "tx_dropped", 9);
	wait_for(sample_in(DOMAIN, 0).drops == 9);
	set_domain(DOMAIN, interfaces + 1, 1);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	(void)await_samples(DOMAIN, 1, 5);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	/* another one in the same slot: nothing falls, and what it has counted is not news */
	net_count("vnet2", "tx_dropped", 1000);
	interfaces[0] = tap_of("vnet2");
	set_domain(DOMAIN, interfaces, 2);
	drops = await_samples(DOMAIN, 0, 3).drops;
	ck_assert_uint_eq(drops, 9);
	net_count("vnet2", "tx_dropped", 1001);
	wait_for(sample_in(DOMAIN, 0).drops == 10);
}

TEST(the_last_wish_ends_the_thread)
{
	const struct domain_interface interface = tap_of("vnet1");
	unsigned int fds;

	ck_assert_uint_eq(n_threads(), 1);
	start_tap();
	ck_assert_uint_eq(n_threads(), 2);
	net_add("vnet1");
	set_domain(DOMAIN + 1, &interface, 1);
	want(DOMAIN + 1, true);
	(void)await_samples(DOMAIN + 1, 0, 1);
	fds = n_fds();
	want(DOMAIN, false);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	wait_for(n_fds() == fds - 3);
	ck_assert_uint_eq(n_threads(), 2);
	traffic_forget_domain(traffic, DOMAIN + 1);
	wait_for(n_threads() == 1);
	ck_assert_uint_eq(n_fds(), fds - 6);
	for (int i = 0; i < 100; i++) {
		want(DOMAIN, true);
		(void)await_samples(DOMAIN, 0, 1);
		want(DOMAIN, false);
		want(DOMAIN, true);
		want(DOMAIN, false);
	}
	wait_for(n_threads() == 1);
}

/* Wishes that change while it ends. */
TEST(wishes_in_a_hurry)
{
	const struct domain_interface interface = tap_of("vnet0");

	net_add("vnet0");
	for (uint32_t domain = 0; domain < 40; domain++)
		set_domain(domain, &interface, 1);
	for (uint32_t i = 0; i < 4000; i++)
		want(i * 7 % 40, i * 13 % 5 < 3);
	for (uint32_t domain = 0; domain < 40; domain++)
		want(domain, domain % 2);
	for (uint32_t domain = 1; domain < 40; domain += 2)
		(void)await_samples(domain, 0, 2);
	ck_assert_uint_eq(sample_in(2, 0).valid_until_ns, 0);
}

TEST(many_domains_are_counted)
{
	const struct domain_interface interface = tap_of("vnet0");

	net_add("vnet0");
	for (uint32_t domain = 0; domain < 300; domain++) {
		set_domain(domain, &interface, 1);
		want(domain, true);
	}
	for (uint32_t domain = 0; domain < 300; domain++)
		(void)await_samples(domain, 0, 1);
	for (uint32_t domain = 0; domain < 300; domain++)
		traffic_forget_domain(traffic, domain);
	wait_for(n_threads() == 1);
}

TEST(intervals_change)
{
	start_tap();
	traffic_set_intervals(traffic, &(struct traffic_intervals){20, 20});
	wait_for(sample_in(DOMAIN, 0).interval_ms == 20);
}

TEST(it_gets_no_signals)
{
	char path[] = "/proc/self/task/00000000000/status", line[128], blocked[32] = "";
	const struct dirent *entry;
	DIR *tasks cleanup_closedir = NULL;
	FILE *status cleanup_fclose = NULL;

	start_tap();
	tasks = opendir("/proc/self/task");
	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != getpid())
			(void)snprintf(path, sizeof(path), "/proc/self/task/%.11s/status",
				       entry->d_name);
	}
	status = fopen(path, "re");
	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status))
		(void)sscanf(line, "SigBlk: %31s", blocked);
	/* all but SIGKILL, SIGSTOP, and two that the C library keeps */
	ck_assert_str_eq(blocked, "fffffffe7ffbfeff");
}

/* --- virtual functions ------------------------------------------------------------------ */

static void start_functions(const char *driver, uint32_t n)
{
	struct domain_interface interfaces[MAX_DOMAIN_INTERFACES];

	net_add_physical("3b", driver, 8);
	net_add_device("3b", "enp59s0f0", "7", NULL);
	for (uint32_t i = 0; i < n; i++)
		interfaces[i] = function_of((uint8_t)i);
	set_domain(DOMAIN, interfaces, n);
	want(DOMAIN, true);
}

TEST(functions_are_counted_with_one_question)
{
	int before;

	set_counts(0, 1000, 0, 50);
	set_counts(1, 77, 0, 50);
	start_functions("mlx5_core", 2);
	(void)await_samples(DOMAIN, 0, 1);
	ck_assert_int_eq(atomic_load(&asked_ifindex), 7);
	set_counts(0, 2000, 3, 60);
	wait_for(sample_in(DOMAIN, 0).drops == 3);
	(void)await_samples(DOMAIN, 1, 1);
	ck_assert_uint_eq(sample_in(DOMAIN, 1).pps, 0);
	before = atomic_load(&n_questions);
	(void)await_samples(DOMAIN, 0, 10);
	ck_assert_int_le(atomic_load(&n_questions) - before, 11);
}

TEST(zeros_of_a_driver_that_counts_are_counts)
{
	set_counts(0, 0, 0, 0);
	start_functions("i40e", 1);
	ck_assert_uint_eq(await_samples(DOMAIN, 0, 3).pps, 0);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
}

/* A few questions, then silence. */
TEST(zeros_of_another_driver_are_none)
{
	int n;

	set_counts(0, 0, 0, 0);
	start_functions("igb", 1);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_DRIVER);
	wait_for((n = atomic_load(&n_questions)) >= 5);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).n_samples, 0);
	/* another one makes it ask again, and that is known to count when it has counted */
	set_counts(3, 17, 0, 0);
	set_function(DOMAIN + 1, 3);
	want(DOMAIN + 1, true);
	(void)await_samples(DOMAIN + 1, 0, 2);
	ck_assert_int_eq(why(DOMAIN + 1, 0), NO_COUNTER_NONE);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_DRIVER);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).n_samples, 0);
}

TEST(a_function_that_is_reset_is_not_known_meanwhile)
{
	uint64_t n;

	set_counts(0, 1000000, 0, 0);
	start_functions("i40e", 1);
	(void)await_samples(DOMAIN, 0, 1);
	set_missing(0);
	wait_for(why(DOMAIN, 0) == NO_COUNTER_INCOMPLETE);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	n = sample_in(DOMAIN, 0).n_samples;
	await_questions(3);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).n_samples, n);
	set_counts(0, 10, 0, 0);
	(void)await_samples(DOMAIN, 0, 2);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).pps, 0);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
}

static const struct {
	int error;
	enum no_counter why;
} errors[] = {
	{-EMSGSIZE, NO_COUNTER_INCOMPLETE},
	{-EBADMSG, NO_COUNTER_ERROR},
	{-ENODEV, NO_COUNTER_PHYSICAL},
	{-ENOBUFS, NO_COUNTER_ERROR},
};

TEST_EACH(a_question_that_fails_is_no_rate, errors)
{
	set_counts(0, 1000, 0, 0);
	start_functions("i40e", 1);
	(void)await_samples(DOMAIN, 0, 1);
	set_counts(0, 5000000, 5, 0);
	atomic_store(&answer_error, errors[_i].error);
	/* the loop is told */
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(changed_domain, DOMAIN);
	ck_assert_int_eq(why(DOMAIN, 0), errors[_i].why);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).drops, 0);
	/* so is who comes later */
	set_function(DOMAIN + 1, 1);
	atomic_store(&answer_error, errors[_i].error);
	want(DOMAIN + 1, true);
	wait_for(why(DOMAIN + 1, 0) == errors[_i].why);
}

/* --- a question that takes long --------------------------------------------------------- */

/* Nothing here would return if it waited for the thread. */
TEST(no_call_waits_for_a_question)
{
	struct domain_interface interfaces[] = {function_of(0), tap_of("vnet0")};

	net_add("vnet0");
	set_counts(0, 1000, 0, 0);
	set_counts(1, 1000, 0, 0);
	start_functions("mlx5_core", 1);
	(void)await_samples(DOMAIN, 0, 1);
	atomic_store(&is_held, true);
	wait_for(atomic_load(&is_asking));
	set_domain(DOMAIN, interfaces, 2);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
	set_function(DOMAIN + 1, 1);
	want(DOMAIN + 1, true);
	want(DOMAIN + 1, false);
	want(DOMAIN + 1, true);
	traffic_forget_domain(traffic, DOMAIN);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	/* another domain gets the id, and the slot */
	set_function(DOMAIN, 1);
	want(DOMAIN, true);
	set_counts(0, 999999999, 9, 0);
	ck_assert(atomic_load(&is_asking));
	atomic_store(&is_held, false);
	ck_assert_int_eq(sem_post(&held), 0);
	/* it sees nothing of the first one */
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(await_samples(DOMAIN, 0, 1).pps, 0);
		ck_assert_uint_eq(sample_in(DOMAIN, 0).drops, 0);
	}
	(void)await_samples(DOMAIN + 1, 0, 1);
}

TEST(all_wishes_may_end_while_it_asks)
{
	set_counts(0, 1000, 0, 0);
	start_functions("mlx5_core", 1);
	(void)await_samples(DOMAIN, 0, 1);
	atomic_store(&is_held, true);
	wait_for(atomic_load(&is_asking));
	want(DOMAIN, false);
	want(DOMAIN, true);
	want(DOMAIN, false);
	ck_assert_uint_eq(n_threads(), 2);
	atomic_store(&is_held, false);
	ck_assert_int_eq(sem_post(&held), 0);
	wait_for(n_threads() == 1);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
}

/* The next question would come 200 s later: a rate of that time decides nothing. */
TEST(a_question_of_two_seconds_is_none)
{
	int n;

	set_counts(0, 1000, 0, 0);
	start_functions("mlx5_core", 1);
	(void)await_samples(DOMAIN, 0, 1);
	atomic_store(&is_slow, true);
	wait_for(atomic_load(&is_asking));
	/* what is held of it ends by itself meanwhile */
	wait_for(sample_in(DOMAIN, 0).valid_until_ns < monotonic_ns());
	wait_for(why(DOMAIN, 0) == NO_COUNTER_SLOW);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	n = atomic_load(&n_questions);
	set_function(DOMAIN + 1, 1);
	want(DOMAIN + 1, true);
	wait_for(why(DOMAIN + 1, 0) == NO_COUNTER_SLOW);
	ck_assert_int_eq(atomic_load(&n_questions), n);
}

/* What the thread uses stays until it has its answer. */
TEST(the_end_does_not_wait_for_ever)
{
	set_counts(0, 1000, 0, 0);
	start_functions("mlx5_core", 1);
	(void)await_samples(DOMAIN, 0, 1);
	atomic_store(&is_held, true);
	wait_for(atomic_load(&is_asking));
	traffic_free(traffic);
	traffic = NULL;
	ck_assert_uint_eq(n_threads(), 2);
	atomic_store(&is_held, false);
	ck_assert_int_eq(sem_post(&held), 0);
	wait_for(n_threads() == 1);
}

/* --- representors ----------------------------------------------------------------------- */

TEST(a_representor_is_read_instead)
{
	net_add_device("3b", "pf0vf0", "9", "pf0vf0");
	start_functions("mlx5_core", 1);
	(void)await_samples(DOMAIN, 0, 1);
	net_count("pf0vf0", "tx_packets", 1000);
	wait_for(sample_in(DOMAIN, 0).pps > 0);
	ck_assert_int_eq(atomic_load(&n_questions), 0);
}
