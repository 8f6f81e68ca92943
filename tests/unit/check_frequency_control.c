/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is sent about frequency domains and vCPUs when CPUs change, and its end. */
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>

#include "helper/manager/registry/placement.h"
#include "tests/unit/frequency_stage.h"
#include "xml/domain_xml.h"

static char told[256]; /* "policy:priority" of each frequency domain */

/* --- stand-ins ------------------------------------------------------------------------ */

static void on_sent(const struct link_message *message, unsigned int n_fds)
{
	size_t length = strlen(told);

	(void)n_fds;
	if (message->type == LINK_FREQUENCY_DOMAIN_SET)
		ck_assert_int_lt(snprintf(told + length, sizeof(told) - length, "%s%u:%u",
					  length ? " " : "", message->frequency_domain.id,
					  message->frequency_domain.priority),
				 (int)(sizeof(told) - length));
	if (message->type == LINK_VCPUS_SET) {
		cleanup_free char *ids = cpuset_text(&message->vcpus.frequency_domains);

		ck_assert_int_lt(snprintf(told + length, sizeof(told) - length, "%svcpu:%s",
					  length ? " " : "", ids),
				 (int)(sizeof(told) - length));
	}
}

/* The kernel's worker: while the process waits, it applies what was written. */
static void (*worker)(void);
static unsigned int n_sleeps;
static uint64_t now_ns = NS_PER_S;

uint64_t monotonic_ns(void)
{
	return now_ns;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	ck_assert(time->tv_sec == 0 && time->tv_nsec > 0);
	n_sleeps++;
	now_ns += (uint64_t)time->tv_nsec;
	if (worker)
		worker();
	return 0;
}

/* Until the worker runs, and if it never does, scaling_min_freq is read from another file. */
static bool min_freq_is_late;
/* The monitor writes, and says so, after scaling_max_freq was read. */
static struct shared_frequency_domain *writes_meanwhile;

int openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (min_freq_is_late && strcmp(path, "scaling_min_freq") == 0 &&
	    (flags & O_ACCMODE) == O_RDONLY)
		path = "shown_min_freq";
	if (writes_meanwhile && strcmp(path, "scaling_max_freq") == 0)
		writes_meanwhile->n_writes++;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

static void changed(const char *cpus)
{
	struct cpuset set;

	ck_assert_int_eq(cpuset_parse(cpus, &set), 0);
	told[0] = '\0';
	frequency_control_cpus_changed(&control, &set);
}

/* --- tests ---------------------------------------------------------------------------- */

/* Priority is relative: other domains give it to existing ones, and take it away. */
FIXTURE(set_up, tear_down)

TEST(priorities)
{
	char command[128];

	put("online", "0-1");
	put_intel_pstate(0, "0");
	put_intel_pstate(1, "1");
	put_policy(1, "base_frequency", "2500000");
	begin(NULL);
	ck_assert_str_eq(told, "0:0 1:1");
	put("online", "0-2");
	put_intel_pstate(2, "2");
	put_policy(2, "base_frequency", "2100000");
	changed("2");
	ck_assert_str_eq(told, "2:0 0:1");
	changed("0-2");
	ck_assert_str_eq(told, "");
	/* without the slow one */
	put("online", "0-1");
	(void)snprintf(command, sizeof(command), "rm -r %s/cpufreq/policy2", cpu_path);
	ck_assert_int_eq(system(command), 0);
	changed("2");
	ck_assert_str_eq(told, "0:0");
}

/* Nobody listens to the kernel's files here: what was switched is found at the acquisition. */
static const struct {
	const char *file, *text;
} switches[] = {
	{"intel_pstate/no_turbo", "1"},
	{"cpufreq/boost", "0"},
	{POLICY0 "boost", "0"},
};

TEST_EACH(turbo_switched_unheard, switches)
{
	const struct link_message message = {.type = LINK_ACQUIRE, .id = 0};

	put_intel_pstate(0, "0");
	begin(NULL);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->table.n_steps, 30);
	told[0] = '\0';
	ck_assert(frequency_control_message(&control, &message));
	ck_assert_str_eq(told, "");
	release(0, 0);
	put(switches[_i].file, switches[_i].text);
	ck_assert(frequency_control_message(&control, &message));
	ck_assert_str_eq(told, "0:0");
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->table.n_steps, 16);
	ck_assert(cpufreq_get(cpufreq, 0)->acquired);
	/* once is enough */
	release(0, 0);
	told[0] = '\0';
	ck_assert(frequency_control_message(&control, &message));
	ck_assert_str_eq(told, "");
}

/* A refused write is a reason to look anew: no event told of it. */
static const struct {
	int error;
	bool remade;
	const char *file, *khz;
	uint32_t n_steps;
} refused_writes[] = {
	/* our files are of a policy0 that is gone */
	{-ENODEV, true, "cpuinfo_max_freq", "4000000", 33},
	/* for ENODEV in any case, whatever has changed */
	{-ENODEV, false, "cpuinfo_min_freq", "900000", 29},
	{-EINVAL, true, "cpuinfo_max_freq", "4000000", 33},
	/* the maximum has risen */
	{-EINVAL, false, "cpuinfo_max_freq", "4000000", 33},
};

TEST_EACH(refused_write_looks_anew, refused_writes)
{
	const struct link_message acquire = {.type = LINK_ACQUIRE, .id = 0};
	const struct link_message failed = {
		.type = LINK_WRITE_FAILED,
		.write_failed = {.error = refused_writes[_i].error, .khz = 3700000}};
	char command[128];

	put_intel_pstate(0, "0");
	begin(NULL);
	ck_assert(frequency_control_message(&control, &acquire));
	told[0] = '\0';
	ck_assert(frequency_control_message(&control, &failed));
	ck_assert_str_eq(told, "");
	if (refused_writes[_i].remade) {
		(void)snprintf(command, sizeof(command), "rm -r %s/cpufreq/policy0", cpu_path);
		ck_assert_int_eq(system(command), 0);
		put_intel_pstate(0, "0");
	}
	put_policy(0, refused_writes[_i].file, refused_writes[_i].khz);
	ck_assert(frequency_control_message(&control, &failed));
	ck_assert_str_eq(told, "0:0");
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->table.n_steps, refused_writes[_i].n_steps);
	/* a vote for the maximum means the new one from now on, and the baseline is put back */
	release(0, 0);
	assert_limits("800000", "3700000");
}

/* A CPU goes and comes, and no event tells of it: its vCPU has no vote on it while it is offline.
 */
TEST(vcpu_is_sent_anew)
{
	static const char xml[] = "<domain type='kvm' id='1'><name>vm</name>"
				  "<uuid>00000000-0000-0000-0000-000000000001</uuid><vcpu>1</vcpu>"
				  "<cputune><vcpupin vcpu='0' cpuset='0-1'/></cputune></domain>";
	const struct link_message acquire = {.type = LINK_ACQUIRE, .id = 0};
	const struct link_message failed = {.type = LINK_WRITE_FAILED,
					    .write_failed = {.error = -ENODEV, .khz = 3700000}};
	struct domain_description *description;
	struct xml_error error;
	struct domain *domain;

	put("online", "0-2");
	for (unsigned int cpu = 0; cpu < 3; cpu++)
		put_intel_pstate(cpu, (const char *const[]){"0", "1", "2"}[cpu]);
	ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
	ck_assert_int_eq(registry_add(registry, description, &domain), 0);
	begin(NULL);
	ck_assert(strstr(told, "vcpu:0-1"));
	ck_assert(frequency_control_message(&control, &acquire));
	told[0] = '\0';
	put("online", "1-2");
	ck_assert(frequency_control_message(&control, &failed));
	ck_assert_str_eq(told, "vcpu:1");
	told[0] = '\0';
	put("online", "0-2");
	ck_assert(frequency_control_message(&control, &failed));
	ck_assert_str_eq(told, "vcpu:0-1");
	release(0, 0);
}

/* What the monitor last published decides what becomes of our maximum and someone else's minimum.
 */
static const struct {
	uint32_t writing_khz, target_khz;
	int32_t last_error;
	uint32_t under_way;
	const char *min;
} end_cases[] = {
	{2000000, 2000000, 0, 0, "900000"},
	/* during a write, after a failed one, during the first, before the first */
	{2000000, 1900000, 0, 0, "800000"},
	{2000000, 2000000, 0, 1, "800000"},
	{2000000, 2000000, -EINVAL, 0, "800000"},
	{2000000, 0, 0, 1, "800000"},
	{0, 0, 0, 0, "800000"},
	/* let go, and the message is lost */
	{2000000, 0, 0, 0, "900000"},
	/* a lie */
	{UINT32_MAX, UINT32_MAX, 0, 0, "800000"},
};

TEST_EACH(ends, end_cases)
{
	struct shared_frequency_domain *published = &shared.frequency_domains[0];

	put_intel_pstate(0, "0");
	begin(NULL);
	take(0);
	put_limits("900000", "2000000");
	published->writing_khz = published->writing_max_khz = end_cases[_i].writing_khz;
	published->written_khz = published->written_max_khz = end_cases[_i].target_khz;
	published->last_error = end_cases[_i].last_error;
	published->under_way = end_cases[_i].under_way;
	frequency_control_end(&control);
	assert_limits(end_cases[_i].min, "3700000");
	ck_assert_uint_eq(n_saved(), 0);
}

static void show_written(void)
{
	put_limits("2000000", "2000000");
}

static void show_restored(void)
{
	min_freq_is_late = false;
}

/* The monitor has written 2 GHz to both files. */
static void begin_written(void)
{
	struct shared_frequency_domain *published = &shared.frequency_domains[0];

	put_intel_pstate(0, "0");
	begin(NULL);
	take(0);
	published->writing_khz = published->writing_max_khz = 2000000;
	published->written_khz = published->written_max_khz = 2000000;
}

/* The files still show what was written before: that is nobody else's. */
TEST(the_last_write_is_shown_late)
{
	begin_written();
	put_limits("1200000", "2000000");
	worker = show_written;
	/* a write was heard, say of the same value */
	cpuset_add(&control.foreign.due, 0);
	frequency_control_settle(&control);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->n_foreign, 0);
	ck_assert_uint_eq(n_sleeps, 1);
	put_limits("1200000", "2000000");
	frequency_control_end(&control);
	assert_limits("800000", "3700000");
	ck_assert_uint_eq(n_warnings, 0);
}

/* Someone has written just before the release, and the end comes before that is settled. */
TEST(the_end_of_a_release_that_waits)
{
	begin_written();
	put_limits("1200000", "2000000");
	frequency_control_release(&control, 0, frequency_control_last_written(&control, 0),
				  HEARD_WRITE);
	assert_limits("1200000", "2000000");
	/* the monitor has let it go */
	shared.frequency_domains[0].written_khz = shared.frequency_domains[0].written_max_khz = 0;
	frequency_control_end(&control);
	assert_limits("1200000", "3700000");
	ck_assert_uint_eq(n_saved(), 0);
}

/* Time passes: what is due is looked at. */
static void look_again(void)
{
	struct loop_timer *timer = &control.foreign.timer;

	ck_assert_uint_ge(timer->due_ns, now_ns);
	now_ns = timer->due_ns;
	loop_timer_cancel(control.foreign.loop, timer);
	timer->on_expiry(timer);
}

static void hear(void)
{
	foreign_writes_heard(&control.foreign, 0);
	look_again();
}

/* What is found while the monitor writes is not reported, and not forgotten. */
TEST(the_monitor_writes_meanwhile)
{
	struct shared_frequency_domain *published = &shared.frequency_domains[0];
	const struct frequency_domain *fdom;

	begin_written();
	fdom = cpufreq_get(cpufreq, 0);
	ck_assert_int_eq(loop_new(&control.foreign.loop), 0);
	put_limits("2000000", "2400000");
	/* it has written for the first time, and not said so yet */
	published->written_khz = published->written_max_khz = 0;
	published->under_way = 1;
	hear();
	ck_assert_uint_eq(fdom->n_foreign, 0);
	published->written_khz = published->written_max_khz = 2000000;
	published->n_writes++;
	published->under_way = 0;
	look_again();
	ck_assert_uint_eq(fdom->n_foreign, 1);
	/* the same value, while it writes: another episode, if it is found after that */
	writes_meanwhile = published;
	hear();
	ck_assert_uint_eq(fdom->n_foreign, 1);
	writes_meanwhile = NULL;
	look_again();
	ck_assert_uint_eq(fdom->n_foreign, 2);
	hear();
	ck_assert_uint_eq(fdom->n_foreign, 2);
	/* one that says so for ever is not waited for */
	published->under_way = 1;
	hear();
	for (int i = 0; i < 100 && cpuset_has(&control.foreign.due, 0); i++)
		look_again();
	ck_assert(!cpuset_has(&control.foreign.due, 0));
	ck_assert_uint_eq(fdom->n_foreign, 2);
	loop_free(control.foreign.loop);
}

/* The worker comes late, or never, since the kernel does not allow the value. */
TEST_RANGE(what_was_restored_is_shown_late, 0, 2)
{
	bool never = _i == 1;

	begin_written();
	put_limits("2000000", "2000000");
	put(POLICY0 "shown_min_freq", "2000000");
	worker = never ? NULL : show_restored;
	min_freq_is_late = true;
	frequency_control_end(&control);
	ck_assert_uint_eq(n_warnings, never);
	ck_assert_uint_ge(n_sleeps, 1);
	min_freq_is_late = false;
	assert_limits("800000", "3700000");
	ck_assert_uint_eq(n_saved(), 0);
}

/* "": what is present is not known */
static const struct {
	const char *affinity, *online, *present;
	bool pinned;
} pinning_cases[] = {
	{"", "0-3", "0-3", false},    {"1", "0-3", "0-3", true}, {"0-3", "0-3", "0-3", false},
	{"0-7", "0-3", "0-3", false}, /* as written for a larger host */
	{"0-3", "0-3", "0-7", true},  /* it excludes CPUs that are offline */
	{"0-7", "0-3", "0-7", false}, {"0-3", "0-3", "", false}, {"0-2", "0-3", "", true},
	{"0", "0", "0", true}, /* only one: it is known which */
	{"0-1", "0", "0", true},      {"0", "0", "", true},	 {"", "0", "0", false},
};

TEST_EACH(pinnings, pinning_cases)
{
	struct vcpu_description vcpu = {.online = true};
	struct cpuset affinity;
	struct host_cpus cpus;

	put("online", pinning_cases[_i].online);
	if (pinning_cases[_i].present[0])
		put("present", pinning_cases[_i].present);
	start();
	ck_assert_int_eq(cpufreq_host_cpus(cpufreq, &cpus), 0);
	if (pinning_cases[_i].affinity[0]) {
		ck_assert_int_eq(cpuset_parse(pinning_cases[_i].affinity, &affinity), 0);
		vcpu.pinned = true;
		vcpu.affinity = &affinity;
	}
	ck_assert(placement_pinned(&vcpu, &cpus) == pinning_cases[_i].pinned);
	/* nothing is known of the host: no vCPU is pinned */
	put("online", "nonsense");
	ck_assert_int_lt(cpufreq_host_cpus(cpufreq, &cpus), 0);
	ck_assert(!placement_pinned(&vcpu, &cpus));
}
