/* SPDX-License-Identifier: BSD-3-Clause */
/* The sensors of a guest: DPDK's telemetry, /proc/stat, a command. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guest/sensors/command.h"
#include "guest/sensors/proc_stat.h"
#include "guest/sensors/telemetry.h"
#include "tests/unit/runner.h"

/* As testpmd 24.11 replies. */
#define USAGE(ids, total, busy)                                                                    \
	"{\"/eal/lcore/usage\":{\"lcore_ids\":[" ids "],\"total_cycles\":[" total                  \
	"],\"busy_cycles\":[" busy "],\"usage_ratio\":[\"95.01%\",\"0.00%\"]}}"

TEST(reads_usage)
{
	struct lcore_counters counters;

	ck_assert_int_eq(
		telemetry_usage(USAGE("1,2", "1000,18446744073709551615", "0,7"), &counters), 0);
	ck_assert_uint_eq(counters.n, 2);
	ck_assert_uint_eq(counters.ids[1], 2);
	ck_assert_uint_eq(counters.total[1], UINT64_MAX);
	ck_assert_uint_eq(counters.busy[1], 7);
	ck_assert_int_eq(telemetry_usage("{ \"/eal/lcore/usage\" : { \"lcore_ids\" : [ 3 ] , "
					 "\"total_cycles\":[ 4 ], \"busy_cycles\": [2]}}",
					 &counters),
			 0);
	ck_assert_uint_eq(counters.ids[0], 3);
}

static const struct {
	const char *text;
	int error;
} bad_usages[] = {
	{USAGE("", "", ""), -ENOTSUP},		   /* no callback registered */
	{"{\"/eal/lcore/usage\":null}", -ENOTSUP}, /* before 23.03 */
	{"", -EINVAL},
	{"{\"/eal/lcore/info\":{}}", -EINVAL},
	{USAGE("1,2", "1000", "0,7"), -EINVAL},
	{USAGE("1", "18446744073709551616", "7"), -EINVAL},
	{USAGE("1", "-3", "7"), -EINVAL},
	{USAGE("1", "3", "7,"), -EINVAL},
	{USAGE("4294967296", "3", "7"), -EINVAL},
	{"{\"/eal/lcore/usage\":{\"lcore_ids\":[1,2", -EINVAL}, /* cut at max_output_len */
};

TEST_EACH(refuses_usage, bad_usages)
{
	struct lcore_counters counters;

	ck_assert_int_eq(telemetry_usage(bad_usages[_i].text, &counters), bad_usages[_i].error);
}

TEST(refuses_more_lcores_than_there_are)
{
	struct lcore_counters counters;
	char text[4096] = "{\"/eal/lcore/usage\":{\"lcore_ids\":[0";

	for (int i = 0; i < MAX_LCORES; i++)
		strcat(text, ",1"); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy) */
	strcat(text, "],\"total_cycles\":[],\"busy_cycles\":[]}}"); /* NOLINT */
	ck_assert_int_eq(telemetry_usage(text, &counters), -EINVAL);
}

TEST(reads_the_cpus_of_an_lcore)
{
	struct cpuset cpus;

	ck_assert_int_eq(
		telemetry_cpus("{\"/eal/lcore/info\":{\"lcore_id\":2,\"socket\":0,\"role\":"
			       "\"RTE\",\"cpuset\":[5,7]}}",
			       &cpus),
		0);
	ck_assert_uint_eq(cpuset_count(&cpus), 2);
	ck_assert(cpuset_has(&cpus, 5) && cpuset_has(&cpus, 7));
	ck_assert_int_eq(telemetry_cpus("{\"/eal/lcore/info\":null}", &cpus), -EINVAL);
	ck_assert_int_eq(telemetry_cpus("{\"/eal/lcore/info\":{\"cpuset\":[4096]}}", &cpus),
			 -EINVAL);
	ck_assert_int_eq(telemetry_cpus("{\"/eal/lcore/info\":{\"cpuset\":[]}}", &cpus), -EINVAL);
}

/* An application: the other end of a socket. */
static struct telemetry telemetry;
static int application = -1;
static uint64_t now_ns;

static void set_up_application(void)
{
	int ends[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	memset(&telemetry, 0, sizeof(telemetry));
	telemetry.fd = ends[0];
	application = ends[1];
	now_ns = 1000;
}

static void tear_down_application(void)
{
	telemetry_close(&telemetry);
	close_fd(&application);
}

static int answer(const char *asked, const char *text)
{
	char command[64];
	ssize_t n = recv(application, command, sizeof(command) - 1, 0);

	ck_assert_int_gt(n, 0);
	command[n] = '\0';
	ck_assert_str_eq(command, asked);
	ck_assert_int_gt(send(application, text, strlen(text), 0), 0);
	now_ns += 1000;
	return telemetry_read(&telemetry, now_ns);
}

static int usage(const char *text)
{
	ck_assert_int_eq(telemetry_ask(&telemetry), 0);
	return answer("/eal/lcore/usage", text);
}

static void greet(void)
{
	ck_assert_int_eq(telemetry_ask(&telemetry), 0); /* not before the greeting */
	ck_assert_int_eq(send(application, "{}", 2, 0), 2);
	ck_assert_int_eq(telemetry_read(&telemetry, now_ns), 0);
	ck_assert_int_eq(usage(USAGE("1,2", "1000,1000", "10,20")), 0);
	ck_assert_int_eq(answer("/eal/lcore/info,1", "{\"/eal/lcore/info\":{\"cpuset\":[1]}}"), 0);
	ck_assert_int_eq(answer("/eal/lcore/info,2", "{\"/eal/lcore/info\":{\"cpuset\":[2]}}"), 0);
}

FIXTURE(set_up_application, tear_down_application)

TEST(measures_differences)
{
	greet();
	ck_assert(telemetry_covers(&telemetry, 1) && !telemetry_covers(&telemetry, 0));
	ck_assert_int_eq(usage(USAGE("1,2", "2000,2000", "510,20")), 1);
	ck_assert(telemetry.lcores[0].measured && telemetry.lcores[1].measured);
	ck_assert_uint_eq(telemetry.lcores[0].permille, 500);
	ck_assert_uint_eq(telemetry.lcores[1].permille, 0);
	ck_assert_uint_eq(telemetry.to_ns - telemetry.from_ns, 3000);
}

/* testpmd: after "stop" both counters freeze; after "start" busy begins at 0, total goes on. */
TEST(counters_that_freeze_and_begin_anew)
{
	greet();
	for (uint32_t i = 0; i < TELEMETRY_FROZEN; i++) {
		ck_assert(telemetry_covers(&telemetry, 1));
		ck_assert_int_eq(usage(USAGE("1,2", "1000,2000", "10,20")), 1);
		ck_assert(!telemetry.lcores[0].measured);
	}
	ck_assert(!telemetry_covers(&telemetry, 1));
	ck_assert_int_eq(usage(USAGE("1,2", "2000,3000", "5,20")), 1);
	ck_assert(telemetry_covers(&telemetry, 1));
	ck_assert(!telemetry.lcores[0].measured);
	ck_assert_int_eq(usage(USAGE("1,2", "3000,4000", "1005,20")), 1);
	ck_assert_uint_eq(telemetry.lcores[0].permille, 1000);
	/* busier than there is time: wrong */
	ck_assert_int_eq(usage(USAGE("1,2", "4000,5000", "2006,20")), 1);
	ck_assert(!telemetry.lcores[0].measured);
}

TEST(other_lcores_are_placed_anew)
{
	greet();
	ck_assert_int_eq(usage(USAGE("3", "9000", "100")), 0);
	ck_assert(!telemetry_covers(&telemetry, 1));
	ck_assert_int_eq(answer("/eal/lcore/info,3", "{\"/eal/lcore/info\":{\"cpuset\":[7]}}"), 0);
	ck_assert(telemetry_covers(&telemetry, 7));
	ck_assert_int_eq(usage(USAGE("3", "10000", "200")), 1);
	ck_assert_uint_eq(telemetry.lcores[0].permille, 100);
}

TEST(an_application_that_does_not_count_is_not_asked_again)
{
	char none;

	ck_assert_int_eq(send(application, "{}", 2, 0), 2);
	ck_assert_int_eq(telemetry_read(&telemetry, now_ns), 0);
	ck_assert_int_eq(usage(USAGE("", "", "")), -ENOTSUP);
	ck_assert_int_eq(telemetry_ask(&telemetry), 0);
	ck_assert_int_eq(recv(application, &none, 1, MSG_DONTWAIT), -1);
	ck_assert(!telemetry_covers(&telemetry, 1));
}

TEST(an_application_that_ends)
{
	greet();
	close_fd(&application);
	ck_assert_int_eq(telemetry_read(&telemetry, now_ns), -ECONNRESET);
}

FIXTURE(NULL, NULL)

static struct proc_stat stat_;

TEST(reads_proc_stat)
{
	proc_stat_take(&stat_, "cpu  9 9 9 9 9 9 9 9 0 0\n"
			       "cpu0 100 0 100 800 0 0 0 0 0 0\n"
			       "cpu3 100 0 100 700 100 0 0 0 0 0\n"
			       "intr 5 0\n");
	ck_assert(!stat_.measured[0] && !stat_.measured[3]);
	/* 0: 30 of 100 busy; 3: iowait is idle, steal is busy */
	proc_stat_take(&stat_, "cpu  9 9 9 9 9 9 9 9 0 0\n"
			       "cpu0 110 5 110 870 0 5 0 0 0 0\n"
			       "cpu3 100 0 100 720 170 0 0 10 0 0\n"
			       "intr 5 0\n");
	ck_assert(stat_.measured[0] && stat_.measured[3] && !stat_.measured[1]);
	ck_assert_uint_eq(stat_.permille[0], 300);
	ck_assert_uint_eq(stat_.permille[3], 100);
	/* no tick in between, and one that went back */
	proc_stat_take(&stat_, "cpu0 110 5 110 870 0 5 0 0 0 0\ncpu3 1 0 1 1 1 0 0 0 0 0\n");
	ck_assert(!stat_.measured[0] && !stat_.measured[3]);
	proc_stat_take(&stat_, "cpu5000 1 1 1 1 1 1 1 1\ncpux 1\ncpu0\n");
	proc_stat_take(&stat_, "");
}

TEST(the_real_proc_stat)
{
	ck_assert_int_eq(proc_stat_open(&stat_, NULL), 0);
	ck_assert_int_eq(proc_stat_read(&stat_, 1), 0);
	ck_assert_int_eq(proc_stat_read(&stat_, 2), 1);
	ck_assert_uint_gt(stat_.total[0], 0);
	close_fd(&stat_.fd);
}

TEST(reads_a_commands_lines)
{
	static struct command_sensor command;
	uint32_t vcpu, permille;
	int r = 0;

	ck_assert_int_eq(command_start(&command, "echo 3 37.55; echo 12%; echo 1 101; echo x; "
						 "printf '7 0'"),
			 0);
	while (r != -EPIPE) {
		struct pollfd polled = {.fd = command.fd, .events = POLLIN};

		ck_assert_int_eq(poll(&polled, 1, 20000), 1);
		r = command_fill(&command);
	}
	ck_assert_int_eq(command_next(&command, &vcpu, &permille), 1);
	ck_assert_uint_eq(vcpu, 3);
	ck_assert_uint_eq(permille, 376);
	ck_assert_int_eq(command_next(&command, &vcpu, &permille), 1);
	ck_assert_uint_eq(vcpu, COMMAND_ALL);
	ck_assert_uint_eq(permille, 120);
	ck_assert_int_eq(command_next(&command, &vcpu, &permille), -EINVAL);
	ck_assert_int_eq(command_next(&command, &vcpu, &permille), -EINVAL);
	ck_assert_int_eq(command_next(&command, &vcpu, &permille), 0);
	command_stop(&command);
}
