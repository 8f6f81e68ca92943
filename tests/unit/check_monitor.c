// SPDX-License-Identifier: BSD-3-Clause
/*
 * The whole channel monitor: its loop runs in a thread, the test is manager and guests. A
 * memfd stands for each cpufreq file. Waiting is for conditions, with a deadline to fail by.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "channel_monitor.h"
#include "cleanup.h"
#include "guest_proto.h"
#include "link.h"
#include "log.h"
#include "unix_socket.h"

#define DEADLINE_MS 20000
#define NON_TURBO_KHZ 1500000u
#define MIN_KHZ 800000u
#define MAX_KHZ 2000000u

static struct {
	int link; /* our end; the monitor's is theirs */
	int theirs;
	pthread_t thread;
	int status;
	bool running;
	struct shared_state *shared;
	struct link_message message;
} host;

static void *run(void *unused)
{
	(void)unused;
	host.status = channel_monitor_main(host.theirs);
	return NULL;
}

static void send_fds(const int *fds, unsigned int n_fds)
{
	ck_assert_int_eq(
		unix_send(host.link, &host.message, link_size(&host.message), fds, n_fds, 0), 0);
}

/* Wait for the next message of the monitor. */
static void receive_type(enum link_type type)
{
	struct pollfd pollfd = {.fd = host.link, .events = POLLIN};
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];

	ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
	ck_assert_int_eq(link_receive(host.link, &host.message, fds, &n_fds, LINK_TO_MANAGER), 1);
	ck_assert_uint_eq(host.message.type, type);
}

static void receive_id(enum link_type type, uint32_t id)
{
	receive_type(type);
	ck_assert_uint_eq(host.message.id, id);
}

static void start(const struct link_setup *setup)
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
	host.message.type = LINK_SETUP;
	host.message.setup = *setup;
	send_fds(&fd, 1);
	receive_type(LINK_READY);
}

/* Return: what channel_monitor_main() returned. */
static int stop(void)
{
	close_fd(&host.link);
	if (host.running)
		ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
	host.running = false;
	close_fd(&host.theirs);
	return host.status;
}

static void set_up(void)
{
	struct link_setup setup = {.silence_protects = 1, .queries = 1};

	start(&setup);
}

static void tear_down(void)
{
	ck_assert_int_eq(stop(), 0);
}

static void restart(const struct link_setup *setup)
{
	tear_down();
	start(setup);
}

/* --- what the manager says ------------------------------------------------------------ */

static void set_frequency_domain(uint32_t id, enum frequency_method method)
{
	struct link_frequency_domain *domain = &host.message.frequency_domain;

	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	memset(domain, 0, sizeof(*domain));
	domain->id = id;
	domain->method = method;
	domain->ceiling = 12;
	domain->table.n_steps = 13;
	domain->table.non_turbo = 7;
	for (uint32_t i = 0; i < 13; i++)
		domain->table.khz[i] = MIN_KHZ + i * 100000;
	send_fds(NULL, 0);
}

static void set_vcpu(uint32_t domain, uint32_t vcpu, uint32_t vote_khz, uint32_t frequency_domain)
{
	host.message.type = LINK_VCPU_SET;
	host.message.vcpu.domain = domain;
	host.message.vcpu.vcpu = vcpu;
	host.message.vcpu.flags = VCPU_MAY_VOTE | VCPU_PROTECTED;
	host.message.vcpu.vote_khz = vote_khz;
	host.message.vcpu.n_frequency_domains = 1;
	host.message.vcpu.frequency_domains[0] = frequency_domain;
	send_fds(NULL, 0);
}

/* vCPU i of @n_vcpus runs on frequency domain @first + i */
static void add_domain(uint32_t id, uint32_t n_vcpus, uint32_t first)
{
	host.message.type = LINK_DOMAIN_ADD;
	memset(&host.message.domain, 0, sizeof(host.message.domain));
	host.message.domain.id = id;
	host.message.domain.n_vcpus = n_vcpus;
	host.message.domain.turbo = 1;
	(void)snprintf(host.message.domain.name, sizeof(host.message.domain.name), "vm%u", id);
	send_fds(NULL, 0);
	for (uint32_t v = 0; v < n_vcpus; v++)
		set_vcpu(id, v, 0, first + v);
}

static void send_id(enum link_type type, uint32_t id)
{
	host.message.type = type;
	host.message.id = id;
	send_fds(NULL, 0);
}

/* Return: the guest's end. */
static int add_channel(uint32_t id)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	host.message.type = LINK_CHANNEL_ADD;
	host.message.channel = (struct link_channel){.id = id, .number = 1, .enabled = 1};
	send_fds(&pair[1], 1);
	(void)close(pair[1]);
	return pair[0];
}

static void enable_channel(uint32_t id, bool enabled)
{
	host.message.type = LINK_CHANNEL_ENABLE;
	host.message.channel = (struct link_channel){.id = id, .enabled = enabled};
	send_fds(NULL, 0);
}

static void send_acquired(uint32_t id, int error, const int *fds, unsigned int n_fds)
{
	host.message.type = LINK_ACQUIRED;
	host.message.acquired = (struct link_acquired){.frequency_domain = id, .error = error};
	send_fds(fds, n_fds);
}

/* Answer ACQUIRE with a file. Return: the file. */
static int grant(uint32_t id)
{
	int fd = memfd_create("setspeed", MFD_CLOEXEC);

	receive_id(LINK_ACQUIRE, id);
	send_acquired(id, 0, &fd, 1);
	return fd;
}

static uint32_t content(int fd)
{
	char text[32] = "";

	ck_assert_int_ge(pread(fd, text, sizeof(text) - 1, 0), 0);
	return (uint32_t)strtoul(text, NULL, 10);
}

/* --- what guests say ------------------------------------------------------------------ */

static void put32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static void make_frame(uint8_t *frame, size_t size, uint32_t command, uint32_t unit, uint32_t vcpu)
{
	memset(frame, 0, size);
	put32(frame, vcpu);
	put32(frame + 8, unit);
	put32(frame + 12, command);
}

static void send_bytes(int guest, const void *bytes, size_t size)
{
	ck_assert_int_eq(send(guest, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void send_command(int guest, uint32_t command, uint32_t unit, uint32_t vcpu)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_frame(frame, sizeof(frame), command, unit, vcpu);
	send_bytes(guest, frame, sizeof(frame));
}

static void request(int guest, enum guest_unit unit, uint32_t vcpu)
{
	send_command(guest, GUEST_CPU_POWER, unit, vcpu);
}

static void read_bytes(int guest, uint8_t *bytes, size_t size)
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
static uint32_t reply(int guest)
{
	uint8_t frame[GUEST_FRAME_G3];

	read_bytes(guest, frame, sizeof(frame));
	return guest_frame_command(frame);
}

static bool silent(int guest)
{
	struct pollfd pollfd = {.fd = guest, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#define wait_until(condition)                                                                      \
	do {                                                                                       \
		uint64_t _deadline = now_ms() + DEADLINE_MS;                                       \
		while (!(condition)) {                                                             \
			ck_assert_msg(now_ms() < _deadline, "%s", #condition);                     \
			(void)sched_yield();                                                       \
		}                                                                                  \
	} while (0)

/* Everything that was sent to the monitor so far is done when this returns. */
static void settle(void)
{
	/* a channel that hangs up is reported: behind all that was asked for before */
	int guest = add_channel(MAX_DOMAIN_CHANNELS - 1);

	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, MAX_DOMAIN_CHANNELS - 1);
}

/* --- tests ---------------------------------------------------------------------------- */

START_TEST(acquires_writes_answers)
{
	int guest, file;

	set_frequency_domain(5, METHOD_SETSPEED);
	add_domain(0, 1, 5);
	guest = add_channel(3);
	send_command(guest, GUEST_CONNECT, 0, 0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 5);
	ck_assert(silent(guest));
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(5, 0, &file, 1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].target_khz, MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_voters, 1);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_writes, 1);
	ck_assert_uint_eq(host.shared->vcpus[0][0].vote_khz, MIN_KHZ);
	request(guest, GUEST_SCALE_UP, 0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
	request(guest, GUEST_SCALE_MAX, 0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MAX_KHZ);
	settle();
	ck_assert_uint_eq(host.shared->channels[3].requests, 4);
	ck_assert_uint_eq(host.shared->channels[3].acks, 3);
	ck_assert_uint_eq(host.shared->channels[3].nacks, 0);
	/* all channels gone: votes vanish, the file is given back */
	send_id(LINK_DOMAIN_SILENCE, 0);
	receive_id(LINK_RELEASE, 5);
	ck_assert_uint_eq(host.shared->frequency_domains[5].target_khz, 0);
	ck_assert_uint_eq(host.shared->vcpus[0][0].vote_khz, 0);
}
END_TEST

START_TEST(echoes_the_request)
{
	uint8_t sent[GUEST_FRAME_G3], received[GUEST_FRAME_G3];
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	make_frame(sent, sizeof(sent), GUEST_CPU_POWER, GUEST_DISABLE_TURBO, 0);
	memcpy(sent + 16, "a name of no meaning", 21);
	send_bytes(guest, sent, sizeof(sent));
	read_bytes(guest, received, sizeof(received)); /* no vote: nothing to acquire */
	ck_assert_mem_eq(sent, received, sizeof(sent));
	request(guest, GUEST_SCALE_MAX, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ);
	/* 460 bytes from a 32-bit guest, 460 bytes back */
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 0);
	guest = add_channel(0);
	make_frame(sent, GUEST_FRAME_G3_I386, GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
	send_bytes(guest, sent, GUEST_FRAME_G3_I386);
	read_bytes(guest, received, GUEST_FRAME_G3_I386);
	ck_assert_mem_eq(sent, received, GUEST_FRAME_G3_I386);
	settle();
	ck_assert(silent(guest));
}
END_TEST

START_TEST(sixteen_frames_one_write)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   i == 7 ? GUEST_SCALE_DOWN : GUEST_SCALE_UP, i == 9 ? 1 : 0);
	send_bytes(guest, frames, sizeof(frames));
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(reply(guest), i == 9 ? GUEST_NACK : GUEST_ACK);
	ck_assert_uint_eq(content(file), MAX_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_writes, 2);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSED_VCPU - 1], 1);
}
END_TEST

START_TEST(puts_pieces_together)
{
	static const size_t pieces[] = {1, 200, 263, 464, 100, 828};
	uint8_t frames[4 * GUEST_FRAME_G3];
	size_t at = 0;
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	send_command(guest, GUEST_CONNECT, 0, 0);
	for (size_t i = 0; i < 4; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_MAX, 7);
	for (size_t i = 0; i < array_size(pieces); i++) {
		send_bytes(guest, frames + at, pieces[i]);
		at += pieces[i];
		settle();
	}
	ck_assert_uint_eq(at, sizeof(frames));
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_eq(host.shared->channels[0].resyncs, 0);
}
END_TEST

START_TEST(gives_up_a_piece_never_the_channel)
{
	uint8_t frame[GUEST_FRAME_G3];
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MAX, 7);
	for (uint32_t i = 1; i <= 2; i++) {
		send_bytes(guest, frame, 100);
		wait_until(shared_load(host.shared->channels[0].resyncs) == i);
		send_bytes(guest, frame, sizeof(frame));
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	}
}
END_TEST

START_TEST(old_guests_vote_unanswered)
{
	static const size_t sizes[] = {GUEST_FRAME_G1, GUEST_FRAME_G2};

	for (uint32_t i = 0; i < array_size(sizes); i++) {
		uint8_t frame[GUEST_FRAME_G2];
		int guest, file;

		set_frequency_domain(i, METHOD_SETSPEED);
		add_domain(i, 1, i);
		guest = add_channel(i * MAX_DOMAIN_CHANNELS);
		make_frame(frame, sizes[i], GUEST_CONNECT, 0, 0);
		send_bytes(guest, frame, sizes[i]);
		make_frame(frame, sizes[i], GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
		send_bytes(guest, frame, sizes[i]);
		file = grant(i);
		wait_until(content(file) == MIN_KHZ);
		settle();
		ck_assert(silent(guest));
		ck_assert_uint_eq(host.shared->channels[i * MAX_DOMAIN_CHANNELS].acks, 1);
	}
}
END_TEST

START_TEST(drains_before_it_lets_go)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(7);
	request(guest, GUEST_SCALE_MIN, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_DOWN, 0);
	for (int i = 0; i < 5; i++)
		send_bytes(guest, frames, sizeof(frames));
	request(guest, GUEST_SCALE_MAX, 0);
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 7);
	ck_assert_uint_eq(content(file), MAX_KHZ);
	ck_assert_uint_eq(host.shared->channels[7].requests, 1 + 5 * 16 + 1);
	/* the manager may speak of it before it has heard */
	send_id(LINK_CHANNEL_REMOVE, 7);
	enable_channel(7, true);
	guest = add_channel(7);
	request(guest, GUEST_SCALE_MIN, 0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
}
END_TEST

START_TEST(silence_protects)
{
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	add_domain(1, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_silent, 1);
	send_id(LINK_DOMAIN_REMOVE, 1);
	wait_until(content(file) == MIN_KHZ);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
}
END_TEST

START_TEST(failed_write_is_nacked_and_tried_again)
{
	cleanup_close int file = memfd_create("setspeed", MFD_CLOEXEC), broken = -1;
	char path[64];
	int guest;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	broken = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(broken, 0);
	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	set_vcpu(0, 1, 0, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, &broken, 1);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_type(LINK_WRITE_FAILED);
	ck_assert_int_eq(host.message.write_failed.error, -EBADF);
	ck_assert_uint_eq(host.message.write_failed.khz, NON_TURBO_KHZ);
	request(guest, GUEST_SCALE_MIN, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_failures, 2);
	ck_assert_int_eq(host.shared->frequency_domains[0].last_error, -EBADF);
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSED_WRITE - 1], 2);
	/* new files, and the target is written without being asked for; told once, not twice */
	send_acquired(0, 0, &file, 1);
	wait_until(content(file) == NON_TURBO_KHZ);
	settle();
	request(guest, GUEST_SCALE_MAX, 0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_int_eq(host.shared->frequency_domains[0].last_error, 0);
}
END_TEST

START_TEST(parked_channels_hold_nobody_up)
{
	int waiting, served, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	waiting = add_channel(0);
	served = add_channel(1);
	request(waiting, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	request(waiting, GUEST_SCALE_UP, 0);
	request(served, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(served), GUEST_ACK);
	ck_assert(silent(waiting));
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(0, 0, &file, 1);
	ck_assert_uint_eq(reply(waiting), GUEST_ACK);
	ck_assert_uint_eq(reply(waiting), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
}
END_TEST

START_TEST(order_is_kept_around_a_wait)
{
	uint8_t frames[5 * GUEST_FRAME_G3];
	static const uint32_t vcpus[] = {9, 0, 9, 1, 9}; /* 9 is refused at once */
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(0);
	for (size_t i = 0; i < 5; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_MIN, vcpus[i]);
	send_bytes(guest, frames, sizeof(frames));
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	(void)grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_id(LINK_ACQUIRE, 1);
	ck_assert(silent(guest));
	send_acquired(1, -EBUSY, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSED_ACQUIRE - 1], 1);
	/* the next request tries again */
	request(guest, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
}
END_TEST

/* A vCPU on several frequency domains: all or none. */
START_TEST(several_frequency_domains)
{
	int guest, files[2];

	for (uint32_t i = 0; i < 2; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	host.message.type = LINK_VCPU_SET;
	host.message.vcpu = (struct link_vcpu){
		.flags = VCPU_MAY_VOTE, .n_frequency_domains = 2, .frequency_domains = {0, 1}};
	send_fds(NULL, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	files[0] = grant(0);
	receive_id(LINK_ACQUIRE, 1);
	ck_assert(silent(guest));
	send_acquired(1, -EIO, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_id(LINK_RELEASE, 0); /* it was acquired for nothing */
	request(guest, GUEST_SCALE_MIN, 0);
	for (uint32_t i = 0; i < 2; i++)
		files[i] = grant(i);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_uint_eq(content(files[i]), MIN_KHZ);
}
END_TEST

START_TEST(late_answer_is_given_back)
{
	int guest, file = memfd_create("setspeed", MFD_CLOEXEC);

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_id(LINK_CHANNEL_REMOVE, 0);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	ck_assert_uint_eq(content(file), 0);
	/* the same with the whole domain, and with hanging up while parked */
	guest = add_channel(1);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_id(LINK_DOMAIN_REMOVE, 0);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	add_domain(0, 1, 0);
	guest = add_channel(2);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	(void)close(guest);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_CHANNEL_GONE, 2);
	ck_assert_uint_eq(content(file), MIN_KHZ); /* what it said before it went counts */
}
END_TEST

START_TEST(pinned_anew_while_waiting)
{
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	set_vcpu(0, 0, 0, 1);
	file = grant(1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	/* and once it has voted the vote moves along */
	set_vcpu(0, 0, 0, 0);
	receive_id(LINK_RELEASE, 1);
	file = grant(0);
	wait_until(content(file) == MIN_KHZ);
}
END_TEST

START_TEST(takes_votes_over)
{
	int file, guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = (struct link_domain){.n_vcpus = 1, .turbo = 1, .name = "vm"};
	send_fds(NULL, 0);
	set_vcpu(0, 0, 1200000, 0);
	/* it failed, and yet the vote counts as soon as a request gets it going again */
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EAGAIN, NULL, 0);
	ck_assert_uint_eq(shared_load(host.shared->vcpus[0][0].vote_khz), 1200000);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_UP, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), 1300000);
}
END_TEST

START_TEST(more_parked_than_slots)
{
	enum { CHANNELS = 100 };
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guests[CHANNELS], other, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	for (uint32_t d = 0; d < CHANNELS / 10; d++)
		add_domain(d, 1, 0);
	add_domain(50, 1, 1);
	other = add_channel(50 * MAX_DOMAIN_CHANNELS);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_MIN, 0);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		guests[i] = add_channel(i / 10 * MAX_DOMAIN_CHANNELS + i % 10);
		send_bytes(guests[i], frames, sizeof(frames));
	}
	receive_id(LINK_ACQUIRE, 0);
	/* no slot is left, and yet others are served */
	send_bytes(other, frames, sizeof(frames));
	(void)grant(1);
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(reply(other), GUEST_ACK);
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(0, 0, &file, 1);
	for (uint32_t i = 0; i < CHANNELS; i++)
		for (size_t f = 0; f < 16; f++)
			ck_assert_uint_eq(reply(guests[i]), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_voters, CHANNELS / 10);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		uint32_t command, unit, vcpu;
		bool physical, answered;
		enum refusal refusal;
	} cases[] = {
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 3, false, true, REFUSED_VCPU},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 0xffffffff, false, true, REFUSED_VCPU},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 0, true, true, REFUSED_PHYSICAL},
		{GUEST_CPU_POWER, 7, 0, false, true, REFUSED_UNIT},
		{GUEST_CPU_POWER, 0, 0, false, true, REFUSED_UNIT},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 1, false, true, REFUSED_UNPINNED},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 2, false, true, REFUSED_NO_CPUFREQ},
		{GUEST_POLICY, 0, 0, false, true, REFUSED_COMMAND},
		{GUEST_POLICY, 0, 0, true, true, REFUSED_PHYSICAL},
		{GUEST_POLICY_REMOVE, 0, 0, false, false, REFUSED_COMMAND},
		{5, 0, 0, false, true, REFUSED_COMMAND},
		{0xffffffff, 0, 0, false, true, REFUSED_COMMAND},
		{GUEST_QUERY_FREQ, 0, 8, false, false, REFUSED_VCPU},
	};
	uint32_t expected[N_REFUSALS] = {0};
	int guest;

	for (uint32_t i = 0; i < 3; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 3, 0);
	host.message.type = LINK_VCPU_SET;
	host.message.vcpu = (struct link_vcpu){.vcpu = 1, .flags = VCPU_PROTECTED};
	send_fds(NULL, 0);
	host.message.vcpu = (struct link_vcpu){.vcpu = 2, .flags = VCPU_MAY_VOTE};
	send_fds(NULL, 0);
	guest = add_channel(0);
	send_command(guest, GUEST_CONNECT, 0, 0);
	for (size_t i = 0; i < array_size(cases); i++) {
		uint8_t frame[GUEST_FRAME_G3];

		make_frame(frame, sizeof(frame), cases[i].command, cases[i].unit, cases[i].vcpu);
		frame[444] = cases[i].physical;
		send_bytes(guest, frame, sizeof(frame));
		expected[cases[i].refusal]++;
		if (cases[i].answered)
			ck_assert_uint_eq(reply(guest), GUEST_NACK);
	}
	settle();
	ck_assert(silent(guest));
	for (int r = 1; r < N_REFUSALS; r++)
		ck_assert_uint_eq(host.shared->channels[0].refused[r - 1], expected[r]);
	ck_assert_uint_eq(host.shared->channels[0].nacks, array_size(cases));
	ck_assert_uint_eq(host.shared->channels[0].requests, array_size(cases) + 1);
	ck_assert_uint_eq(host.shared->channels[0].resyncs, 0);
}
END_TEST

START_TEST(disabled_channel)
{
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	enable_channel(0, false);
	settle();
	request(guest, GUEST_SCALE_MAX, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSED_DENIED - 1], 1);
	enable_channel(0, true);
	settle();
	request(guest, GUEST_SCALE_MAX, 0);
	(void)grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
}
END_TEST

START_TEST(queries)
{
	uint8_t bytes[184];
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	send_command(guest, GUEST_QUERY_FREQ_LIST, 0, 0);
	read_bytes(guest, bytes, 88);
	ck_assert_uint_eq(guest_frame_command(bytes), GUEST_FREQ_LIST);
	ck_assert_uint_eq(guest_load32(bytes + 48), 0); /* not ours */
	ck_assert_uint_eq(guest_load32(bytes + 52), MIN_KHZ);
	ck_assert_uint_eq(bytes[80], 2);
	send_command(guest, GUEST_QUERY_CAPS, 0, 1);
	read_bytes(guest, bytes, 184);
	ck_assert_uint_eq(guest_frame_command(bytes), GUEST_CAPS_LIST);
	ck_assert_uint_eq(bytes[48], 0); /* not asked for */
	ck_assert_uint_eq(bytes[56], 1);
	ck_assert_uint_eq(bytes[176], 2);
}
END_TEST

START_TEST(denied_queries_get_no_reply)
{
	struct link_setup deny = {0};
	int guest;

	restart(&deny);
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	send_command(guest, GUEST_QUERY_FREQ_LIST, 0, 0);
	request(guest, GUEST_SCALE_MIN, 9);
	ck_assert_uint_eq(reply(guest), GUEST_NACK); /* the first thing that comes back */
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSED_DENIED - 1], 1);
}
END_TEST

START_TEST(limits_method)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	int guest;

	ck_assert_int_eq(pwrite(files[0], "800000\n", 7, 0), 7);
	ck_assert_int_eq(pwrite(files[1], "2000000\n", 8, 0), 8);
	set_frequency_domain(0, METHOD_LIMITS);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_DOWN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	for (int i = 0; i < 3; i++) {
		static const uint32_t khz[] = {1400000, MAX_KHZ, MIN_KHZ};
		static const enum guest_unit next[] = {GUEST_SCALE_MAX, GUEST_SCALE_MIN};

		ck_assert_uint_eq(reply(guest), GUEST_ACK);
		ck_assert_uint_eq(content(files[0]), khz[i]);
		ck_assert_uint_eq(content(files[1]), khz[i]);
		if (i < 2)
			request(guest, next[i], 0);
	}
}
END_TEST

START_TEST(unread_replies_are_dropped)
{
	uint8_t frame[GUEST_FRAME_G3];
	uint32_t n = 0;
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 9);
	for (; n < 1000; n++)
		send_bytes(guest, frame, sizeof(frame)); /* blocks while the monitor is behind */
	wait_until(shared_load(host.shared->channels[0].requests) == n);
	settle();
	ck_assert_uint_gt(host.shared->channels[0].dropped_replies, 500);
	/* nothing was cut, and once all is read replies come again */
	while (n > host.shared->channels[0].dropped_replies) {
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
		n--;
	}
	ck_assert(silent(guest));
	request(guest, GUEST_SCALE_MIN, 9);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
}
END_TEST

START_TEST(throttled_not_lost)
{
	struct link_setup setup = {.rate = 1000, .burst = 10};
	int guest;

	restart(&setup);
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_gt(shared_load(host.shared->channels[0].throttled), 0);
	/* hung up while it is throttled: the rest is still read */
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 0);
	ck_assert_uint_eq(host.shared->channels[0].requests, 120);
}
END_TEST

START_TEST(last_vote_is_written_after_the_interval)
{
	struct link_setup setup = {.transition_interval_us = 200000};
	int guest, file;

	restart(&setup);
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (int i = 0; i < 5; i++)
		request(guest, GUEST_SCALE_UP, 0);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(reply(guest), GUEST_ACK);
	wait_until(content(file) == MIN_KHZ + 500000);
	settle();
	/* the first, the last, and on a slow machine not many more */
	ck_assert_uint_lt(host.shared->frequency_domains[0].n_writes, 6);
}
END_TEST

START_TEST(notices_wait_for_room)
{
	enum { DOMAINS = 16, EACH = 62 };
	int guests[DOMAINS * EACH];
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	set_frequency_domain(0, METHOD_SETSPEED);
	for (uint32_t d = 0; d < DOMAINS; d++) {
		add_domain(d, 1, 0);
		for (uint32_t i = 0; i < EACH; i++)
			guests[d * EACH + i] = add_channel(d * MAX_DOMAIN_CHANNELS + i);
	}
	settle();
	/* far more than the link holds, and nobody reads it */
	for (size_t i = 0; i < array_size(guests); i++) {
		request(guests[i], GUEST_SCALE_MIN, 9);
		(void)close(guests[i]);
	}
	for (uint32_t d = 0; d < DOMAINS; d++)
		for (uint32_t i = 0; i < EACH; i++)
			wait_until(shared_load(host.shared->channels[d * MAX_DOMAIN_CHANNELS + i]
						       .requests) == 1);
	for (size_t i = 0; i < array_size(guests); i++)
		receive_type(LINK_CHANNEL_GONE);
	settle();
}
END_TEST

/* Whatever the manager says that can't be, the monitor ends, to be started anew. */
START_TEST(ends_on_nonsense)
{
	int fd = -1;

	switch (_i) {
	case 0: /* no such domain */
		send_id(LINK_DOMAIN_REMOVE, 7);
		break;
	case 1:
		set_vcpu(7, 0, 0, 0);
		break;
	case 2: /* no such frequency domain */
		add_domain(0, 1, 9);
		break;
	case 3: /* a channel twice */
		set_frequency_domain(0, METHOD_SETSPEED);
		add_domain(0, 1, 0);
		fd = add_channel(0);
		(void)add_channel(0);
		break;
	case 4:
		send_acquired(3, -EIO, NULL, 0);
		break;
	case 5: /* set up twice */
		fd = memfd_create("x", MFD_CLOEXEC);
		host.message.type = LINK_SETUP;
		send_fds(&fd, 1);
		break;
	case 6:
		ck_assert_int_eq(send(host.link, "nonsense", 8, 0), 8);
		break;
	case 7: /* a file too many for the method */
	{
		int files[2] = {memfd_create("x", MFD_CLOEXEC), memfd_create("y", MFD_CLOEXEC)};

		set_frequency_domain(0, METHOD_SETSPEED);
		add_domain(0, 1, 0);
		fd = add_channel(0);
		request(fd, GUEST_SCALE_MIN, 0);
		receive_id(LINK_ACQUIRE, 0);
		send_acquired(0, 0, files, 2);
		break;
	}
	default:
		break;
	}
	ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
	host.running = false;
	ck_assert_int_lt(host.status, 0);
	host.status = 0; /* for tear_down() */
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("monitor");
	TCase *tcase = tcase_create("monitor");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, acquires_writes_answers);
	tcase_add_test(tcase, echoes_the_request);
	tcase_add_test(tcase, sixteen_frames_one_write);
	tcase_add_test(tcase, puts_pieces_together);
	tcase_add_test(tcase, gives_up_a_piece_never_the_channel);
	tcase_add_test(tcase, old_guests_vote_unanswered);
	tcase_add_test(tcase, drains_before_it_lets_go);
	tcase_add_test(tcase, silence_protects);
	tcase_add_test(tcase, failed_write_is_nacked_and_tried_again);
	tcase_add_test(tcase, parked_channels_hold_nobody_up);
	tcase_add_test(tcase, order_is_kept_around_a_wait);
	tcase_add_test(tcase, several_frequency_domains);
	tcase_add_test(tcase, late_answer_is_given_back);
	tcase_add_test(tcase, pinned_anew_while_waiting);
	tcase_add_test(tcase, takes_votes_over);
	tcase_add_test(tcase, more_parked_than_slots);
	tcase_add_test(tcase, refuses);
	tcase_add_test(tcase, disabled_channel);
	tcase_add_test(tcase, queries);
	tcase_add_test(tcase, denied_queries_get_no_reply);
	tcase_add_test(tcase, limits_method);
	tcase_add_test(tcase, unread_replies_are_dropped);
	tcase_add_test(tcase, throttled_not_lost);
	tcase_add_test(tcase, last_vote_is_written_after_the_interval);
	tcase_add_test(tcase, notices_wait_for_room);
	tcase_add_loop_test(tcase, ends_on_nonsense, 0, 8);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(make_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
