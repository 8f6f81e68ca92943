/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU hotplug from the uevent to the cpufreq file: umockdev's events and /sys, the real libudev,
 * the real cpufreq, and the monitor's writer.
 */
#include "helper/manager/cpufreq/cpu_hotplug.h"
#include "helper/manager/loop/loop.c" /* to run it more than once */
#include "helper/monitor/frequency_writer.h"
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/mock_devices.h"
#include "tests/unit/runner.h"

#define DEADLINE_NS UINT64_C(20000000000)

static struct loop *loop;
static struct cpu_hotplug *hotplug;
static struct frequency_writer writer; /* of frequency domain 0 */
static uint32_t vote_khz;
static unsigned int n_new, n_offline, n_gone;
static bool heard;

/* What the daemon does: new files, and the previous vote. */
static void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	unsigned int n_fds;
	int fds[2];

	(void)context;
	n_new += change == CPUFREQ_NEW;
	n_offline += change == CPUFREQ_OFFLINE;
	n_gone += change == CPUFREQ_GONE;
	if (change == CPUFREQ_OFFLINE)
		frequency_writer_forget(&writer);
	if (change != CPUFREQ_ONLINE && change != CPUFREQ_RESTARTED && change != CPUFREQ_BACK)
		return;
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(cpufreq_renew(cpufreq, id, false, fds, &n_fds), 0);
	ck_assert_int_eq(
		frequency_writer_open(&writer, cpufreq_get(cpufreq, id)->method, fds, n_fds), 0);
	ck_assert_int_eq(frequency_writer_set(&writer, vote_khz, vote_khz), 0);
}

static void on_cpus(void *context, const struct cpuset *changed)
{
	struct cpufreq_rescan rescan = {.event = CPUFREQ_PLUGGED, .changed = *changed};

	int r;

	ck_assert_ptr_eq(context, loop);
	while ((r = cpufreq_rescan(cpufreq, &rescan, 8, on_change, NULL)) > 0)
		;
	ck_assert_int_eq(r, 0);
	heard = true;
	loop_quit(loop, 0);
}

static void on_deadline(struct loop_timer *timer)
{
	(void)timer;
	loop_quit(loop, -ETIMEDOUT);
}

static void set_up(void)
{
	make_mock();
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(cpu_hotplug_new(loop, on_cpus, loop, &hotplug), 0);
	frequency_writer_init(&writer);
	n_new = n_offline = n_gone = 0;
}

static void tear_down(void)
{
	frequency_writer_close(&writer);
	cpu_hotplug_free(hotplug);
	loop_free(loop);
	remove_mock();
}

static void put_cpus(unsigned int n)
{
	char device[96];

	for (unsigned int cpu = 0; cpu < n; cpu++) {
		(void)snprintf(device, sizeof(device),
			       "P: /devices/system/cpu/cpu%u\nE: SUBSYSTEM=cpu\n", cpu);
		ck_assert(mock.add_from_string(mock.testbed, device, NULL));
	}
}

/* The kernel changes sysfs first, then sends the event. */
static void cpu_event(unsigned int cpu, const char *online, const char *action)
{
	struct loop_timer deadline = {.on_expiry = on_deadline};
	char device[64];

	put("online", online);
	(void)snprintf(device, sizeof(device), "/sys/devices/system/cpu/cpu%u", cpu);
	heard = false;
	loop->quit = false;
	mock.uevent(mock.testbed, device, action);
	loop_timer_set(loop, &deadline, DEADLINE_NS);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert(heard);
	loop_timer_cancel(loop, &deadline);
}

static void vote(uint32_t khz)
{
	unsigned int n_fds = cpufreq_get(cpufreq, 0)->method == METHOD_SETSPEED ? 1 : 2;
	int fds[2];

	acquire(0, fds);
	ck_assert_int_eq(
		frequency_writer_open(&writer, cpufreq_get(cpufreq, 0)->method, fds, n_fds), 0);
	vote_khz = khz;
	ck_assert_int_eq(frequency_writer_set(&writer, khz, khz), 0);
}

BEFORE_ALL(mock_devices_preload)
FIXTURE(set_up, tear_down)

TEST(away_and_back)
{
	put_cpus(2);
	put("online", "0-1");
	put_acpi(0, "1");
	start();
	vote(1800000);
	cpu_event(1, "0", "offline");
	ck_assert_uint_eq(n_offline, 1);
	ck_assert_uint_eq(writer.high_khz, 0);
	/* as the kernel leaves it: another governor, another speed */
	put_governor_speed("schedutil", "2301000");
	cpu_event(1, "0-1", "online");
	assert_file(POLICY0 "scaling_governor", "userspace");
	assert_file(POLICY0 "scaling_setspeed", "1800000");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(limits_away_and_back)
{
	put_cpus(2);
	put("online", "0-1");
	put_intel_pstate(0, "0 1");
	start();
	vote(2000000);
	cpu_event(1, "0", "offline"); /* CPU 0 is still there */
	ck_assert_uint_eq(n_offline, 0);
	ck_assert_uint_eq(writer.high_khz, 2000000);
	put_limits("800000", "3700000");
	cpu_event(1, "0-1", "online");
	assert_limits("2000000", "2000000");
	assert_file(POLICY0 "scaling_governor", "powersave");
	release(0, 0);
	assert_limits("800000", "3700000");
}

TEST(added_and_removed)
{
	put_cpus(3);
	put("online", "0");
	put_acpi(0, "0");
	start();
	cpu_event(2, "0", "add"); /* present, but not online yet */
	ck_assert_uint_eq(n_new, 0);
	put_acpi(2, "2");
	cpu_event(2, "0,2", "online");
	ck_assert_uint_eq(n_new, 1);
	ck_assert_uint_eq(cpufreq_of_cpu(cpufreq, 2)->id, 1);
	ck_assert_uint_eq(cpufreq_of_cpu(cpufreq, 2)->policy, 2);
	{
		char command[160];

		(void)snprintf(command, sizeof(command), "rm -r /proc/%d/fd/%d/cpufreq/policy2",
			       (int)getpid(), cpu_dir);
		ck_assert_int_eq(system(command), 0);
	}
	cpu_event(2, "0", "remove");
	ck_assert_uint_eq(n_gone, 1);
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, 2));
	ck_assert_uint_eq(cpufreq_of_cpu(cpufreq, 0)->id, 0);
}
