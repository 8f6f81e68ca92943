/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to count packets: the manager's thread on N tap devices, in a network of its own.
 *
 * usage: counters N INTERVAL_MS SECONDS
 *
 * Prints the CPU time of the thread, its wakeups and samples; then what is left of them when
 * nothing is wanted any more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "helper/manager/traffic/traffic.h"

#define PER_DOMAIN 2u

static char sysfs[] = "/tmp/vmpower-counters-XXXXXX";

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void on_changed(void *context, uint32_t domain)
{
	(void)context;
	(void)domain;
}

/* A private sysfs shows only the private network's devices. */
static void isolate(void)
{
	if (!mkdtemp(sysfs) || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", sysfs, "sysfs", 0, NULL) < 0)
		die("counters: a private network");
}

static void make_tap(unsigned int i)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "vnet%u", i);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die("counters: tap device");
}

static void count(struct traffic *traffic, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += PER_DOMAIN) {
		struct domain_interface interfaces[PER_DOMAIN] = {{.kind = INTERFACE_TAP},
								  {.kind = INTERFACE_TAP}};

		for (unsigned int j = 0; j < PER_DOMAIN; j++) {
			make_tap(i + j);
			(void)snprintf(interfaces[j].target, sizeof(interfaces[j].target), "vnet%u",
				       i + j);
		}
		if (traffic_set_domain(traffic, i / PER_DOMAIN, interfaces, PER_DOMAIN) < 0 ||
		    traffic_want(traffic, i / PER_DOMAIN, true) < 0)
			die("counters: wish");
	}
}

static uint64_t n_samples(const struct traffic *traffic, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct traffic_sample sample;

		if (traffic_sample_load(
			    &traffic_area(traffic)->samples[i / PER_DOMAIN][i % PER_DOMAIN],
			    &sample))
			sum += sample.n_samples;
	}
	return sum;
}

struct usage {
	double cpu_ms;
	long wakeups;
};

/* This thread only waits meanwhile. */
static struct usage used_in(int seconds)
{
	struct rusage before, after, own_before, own_after;
	struct usage usage;

	(void)getrusage(RUSAGE_SELF, &before);
	(void)getrusage(RUSAGE_THREAD, &own_before);
	(void)poll(NULL, 0, seconds * 1000);
	(void)getrusage(RUSAGE_SELF, &after);
	(void)getrusage(RUSAGE_THREAD, &own_after);
#define MS(usage)                                                                                  \
	((double)((usage).ru_utime.tv_sec + (usage).ru_stime.tv_sec) * 1e3 +                       \
	 (double)((usage).ru_utime.tv_usec + (usage).ru_stime.tv_usec) / 1e3)
	usage.cpu_ms = MS(after) - MS(before) - (MS(own_after) - MS(own_before));
#undef MS
	usage.wakeups =
		after.ru_nvcsw - before.ru_nvcsw - (own_after.ru_nvcsw - own_before.ru_nvcsw);
	return usage;
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 4 ? (unsigned int)atoi(argv[1]) : 0;
	int seconds = argc == 4 ? atoi(argv[3]) : 0;
	struct traffic_parts parts = {.sysfs = sysfs, .changed = on_changed};
	struct usage counting, idle;
	struct traffic *traffic;
	uint64_t samples;

	if (n == 0 || seconds <= 0)
		return 2;
	parts.intervals = (struct traffic_intervals){(uint32_t)atoi(argv[2]), 1000};
	isolate();
	if (loop_new(&parts.loop) < 0 || traffic_new(&parts, &traffic) < 0)
		die("counters");
	count(traffic, n);
	(void)poll(NULL, 0, 1000); /* all are open */
	samples = n_samples(traffic, n);
	counting = used_in(seconds);
	samples = n_samples(traffic, n) - samples;
	for (unsigned int i = 0; i < n; i += PER_DOMAIN)
		(void)traffic_want(traffic, i / PER_DOMAIN, false);
	(void)poll(NULL, 0, 200); /* the thread has ended */
	idle = used_in(seconds);
	(void)printf(
		"{\"cpu_ms\": %.3f, \"wakeups\": %ld, \"samples\": %llu, \"idle_cpu_ms\": %.3f, "
		"\"idle_wakeups\": %ld}\n",
		counting.cpu_ms, counting.wakeups, (unsigned long long)samples, idle.cpu_ms,
		idle.wakeups);
	traffic_free(traffic);
	loop_free(parts.loop);
	(void)umount(sysfs);
	(void)rmdir(sysfs);
	return 0;
}
