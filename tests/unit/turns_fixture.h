/* SPDX-License-Identifier: BSD-3-Clause */
/* The real monitor, turn by turn, on a fake clock: the test plays manager and guests. */
#ifndef VMPOWER_TESTS_UNIT_TURNS_FIXTURE_H
#define VMPOWER_TESTS_UNIT_TURNS_FIXTURE_H

#include <check.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/fuzz/fuzz_monitor.h"
#include "tests/unit/guest_frame.h"

static struct {
	struct channel_monitor *monitor;
	int link;
	struct link_message message;
	uint32_t n_write_failed, n_hour_wanted, n_traffic_wanted; /* messages to the manager */
	bool traffic_wanted[MAX_DOMAINS];			  /* as the monitor says */
} host;

static inline void pass_turn(uint64_t ns)
{
	static struct link_message notice;
	struct pollfd ready = {.fd = host.monitor->epoll_fd, .events = POLLIN};
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];

	pass_time(ns);
	if (arbiter_is_dirty(host.monitor->arbiter) || poll(&ready, 1, 0) > 0)
		ck_assert_int_eq(turn(host.monitor), 0);
	while (link_receive(host.link, &notice, fds, &n_fds, LINK_TO_MANAGER) > 0) {
		host.n_write_failed += notice.type == LINK_WRITE_FAILED;
		host.n_hour_wanted += notice.type == LINK_HOUR_WANTED;
		if (notice.type == LINK_TRAFFIC_WANTED) {
			host.n_traffic_wanted++;
			host.traffic_wanted[notice.traffic_wanted.domain] =
				notice.traffic_wanted.wanted;
		}
	}
}

static inline void send_message(const int *fds, unsigned int n_fds)
{
	int r;

	while ((r = link_send(host.link, &host.message, fds, n_fds)) == -EAGAIN)
		pass_turn(NS_PER_US);
	ck_assert_int_eq(r, 0);
}

/* @settings: besides the commands, which are all allowed */
static inline void set_domain(uint32_t id, struct domain_settings settings)
{
	settings.commands = COMMANDS_ALL;
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain =
		(struct link_domain){.id = id, .n_vcpus = 1, .settings = settings, .name = "guest"};
	send_message(NULL, 0);
}

/* One vCPU, on @n frequency domains from @first on. */
static inline void add_domain(uint32_t id, uint32_t first, uint32_t n)
{
	set_domain(id, (struct domain_settings){0});
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.domain = id, .n = 1, .flags = VCPU_MAY_VOTE};
	for (uint32_t i = 0; i < n; i++)
		cpuset_add(&host.message.vcpus.frequency_domains, first + i);
	send_message(NULL, 0);
}

/* Return: QEMU's end. */
static inline int add_channel(uint32_t id)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	host.message.type = LINK_CHANNEL_ADD;
	host.message.channel = (struct link_channel){.id = id, .enabled = 1};
	send_message(&pair[1], 1);
	close_fd(&pair[1]);
	return pair[0];
}

static inline void set_up_host(void)
{
	struct rlimit files;
	cleanup_close int shared = memfd_create("state", MFD_CLOEXEC);
	struct monitor_options options = MONITOR_OPTIONS_NONE;
	int pair[2];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_int_eq(ftruncate(shared, sizeof(struct shared_state)), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fake_now_ns = 1000 * NS_PER_S;
	host.link = pair[0];
	options.link_fd = pair[1];
	host.monitor = calloc(1, sizeof(*host.monitor));
	ck_assert_ptr_nonnull(host.monitor);
	begin(host.monitor, &options);
	ck_assert_int_eq(set_up(host.monitor, &options), 0);
	ck_assert_int_eq(turn(host.monitor), 0); /* HELLO_END */
	host.message.type = LINK_SETUP;
	host.message.setup = (struct link_setup){.version = LINK_VERSION};
	ck_assert_int_eq(link_send(host.link, &host.message, &shared, 1), 0);
	ck_assert_int_eq(turn(host.monitor), 0);
}

static inline void free_host(void)
{
	monitor_free(host.monitor);
	close_fd(&host.link);
}

static inline void set_frequency_domain(uint32_t id, enum frequency_method method)
{
	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	host.message.frequency_domain = (struct link_frequency_domain){
		.id = id,
		.method = method,
		.ceiling = 2,
		.table = {.n_steps = 3, .non_turbo = 2, .khz = {1000000, 1500000, 2000000}},
	};
	send_message(NULL, 0);
}

static inline void send_request(int guest, enum guest_unit unit)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_tagged_frame(frame, sizeof(frame), GUEST_CPU_POWER, unit, 0);
	ck_assert_int_eq(send(guest, frame, sizeof(frame), 0), sizeof(frame));
}

/* Return: enum guest_answer; 0: none has come */
static inline uint32_t take_answer(int guest)
{
	uint8_t frame[GUEST_FRAME_G3];

	return recv(guest, frame, sizeof(frame), MSG_DONTWAIT) == sizeof(frame)
		       ? guest_frame_command(frame)
		       : 0;
}

#endif
