/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is sent about frequency domains and vCPUs when CPUs change, and its end. */
#include "helper/manager/monitor/frequency_control.h"

#include "helper/link/shared_state.h"
#include "helper/manager/registry/placement.h"
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

struct monitor_process {
	int unused;
};

static struct monitor_process the_monitor;
static struct shared_state shared; /* tens of MB, but only touched pages take memory */
static struct monitor_view view;
static struct frequency_control control;
static struct registry *registry;
static char told[256]; /* "policy:priority" of each frequency domain */

/* --- stand-ins ------------------------------------------------------------------------ */

void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds)
{
	size_t length = strlen(told);

	(void)fds;
	(void)n_fds;
	ck_assert_ptr_eq(monitor, &the_monitor);
	if (message->type == LINK_FREQUENCY_DOMAIN_SET)
		ck_assert_int_lt(snprintf(told + length, sizeof(told) - length, "%s%u:%u",
					  length ? " " : "", message->frequency_domain.policy,
					  message->frequency_domain.priority),
				 (int)(sizeof(told) - length));
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	ck_assert_ptr_eq(monitor, &the_monitor);
	return &shared;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain)
{
	(void)monitor;
	(void)domain;
}

/* --- the stage ------------------------------------------------------------------------ */

static void set_up(void)
{
	make_tree();
	ck_assert_int_eq(registry_new(&registry), 0);
	told[0] = '\0';
}

static void tear_down(void)
{
	registry_free(registry);
	remove_tree();
}

static void begin(void)
{
	start();
	view = (struct monitor_view){
		.config = &config, .cpufreq = cpufreq, .monitor = &the_monitor};
	frequency_control_init(&control, &view, registry);
	view_send_frequency_domains(&view);
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
	begin();
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

/* What the monitor last published decides what becomes of our maximum and someone else's minimum.
 */
static const struct {
	uint32_t writing_khz, target_khz;
	int32_t last_error;
	const char *min;
} end_cases[] = {
	{2000000, 2000000, 0, "900000"},
	/* during a write, after a failed one, before the first */
	{2000000, 1900000, 0, "800000"},
	{2000000, 2000000, -EINVAL, "800000"},
	{2000000, 0, 0, "800000"},
	{0, 0, 0, "800000"},
	/* a lie */
	{UINT32_MAX, UINT32_MAX, 0, "800000"},
};

TEST_EACH(ends, end_cases)
{
	struct shared_frequency_domain *published = &shared.frequency_domains[0];

	put_intel_pstate(0, "0");
	begin();
	take(0);
	put_limits("900000", "2000000");
	published->writing_khz = end_cases[_i].writing_khz;
	published->target_khz = end_cases[_i].target_khz;
	published->last_error = end_cases[_i].last_error;
	frequency_control_end(&control);
	assert_limits(end_cases[_i].min, "3700000");
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
