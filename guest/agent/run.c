/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "guest/agent/state.h"
#include "guest/port/ports.h"

/* The ports of vCPUs that are to be governed; also ports that came since. */
static void find_vcpus(struct agent *agent)
{
	struct cpuset numbers;
	unsigned int number;

	if (ports_list(agent->places->ports, &numbers) < 0)
		return;
	cpuset_for_each (number, &numbers) {
		struct vcpu *vcpu = &agent->vcpus[agent->n_vcpus];

		if (agent->n_vcpus == MAX_GOVERNED || vcpu_find(agent, number) ||
		    !guest_config_vcpus(agent->config, number))
			continue;
		vcpu->number = number;
		vcpu->port.fd = -1;
		governor_reset(&vcpu->governor);
		agent->n_vcpus++;
		if (agent->settings.floor_khz && !agent->settings.most_steps &&
		    number >= FRAME_VCPUS)
			log_warning(
				"vCPU %u stays at the maximum: with a floor, only vCPUs 0 to %d "
				"can be governed, whose frequencies the host tells. Set "
				"most-steps instead",
				number, FRAME_VCPUS - 1);
	}
}

static void take_settings(struct agent *agent)
{
	const struct guest_config *config = agent->config;

	agent->settings = (struct governor_settings){
		.target = config->target * 10,
		.saturated = config->saturated * 10,
		.margin = config->margin * 10,
		.cooldown_ns = config->cooldown_ms * NS_PER_MS,
		.floor_khz = config->floor_khz,
		.most_steps = config->most_steps,
	};
}

static int set_up_fds(struct agent *agent)
{
	uint64_t interval_ns = agent->config->interval_ms * NS_PER_MS;
	struct itimerspec timer = {.it_value.tv_nsec = 1};
	sigset_t signals;

	timer.it_interval.tv_sec = (time_t)(interval_ns / NS_PER_S);
	timer.it_interval.tv_nsec = (long)(interval_ns % NS_PER_S);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	agent->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	agent->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (agent->timer < 0 || agent->signals < 0 ||
	    timerfd_settime(agent->timer, 0, &timer, NULL) < 0)
		return -errno;
	agent->listener = unix_listen(agent->places->socket, SOCK_SEQPACKET, 0660);
	if (agent->listener == -EADDRINUSE) {
		log_error("another agent runs already (%s)", agent->places->socket);
		return -EADDRINUSE;
	}
	if (agent->listener < 0)
		log_warning("%s: %s: the tool can't speak through this agent",
			    agent->places->socket, strerror(-agent->listener));
	return 0;
}

static int set_up(struct agent *agent)
{
	int r;

	agent->vcpus = calloc(MAX_GOVERNED, sizeof(*agent->vcpus));
	agent->applications = calloc(MAX_APPLICATIONS, sizeof(*agent->applications));
	agent->proc_stat = calloc(1, sizeof(*agent->proc_stat));
	if (!agent->vcpus || !agent->applications || !agent->proc_stat)
		return -ENOMEM;
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++)
		agent->applications[i].fd = -1;
	for (uint32_t i = 0; i < MAX_CLIENTS; i++)
		agent->clients[i].fd = -1;
	agent->command.fd = agent->proc_stat->fd = -1;
	take_settings(agent);
	r = set_up_fds(agent);
	if (r == 0 && agent->config->proc_stat)
		r = proc_stat_open(agent->proc_stat, NULL);
	return r;
}

static void tear_down(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		vcpu_end(&agent->vcpus[i]);
	for (uint32_t i = 0; agent->applications && i < MAX_APPLICATIONS; i++)
		telemetry_close(&agent->applications[i]);
	for (uint32_t i = 0; i < MAX_CLIENTS; i++)
		clients_close(&agent->clients[i]);
	command_stop(&agent->command);
	if (agent->proc_stat)
		close_fd(&agent->proc_stat->fd);
	if (agent->listener >= 0)
		(void)unlink(agent->places->socket);
	close_fd(&agent->listener);
	close_fd(&agent->timer);
	close_fd(&agent->signals);
	free(agent->vcpus);
	free(agent->applications);
	free(agent->proc_stat);
}

static void tick(struct agent *agent, uint64_t now_ns)
{
	if (now_ns >= agent->look_ns) {
		find_vcpus(agent);
		measure_look(agent, now_ns);
	}
	measure_tick(agent, now_ns);
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		vcpu_step(agent, &agent->vcpus[i], now_ns);
}

/* What is waited for, in the order of struct ready. A negative fd is ignored by poll(). */
struct ready {
	struct pollfd timer, signals, listener, command;
	struct pollfd vcpus[MAX_GOVERNED], applications[MAX_APPLICATIONS], clients[MAX_CLIENTS];
};

static void watch(struct pollfd *polled, int fd)
{
	*polled = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void watch_all(const struct agent *agent, struct ready *ready)
{
	watch(&ready->timer, agent->timer);
	watch(&ready->signals, agent->signals);
	watch(&ready->listener, agent->listener);
	watch(&ready->command, agent->command.fd);
	for (uint32_t i = 0; i < MAX_GOVERNED; i++) {
		const struct vcpu *vcpu = &agent->vcpus[i];

		/* a port without a host is always ready: it is looked at once a second */
		watch(&ready->vcpus[i],
		      i < agent->n_vcpus && vcpu->state >= VCPU_IDLE ? vcpu->port.fd : -1);
	}
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++)
		watch(&ready->applications[i], agent->applications[i].fd);
	for (uint32_t i = 0; i < MAX_CLIENTS; i++)
		watch(&ready->clients[i], agent->clients[i].fd);
}

static void serve(struct agent *agent, const struct ready *ready)
{
	uint64_t now_ns = monotonic_ns(), expired;

	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++)
		if (ready->applications[i].revents)
			measure_application(agent, &agent->applications[i], now_ns);
	if (ready->command.revents)
		measure_command(agent, now_ns);
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		if (ready->vcpus[i].revents)
			vcpu_readable(agent, &agent->vcpus[i], now_ns);
	for (uint32_t i = 0; i < MAX_CLIENTS; i++)
		if (ready->clients[i].revents)
			clients_readable(agent, &agent->clients[i]);
	if (ready->listener.revents)
		clients_accept(agent);
	if (ready->timer.revents && read(agent->timer, &expired, sizeof(expired)) > 0)
		tick(agent, now_ns);
	else
		for (uint32_t i = 0; i < agent->n_vcpus; i++)
			vcpu_step(agent, &agent->vcpus[i], now_ns);
}

int agent_run(const struct guest_config *config, const struct agent_places *places)
{
	struct agent agent = {
		.config = config, .places = places, .timer = -1, .signals = -1, .listener = -1};
	struct ready ready;
	int r = set_up(&agent);

	if (r == 0)
		log_notice("measuring every %u ms", config->interval_ms);
	else if (r != -EADDRINUSE)
		log_error("can't start: %s", strerror(-r));
	while (r == 0) {
		watch_all(&agent, &ready);
		if (poll((struct pollfd *)&ready, sizeof(ready) / sizeof(struct pollfd), -1) < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (ready.signals.revents)
			break;
		serve(&agent, &ready);
	}
	tear_down(&agent);
	return r;
}

int agent_release(const struct guest_config *config, const struct agent_places *places)
{
	struct cpuset numbers;
	unsigned int number;
	int r = ports_list(places->ports, &numbers);

	if (r < 0) {
		log_error("can't list the ports: %s", strerror(-r));
		return r;
	}
	cpuset_for_each (number, &numbers) {
		struct vcpu vcpu = {.port.fd = -1};

		if (guest_config_vcpus(config, number) &&
		    port_open(places->ports, number, &vcpu.port) == 0)
			vcpu_end(&vcpu);
	}
	return 0;
}
