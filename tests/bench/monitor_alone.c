/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor in this process, without its sandbox, for callgrind; in a child, what is the manager
 * and the guests to it.
 *
 * usage: monitor-alone CHANNELS REQUESTS	one outstanding, each changes a frequency
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/monitor/channel_monitor.h"
#include "tests/bench/bench_frame.h"

#define MOST_CHANNELS 16000u
#define MOST_FREQUENCY_DOMAINS 1000u
#define DOMAIN_CHANNELS 64u
#define N_STEPS 7u

static struct link_message message;
static int guests[MOST_CHANNELS];

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void tell(int link_fd, const int *fds, unsigned int n_fds)
{
	if (unix_send(link_fd, &message, link_size(&message), fds, n_fds, 0) < 0)
		die("link");
}

static void await(int link_fd, enum link_type type)
{
	unsigned int n_fds = UNIX_MAX_FDS;
	int fds[UNIX_MAX_FDS];

	if (unix_receive(link_fd, &message, sizeof(message), fds, &n_fds, 0) <= 0 ||
	    message.type != type)
		die("the monitor did not say what it should");
}

static void set_up(int link_fd)
{
	int state = memfd_create("state", MFD_CLOEXEC);

	if (state < 0 || ftruncate(state, sizeof(struct shared_state)) < 0)
		die("state");
	await(link_fd, LINK_HELLO);
	await(link_fd, LINK_HELLO_END);
	message = (struct link_message){.type = LINK_SETUP, .setup.version = LINK_VERSION};
	tell(link_fd, &state, 1);
	(void)close(state);
	await(link_fd, LINK_READY);
}

static void add_frequency_domain(int link_fd, uint32_t id)
{
	message = (struct link_message){.type = LINK_FREQUENCY_DOMAIN_SET};
	message.frequency_domain.id = id;
	message.frequency_domain.method = METHOD_SETSPEED;
	message.frequency_domain.table.n_steps = N_STEPS;
	message.frequency_domain.table.non_turbo = N_STEPS - 1;
	message.frequency_domain.ceiling = N_STEPS - 1;
	for (uint32_t i = 0; i < N_STEPS; i++)
		message.frequency_domain.table.khz[i] = 1200000 + i * 400000;
	tell(link_fd, NULL, 0);
}

static void add_channel(int link_fd, uint32_t i)
{
	uint32_t domain = i / DOMAIN_CHANNELS, vcpu = i % DOMAIN_CHANNELS;
	int pair[2];

	if (vcpu == 0) {
		message = (struct link_message){.type = LINK_DOMAIN_ADD};
		message.domain.id = domain;
		message.domain.n_vcpus = DOMAIN_CHANNELS;
		message.domain.settings.turbo = 1;
		message.domain.settings.queries = 1;
		message.domain.settings.commands = COMMANDS_ALL;
		tell(link_fd, NULL, 0);
	}
	message = (struct link_message){.type = LINK_VCPUS_SET};
	message.vcpus.domain = domain;
	message.vcpus.first = vcpu;
	message.vcpus.n = 1;
	message.vcpus.flags = VCPU_MAY_VOTE;
	cpuset_add(&message.vcpus.frequency_domains, i % MOST_FREQUENCY_DOMAINS);
	tell(link_fd, NULL, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	message = (struct link_message){.type = LINK_CHANNEL_ADD};
	message.channel.id = domain * MAX_DOMAIN_CHANNELS + vcpu;
	message.channel.number = vcpu;
	message.channel.enabled = 1;
	tell(link_fd, &pair[1], 1);
	(void)close(pair[1]);
	guests[i] = pair[0];
}

static void send_request(uint32_t channel, uint8_t unit)
{
	uint8_t frame[BENCH_FRAME_SIZE] = {0};

	frame[BENCH_VCPU_AT] = (uint8_t)(channel % DOMAIN_CHANNELS);
	frame[BENCH_UNIT_AT] = unit;
	frame[BENCH_COMMAND_AT] = BENCH_CPU_POWER;
	memcpy(frame + BENCH_NAME_AT, BENCH_NAME, sizeof(BENCH_NAME));
	if (send(guests[channel], frame, sizeof(frame), MSG_NOSIGNAL) != sizeof(frame))
		die("send");
}

static void receive_ack(uint32_t channel)
{
	uint8_t frame[BENCH_FRAME_SIZE];

	if (recv(guests[channel], frame, sizeof(frame), MSG_WAITALL) != sizeof(frame) ||
	    frame[BENCH_COMMAND_AT] != BENCH_ACK)
		die("no ACK");
}

static void give_file(int link_fd)
{
	int file = memfd_create("scaling_setspeed", MFD_CLOEXEC);
	uint32_t id;

	await(link_fd, LINK_ACQUIRE);
	id = message.id;
	message = (struct link_message){.type = LINK_ACQUIRED};
	message.acquired.frequency_domain = id;
	message.acquired.reason = ACQUIRED_ANSWER;
	tell(link_fd, &file, 1);
	(void)close(file);
}

static void drive(int link_fd, uint32_t n_channels, uint32_t n_requests)
{
	uint32_t n_domains =
		n_channels < MOST_FREQUENCY_DOMAINS ? n_channels : MOST_FREQUENCY_DOMAINS;

	set_up(link_fd);
	for (uint32_t i = 0; i < n_domains; i++)
		add_frequency_domain(link_fd, i);
	for (uint32_t i = 0; i < n_channels; i++)
		add_channel(link_fd, i);
	for (uint32_t i = 0; i < n_channels; i++) {
		send_request(i, BENCH_MIN);
		if (i < n_domains)
			give_file(link_fd);
		receive_ack(i);
	}
	for (uint32_t i = 0; i < n_requests; i++) {
		uint32_t channel = i / 2 % n_channels;

		send_request(channel, i % 2 ? BENCH_MIN : BENCH_MAX);
		receive_ack(channel);
	}
}

int main(int argc, char **argv)
{
	uint32_t n_channels, n_requests;
	struct monitor_options options = MONITOR_OPTIONS_NONE;
	int link[2], status;
	pid_t child;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: monitor-alone CHANNELS REQUESTS\n");
		return 2;
	}
	bench_raise_fd_limit();
	n_channels = (uint32_t)strtoul(argv[1], NULL, 10);
	n_requests = (uint32_t)strtoul(argv[2], NULL, 10);
	if (n_channels == 0 || n_channels > MOST_CHANNELS)
		return 2;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		die("socketpair");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		(void)close(link[1]);
		drive(link[0], n_channels, n_requests);
		_exit(0);
	}
	(void)close(link[0]);
	log_init("monitor-alone", LOG_ERR);
	options.link_fd = link[1];
	if (channel_monitor_main(&options) < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
