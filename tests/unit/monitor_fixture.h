/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole channel monitor: its loop runs in a thread, the test plays manager and guests. A memfd
 * stands for each cpufreq file. Tests wait for conditions, and fail after a deadline.
 */
#ifndef VMPOWER_TESTS_UNIT_MONITOR_FIXTURE_H
#define VMPOWER_TESTS_UNIT_MONITOR_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/link/vote.h"
#include "helper/monitor/channel_monitor.h"
#include "helper/monitor/guest/proto.h"
#include "tests/unit/guest_frame.h"

#define DEADLINE_MS 20000
#define NON_TURBO_KHZ 1500000u
#define MIN_KHZ 800000u
#define MAX_KHZ 2000000u

static struct {
	int link;   /* our end */
	int theirs; /* the monitor's end, which closes it */
	pthread_t thread;
	int status;
	bool running;
	struct shared_state *shared;
	struct link_message message;
	struct link_domain like; /* what add_domain() adds, except id, n_vcpus, name */
	uint8_t priority;	 /* of what set_frequency_domain() adds */
	uint32_t baseline_min_khz, baseline_max_khz; /* of what is acquired; 0: unknown */
	enum deciding_limit decides;
} host;

static inline void *run(void *unused)
{
	(void)unused;
	struct monitor_options options = MONITOR_OPTIONS_NONE;

	options.link_fd = host.theirs;
	host.status = channel_monitor_main(&options);
	return NULL;
}

static inline void send_fds(const int *fds, unsigned int n_fds)
{
	ck_assert_int_eq(
		unix_send(host.link, &host.message, link_size(&host.message), fds, n_fds, 0), 0);
}

/* Wait for the monitor's next message. */
static inline void receive_type(enum link_type type)
{
	struct pollfd pollfd = {.fd = host.link, .events = POLLIN};
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];

	ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
	ck_assert_int_eq(link_receive(host.link, &host.message, fds, &n_fds, LINK_TO_MANAGER), 1);
	ck_assert_uint_eq(host.message.type, type);
}

static inline void receive_id(enum link_type type, uint32_t id)
{
	receive_type(type);
	ck_assert_uint_eq(host.message.id, id);
}

static inline void start(const struct link_setup *setup)
{
	cleanup_close int fd = memfd_create("state", MFD_CLOEXEC);
	int pair[2];

	log_set_level(LOG_ERR);
	ck_assert_int_eq(ftruncate(fd, sizeof(struct shared_state)), 0);
	host.shared = mmap(NULL, sizeof(struct shared_state), PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(host.shared, MAP_FAILED);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	host.link = pair[0];
	host.theirs = pair[1];
	ck_assert_int_eq(pthread_create(&host.thread, NULL, run, NULL), 0);
	host.running = true;
	receive_type(LINK_HELLO);
	receive_type(LINK_HELLO_END);
	host.message.type = LINK_SETUP;
	host.message.setup = *setup;
	host.message.setup.version = LINK_VERSION;
	send_fds(&fd, 1);
	receive_type(LINK_READY);
}

/* Return: what channel_monitor_main() returned. */
static inline int stop(void)
{
	close_fd(&host.link);
	if (host.running)
		ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
	host.running = false;
	return host.status;
}

static inline void set_up(void)
{
	struct link_setup setup = {.settings.silence_protects = 1};

	host.like = (struct link_domain){
		.settings = {.turbo = 1, .queries = 1, .commands = COMMANDS_ALL}};
	start(&setup);
}

static inline void tear_down(void)
{
	ck_assert_int_eq(stop(), 0);
}

static inline void restart(const struct link_setup *setup)
{
	tear_down();
	start(setup);
}

/* --- what the manager says ------------------------------------------------------------ */

static inline void set_frequency_domain(uint32_t id, enum frequency_method method)
{
	struct link_frequency_domain *domain = &host.message.frequency_domain;

	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	memset(domain, 0, sizeof(*domain));
	domain->id = id;
	domain->method = method;
	domain->ceiling = 12;
	domain->priority = host.priority;
	domain->baseline_max_khz = host.baseline_max_khz;
	domain->table.n_steps = 13;
	domain->table.non_turbo = 7;
	for (uint32_t i = 0; i < 13; i++)
		domain->table.khz[i] = MIN_KHZ + i * 100000;
	send_fds(NULL, 0);
}

static inline void set_vcpu(uint32_t domain, uint32_t vcpu, uint32_t said,
			    uint32_t frequency_domain)
{
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){
		.domain = domain,
		.first = vcpu,
		.n = 1,
		.flags = VCPU_MAY_VOTE | VCPU_PROTECTED,
		.said = {said},
	};
	cpuset_add(&host.message.vcpus.frequency_domains, frequency_domain);
	send_fds(NULL, 0);
}

/* Add a domain without vCPUs, or change one to what host.like says. */
static inline void tell_domain(uint32_t id, uint32_t n_vcpus)
{
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = host.like;
	host.message.domain.id = id;
	host.message.domain.n_vcpus = n_vcpus;
	(void)snprintf(host.message.domain.name, sizeof(host.message.domain.name), "vm%u", id);
	send_fds(NULL, 0);
}

/* vCPU i of @n_vcpus runs on frequency domain @first + i */
static inline void add_domain(uint32_t id, uint32_t n_vcpus, uint32_t first)
{
	tell_domain(id, n_vcpus);
	for (uint32_t v = 0; v < n_vcpus; v++)
		set_vcpu(id, v, 0, first + v);
}

static inline void send_id(enum link_type type, uint32_t id)
{
	host.message.type = type;
	host.message.id = id;
	send_fds(NULL, 0);
}

/* Return: the guest's end. */
static inline int add_channel(uint32_t id)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	host.message.type = LINK_CHANNEL_ADD;
	host.message.channel = (struct link_channel){.id = id, .number = 1, .enabled = 1};
	send_fds(&pair[1], 1);
	(void)close(pair[1]);
	return pair[0];
}

static inline void enable_channel(uint32_t id, bool enabled)
{
	host.message.type = LINK_CHANNEL_ENABLE;
	host.message.channel = (struct link_channel){.id = id, .enabled = enabled};
	send_fds(NULL, 0);
}

static inline void send_unasked(uint32_t id, enum acquired_reason reason, int error, const int *fds,
				unsigned int n_fds)
{
	host.message.type = LINK_ACQUIRED;
	host.message.acquired = (struct link_acquired){
		.frequency_domain = id,
		.error = error,
		.reason = (uint8_t)reason,
		.baseline_min_khz = host.baseline_min_khz,
		.baseline_max_khz = host.baseline_max_khz,
		.decides = (uint8_t)host.decides,
	};
	send_fds(fds, n_fds);
}

static inline void send_acquired(uint32_t id, int error, const int *fds, unsigned int n_fds)
{
	send_unasked(id, ACQUIRED_ANSWER, error, fds, n_fds);
}

/* Answer ACQUIRE with a file, and return it. */
static inline int grant(uint32_t id)
{
	int fd = memfd_create("setspeed", MFD_CLOEXEC);

	receive_id(LINK_ACQUIRE, id);
	send_acquired(id, 0, &fd, 1);
	return fd;
}

static inline uint32_t content(int fd)
{
	char text[32] = "";

	ck_assert_int_ge(pread(fd, text, sizeof(text) - 1, 0), 0);
	return (uint32_t)strtoul(text, NULL, 10);
}

#define wait_until(condition)                                                                      \
	do {                                                                                       \
		int64_t _deadline = monotonic_ms() + DEADLINE_MS;                                  \
		while (!(condition)) {                                                             \
			ck_assert_msg(monotonic_ms() < _deadline, "%s", #condition);               \
			(void)sched_yield();                                                       \
		}                                                                                  \
	} while (0)

/* --- what guests say ------------------------------------------------------------------ */

static inline void send_bytes(int guest, const void *bytes, size_t size)
{
	ck_assert_int_eq(send(guest, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static inline void send_command(int guest, uint32_t command, uint32_t unit, uint32_t vcpu)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_tagged_frame(frame, sizeof(frame), command, unit, vcpu);
	send_bytes(guest, frame, sizeof(frame));
}

static inline void request(int guest, enum guest_unit unit, uint32_t vcpu)
{
	send_command(guest, GUEST_CPU_POWER, unit, vcpu);
}

static inline void read_bytes(int guest, uint8_t *bytes, size_t size)
{
	struct pollfd pollfd = {.fd = guest, .events = POLLIN};

	for (size_t n = 0; n < size;) {
		ssize_t r;

		ck_assert_msg(poll(&pollfd, 1, DEADLINE_MS) == 1, "no reply");
		r = recv(guest, bytes + n, size - n, 0);
		ck_assert_int_gt(r, 0);
		n += (size_t)r;
	}
}

/* Return: the command of the next reply, which must be an echo. */
static inline uint32_t reply(int guest)
{
	uint8_t frame[GUEST_FRAME_G3];

	read_bytes(guest, frame, sizeof(frame));
	return guest_frame_command(frame);
}

/* Send a request and expect this reply. */
#define ask(guest, unit, vcpu, answer)                                                             \
	do {                                                                                       \
		request(guest, unit, vcpu);                                                        \
		ck_assert_uint_eq(reply(guest), answer);                                           \
	} while (0)

/* Make the first request for a frequency domain, and return the file granted to the monitor. */
static inline int ask_and_grant(int guest, enum guest_unit unit, uint32_t vcpu, uint32_t id)
{
	int file;

	ask(guest, unit, vcpu, GUEST_ACK);
	file = grant(id);
	wait_until(content(file) != 0);
	return file;
}

/* Add a domain with one vCPU on frequency domain 0. Return: the guest's end of its channel. */
static inline int one_guest(enum frequency_method method, uint32_t channel)
{
	set_frequency_domain(0, method);
	add_domain(0, 1, 0);
	return add_channel(channel);
}

/* As published, in kHz on the frequency domains that set_frequency_domain() makes. */
static inline uint32_t voted_khz(uint32_t domain, uint32_t vcpu)
{
	const struct vote_range range = {.high = 12, .non_turbo = 7};
	struct vote vote;

	ck_assert(vote_unpack(shared_load(host.shared->vcpus[domain][vcpu].said), &vote));
	return vote.from == VOTE_NONE ? 0 : MIN_KHZ + vote_step(&vote, &range) * 100000;
}

static inline bool silent(int guest)
{
	struct pollfd pollfd = {.fd = guest, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 0;
}

/* Wait until the monitor has handled everything sent so far. */
static inline void settle(void)
{
	/* the monitor reports a hang-up after it has handled what came before */
	int guest = add_channel(MAX_DOMAIN_CHANNELS - 1);

	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, MAX_DOMAIN_CHANNELS - 1);
}

#endif
