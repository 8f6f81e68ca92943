/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sensor speaks for which vCPU, and who is silent. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "guest/agent/state.h"

#define SOCKET "dpdk_telemetry.v2" /* a number follows where several share a directory */
#define MOST_DIRECTORIES 8

static bool telemetry_speaks_for(const struct agent *agent, unsigned int number)
{
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++)
		if (agent->applications[i].fd >= 0 &&
		    telemetry_covers(&agent->applications[i], number))
			return true;
	return false;
}

static bool has_command(const struct agent *agent)
{
	return strcmp(agent->config->command, "none") != 0;
}

static void read_proc_stat(struct agent *agent, uint64_t now_ns)
{
	struct proc_stat *stat = agent->proc_stat;
	bool needed = false;
	int r;

	for (uint32_t i = 0; i < agent->n_vcpus && !needed; i++)
		needed = !agent->vcpus[i].command_ns &&
			 !telemetry_speaks_for(agent, agent->vcpus[i].number);
	if (!needed) {
		stat->again = false; /* what it counted meanwhile is too old to compare with */
		return;
	}
	agent->proc_stat_ns = now_ns + PROC_STAT_INTERVAL_MS * NS_PER_MS - 2 * NS_PER_MS;
	r = proc_stat_read(stat, now_ns);
	if (r < 0 && !agent->proc_stat_told)
		log_warning("/proc/stat: %s", strerror(-r));
	agent->proc_stat_told = r < 0;
	for (uint32_t i = 0; r == 1 && i < agent->n_vcpus; i++) {
		struct vcpu *vcpu = &agent->vcpus[i];

		if (vcpu->number < PROC_STAT_CPUS && stat->measured[vcpu->number] &&
		    !vcpu->command_ns && !telemetry_speaks_for(agent, vcpu->number))
			vcpu_measured(agent, vcpu, SENSOR_PROC_STAT, stat->permille[vcpu->number],
				      stat->from_ns, stat->to_ns);
	}
}

static void start_command(struct agent *agent, uint64_t now_ns)
{
	int r;

	if (!has_command(agent) || agent->command.fd >= 0 || now_ns < agent->command_retry_ns)
		return;
	agent->command_retry_ns = now_ns + RETRY_NS;
	r = command_start(&agent->command, agent->config->command);
	if (r < 0 && !agent->command_told)
		log_warning("can't run the command: %s; trying again", strerror(-r));
	agent->command_told = r < 0;
}

static void close_application(struct agent *agent, struct telemetry *application, int error)
{
	struct cpuset cpus = {{0}};

	for (uint32_t i = 0; i < application->n_lcores; i++)
		cpuset_add_all(&cpus, &application->lcores[i].cpus);
	log_info("%s: %s", application->path,
		 error == -ECONNRESET ? "the application has ended" : strerror(-error));
	telemetry_close(application);
	/* what runs there now is not known */
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		if (cpuset_has(&cpus, agent->vcpus[i].number))
			vcpu_blind(&agent->vcpus[i]);
}

void measure_tick(struct agent *agent, uint64_t now_ns)
{
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++) {
		struct telemetry *application = &agent->applications[i];
		int r = application->fd >= 0 ? telemetry_ask(application) : 0;

		if (r < 0)
			close_application(agent, application, r);
	}
	if (agent->config->proc_stat && now_ns >= agent->proc_stat_ns)
		read_proc_stat(agent, now_ns);
	start_command(agent, now_ns);
	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		if (now_ns - agent->vcpus[i].measured_ns > agent->config->silence_ms * NS_PER_MS)
			vcpu_blind(&agent->vcpus[i]);
}

/* Several lcores may run on a vCPU: the busiest one counts. */
static void take_usage(struct agent *agent, const struct telemetry *application)
{
	for (uint32_t v = 0; v < agent->n_vcpus; v++) {
		struct vcpu *vcpu = &agent->vcpus[v];
		uint32_t most = 0;
		bool measured = false;

		for (uint32_t i = 0; i < application->n_lcores; i++) {
			const struct telemetry_lcore *lcore = &application->lcores[i];

			if (!lcore->placed || !lcore->measured ||
			    !cpuset_has(&lcore->cpus, vcpu->number))
				continue;
			measured = true;
			most = lcore->permille > most ? lcore->permille : most;
		}
		if (measured && !vcpu->command_ns)
			vcpu_measured(agent, vcpu, SENSOR_TELEMETRY, most, application->from_ns,
				      application->to_ns);
	}
}

void measure_application(struct agent *agent, struct telemetry *application, uint64_t now_ns)
{
	int r = telemetry_read(application, now_ns);

	if (r == 1)
		take_usage(agent, application);
	else if (r == -ENOTSUP)
		log_notice("%s: the application does not count its cycles (testpmd does with "
			   "--record-core-cycles; DPDK 23.03 or newer); its vCPUs go by the next "
			   "sensor",
			   application->path);
	else if (r < 0)
		close_application(agent, application, r);
}

void measure_command(struct agent *agent, uint64_t now_ns)
{
	uint64_t from_ns = now_ns - agent->config->interval_ms * NS_PER_MS;
	uint32_t number, permille;
	int r = command_fill(&agent->command), line;

	while ((line = command_next(&agent->command, &number, &permille)) != 0) {
		if (line < 0 && !agent->command_told) {
			log_warning("the command printed a line that is not \"VCPU PERCENT\"");
			agent->command_told = true;
		}
		for (uint32_t i = 0; line > 0 && i < agent->n_vcpus; i++) {
			struct vcpu *vcpu = &agent->vcpus[i];

			if (number != COMMAND_ALL && number != vcpu->number)
				continue;
			if (vcpu->command_ns && vcpu->measured_ns < now_ns)
				from_ns = vcpu->measured_ns;
			vcpu->command_ns = now_ns;
			vcpu_measured(agent, vcpu, SENSOR_COMMAND, permille, from_ns, now_ns);
		}
	}
	if (r >= 0)
		return;
	log_warning("the command has ended; it is started again");
	command_stop(&agent->command);
}

static bool is_known(const struct agent *agent, const char *path)
{
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++)
		if (agent->applications[i].fd >= 0 &&
		    strcmp(agent->applications[i].path, path) == 0)
			return true;
	return false;
}

static void connect_to(struct agent *agent, const char *path)
{
	if (strlen(path) >= TELEMETRY_PATH_SIZE || is_known(agent, path))
		return;
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++) {
		if (agent->applications[i].fd >= 0)
			continue;
		if (telemetry_open(&agent->applications[i], path) == 0)
			log_info("%s: asking this application", path);
		return; /* one that has ended leaves its socket behind */
	}
}

static void look_for_sockets(struct agent *agent, const char *directory)
{
	cleanup_closedir DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, SOCKET, strlen(SOCKET)) == 0 &&
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) <
			    TELEMETRY_PATH_SIZE)
			connect_to(agent, path);
}

/* A directory of the configuration has one directory for each application. */
static void look_in(struct agent *agent, const char *directory)
{
	cleanup_closedir DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && snprintf(path, sizeof(path), "%s/%s", directory,
							entry->d_name) < TELEMETRY_PATH_SIZE)
			look_for_sockets(agent, path);
}

/* Leave the CPUs of polling lcores alone, if there are others. */
static void move_away(const struct agent *agent)
{
	cpu_set_t polling, rest;
	int n = 0;

	CPU_ZERO(&rest);
	CPU_ZERO(&polling);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (telemetry_speaks_for(agent, cpu)) {
			CPU_SET(cpu, &polling);
			n++;
		} else {
			CPU_SET(cpu, &rest);
		}
	}
	/* the kernel leaves out what is offline or not ours, and refuses an empty rest */
	if (n > 0)
		(void)sched_setaffinity(0, sizeof(rest), &rest);
}

void measure_look(struct agent *agent, uint64_t now_ns)
{
	char directories[GUEST_TEXT_SIZE], *rest = directories, *word;

	agent->look_ns = now_ns + NS_PER_S;
	if (!agent->config->telemetry)
		return;
	(void)snprintf(directories, sizeof(directories), "%s",
		       agent->config->telemetry_directories);
	for (int i = 0; i < MOST_DIRECTORIES && (word = strsep(&rest, " ")); i++)
		if (*word)
			look_in(agent, word);
	move_away(agent);
}
