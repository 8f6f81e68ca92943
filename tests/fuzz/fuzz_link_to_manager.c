/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager with a monitor that a guest controls: real domains, registry, channel manager and
 * cpufreq on a tree of plain files. The input plays the monitor: it sends anything, writes to the
 * files that it was given, stops reading, dies. What the manager sends is always valid, its
 * successor is told what it published if that may be true, and in the end every file holds its
 * baseline.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/unix_socket.h"
#include "helper/manager/config/config.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/registry/registry.h"
#include "tests/fuzz/fake_monitor.h"
#include "tests/fuzz/fake_shared.h"
#include "tests/fuzz/fuzz_loop.h"
#include "tests/fuzz/link_promises.h"
#include "tests/fuzz/policy_tree.h"
#include "xml/domain_xml.h"

/* --- the monitor's process ---------------------------------------------------------------- */

/* The files of one frequency domain that the monitor got. */
static struct given {
	int fds[2];
	unsigned int n_fds;
	/* pending answers, and how many are void because of a release since */
	unsigned int n_asked, n_void;
	bool named; /* in an ACQUIRE or RELEASE: a handover after that is late */
} given[N_POLICIES];

/* By domain and vCPU, as last told. */
static struct cpuset below[N_DOMAINS][N_VCPUS];

static void close_given(uint32_t id)
{
	while (given[id].n_fds > 0)
		(void)close(given[id].fds[--given[id].n_fds]);
}

static void fake_replaced(void)
{
	for (uint32_t id = 0; id < N_POLICIES; id++) {
		close_given(id);
		given[id].n_asked = given[id].n_void = 0;
		given[id].named = false;
	}
}

/* Lines are formatted and discarded. */
static bool drop_line(const struct log_about *about, int priority, const char *text)
{
	static struct journal_entry entry;

	journal_entry(&entry, about, priority, text);
	return true;
}

/* --- a fake host ------------------------------------------------------------------------- */

struct host {
	struct loop *loop;
	struct registry *registry;
	struct cpufreq *cpufreq;
	struct domains *domains;
	int qemu[4]; /* accepted connections; -1: none */
};

static int listen_fd;
static struct config config;

/* Once a process. */
static void make_host(void)
{
	const struct passwd *user = getpwuid(geteuid());
	char path[96];

	if (root[0])
		return;
	log_init("fuzz", LOG_WARNING);
	log_set_sink(drop_line);
	make_tree();
	fill_tree();
	config_defaults(&config);
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "%s", root);
	if (user)
		(void)snprintf(config.peer_users[0], sizeof(config.peer_users[0]), "%s",
			       user->pw_name);
	(void)snprintf(path, sizeof(path), "%s/qemu", root);
	listen_fd = unix_listen(path, SOCK_STREAM, 0600);
	require(listen_fd >= 0);
}

static void register_domain(struct host *host, uint32_t number, uint32_t run)
{
	static const char xml[] =
		"<domain type='kvm' id='%u'><name>guest%u</name>"
		"<uuid>c7a5fdbd-edaf-9455-926a-d65c16db180%u</uuid><vcpu>2</vcpu><cputune>"
		"<vcpupin vcpu='0' cpuset='%s'/><vcpupin vcpu='1' cpuset='2-3'/></cputune>"
		"<devices><channel type='unix'><source mode='bind' path='%s/qemu'/>"
		"<target type='virtio' name='virtio.serial.port.poweragent.0'/></channel>"
		"<channel type='unix'><source mode='bind' path='%s/%s'/>"
		"<target type='virtio' name='virtio.serial.port.poweragent.1'/></channel>"
		"</devices></domain>";
	/* the last: two vCPUs that are alike */
	static const char *const cpus[] = {"0", "1", "0", "2-3"};
	struct domain_description *description;
	struct xml_error error;
	char text[1024];
	int n = snprintf(text, sizeof(text), xml, run + 1, number, number, cpus[run], root, root,
			 run & 2 ? "qemu" : "nobody");

	require(n > 0 && n < (int)sizeof(text));
	require(domain_xml_parse(text, (size_t)n, &description, &error) == 0);
	require(domains_report(host->domains, &(struct domain_report){
						      .source = "fuzz",
						      .asked_ns = monotonic_ns(),
						      .running = description,
					      }) == 0);
}

static void accept_channels(struct host *host)
{
	for (size_t i = 0; i < array_size(host->qemu); i++) {
		if (host->qemu[i] < 0)
			host->qemu[i] = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	}
}

/* --- the monitor's end ------------------------------------------------------------------- */

static void drop_files(const int *fds, unsigned int n_fds)
{
	for (unsigned int i = 0; i < n_fds; i++)
		(void)close(fds[i]);
}

/* May the monitor have these files, according to message.h? */
static bool may_take(struct given *files, enum acquired_reason reason)
{
	if (reason == ACQUIRED_TAKEN_OVER)
		return !files->named;
	if (reason == ACQUIRED_RENEWED)
		return files->n_fds > 0;
	require(files->n_asked > 0);
	files->n_asked--;
	if (files->n_void == 0)
		return true;
	files->n_void--;
	return false;
}

/* Is it below a vCPU that the monitor was told of? */
static bool is_below(uint32_t id)
{
	for (uint32_t i = 0; i < N_DOMAINS * N_VCPUS; i++) {
		if (cpuset_has(&below[i / N_VCPUS][i % N_VCPUS], id))
			return true;
	}
	return false;
}

static void take_files(const struct link_acquired *acquired, const int *fds, unsigned int n_fds)
{
	struct given *files;

	if (acquired->frequency_domain >= N_POLICIES) {
		require(acquired->error < 0);
		return;
	}
	files = &given[acquired->frequency_domain];
	if (!may_take(files, (enum acquired_reason)acquired->reason)) {
		drop_files(fds, n_fds);
		return;
	}
	if (acquired->error < 0)
		return;
	require(acquired->reason != ACQUIRED_ANSWER || is_below(acquired->frequency_domain));
	close_given(acquired->frequency_domain);
	memcpy(files->fds, fds, n_fds * sizeof(*fds));
	files->n_fds = n_fds;
}

/* A vote for a successor is one that the shared state held, of a channel that the domain has. */
static void check_taken_over(const struct link_vcpus *vcpus)
{
	struct vote vote;

	require(vcpus->domain < N_DOMAINS && vcpus->first + vcpus->n <= N_VCPUS);
	for (uint32_t i = 0; i < vcpus->n; i++) {
		below[vcpus->domain][vcpus->first + i] = vcpus->frequency_domains;
		if (vcpus->said[i] == 0)
			continue;
		require(vote_unpack(vcpus->said[i], &vote) && vote_pack(&vote) == vcpus->said[i]);
		require(vote.channel < N_CHANNELS);
		require(was_held(vcpus->domain, vcpus->first + i, vcpus->said[i]));
	}
}

static void read_link(void)
{
	static struct link_message message;
	int fds[UNIX_MAX_FDS], r = 0;
	unsigned int n_fds;

	while (link_end >= 0 &&
	       (r = link_receive(link_end, &message, fds, &n_fds, LINK_TO_MONITOR)) > 0) {
		if (message.type == LINK_ACQUIRED) {
			take_files(&message.acquired, fds, n_fds);
			continue;
		}
		if (message.type == LINK_SETUP) {
			close_fd(&shared_fd);
			shared_fd = n_fds > 0 ? fds[0] : -1;
			continue;
		}
		if (message.type == LINK_DOMAIN_REMOVE)
			memset(below[message.id], 0, sizeof(below[0]));
		if (message.type == LINK_VCPUS_SET)
			check_taken_over(&message.vcpus);
		drop_files(fds, n_fds);
	}
	require(link_end < 0 || r == -EAGAIN || r == 0);
}

/* Released files are closed first, as message.h says: a later write would be foreign. */
static void send_link(const struct link_message *message, size_t size, unsigned int n_fds)
{
	int fds[2] = {cpu_dir, listen_fd};

	check_link(message, size, n_fds);
	if (link_end < 0 || unix_send(link_end, message, size, fds, n_fds, MSG_DONTWAIT) < 0)
		return;
	if (message->id >= N_POLICIES)
		return;
	if (message->type == LINK_ACQUIRE) {
		given[message->id].named = true;
		given[message->id].n_asked++;
	}
	if (message->type == LINK_RELEASE) {
		given[message->id].named = true;
		close_given(message->id);
		given[message->id].n_void = given[message->id].n_asked;
	}
}

static void send_typed(struct input *input, enum link_type type)
{
	struct link_message message = {.type = type};

	if (type == LINK_WRITE_FAILED)
		message.write_failed = (struct link_write_failed){
			.frequency_domain = take_id(input, N_POLICIES + 1),
			.error = -(int32_t)take_u8(input),
			.khz = take_u32(input),
		};
	else if (type == LINK_REFUSED)
		message.refused = (struct link_refused){
			.channel = take_id(input, 2) + take_id(input, 3) * MAX_DOMAIN_CHANNELS,
			.refusal = take_u8(input),
			.vcpu = take_u8(input),
			.more = take_u8(input) % 2,
		};
	else if (type == LINK_CHANNEL_GONE)
		message.id = take_id(input, 2) + take_id(input, 3) * MAX_DOMAIN_CHANNELS;
	else
		message.id = take_id(input, N_POLICIES + 1);
	send_link(&message, link_size(&message), 0);
}

static void send_raw(struct input *input)
{
	static struct link_message message;
	uint8_t n_fds = take_u8(input) % 3, size = take_u8(input);

	memset(&message, 0, sizeof(message));
	(void)take_bytes(input, &message, size);
	send_link(&message, size ? size : 1, n_fds);
}

/* Write a frequency of the table to all files, or to one and die. */
static void write_files(struct input *input)
{
	static const char *const texts[] = {"1200000\n", "1800000\n", "2300000\n", "2100000\n"};
	uint8_t bits = take_u8(input);
	uint32_t id = bits % 4 % N_POLICIES;
	const struct given *files = &given[id];
	const char *text = texts[bits / 64];
	bool dies = files->n_fds == 2 && (bits & 4);

	if (files->n_fds > 0)
		publish(id, text);
	for (unsigned int i = dies && (bits & 8); i < (dies && !(bits & 8) ? 1 : files->n_fds); i++)
		require(pwrite(files->fds[i], text, strlen(text), 0) == (ssize_t)strlen(text));
	if (dies)
		(void)fake_kill(FAKE_PID);
}

static void step(struct host *host, struct input *input)
{
	uint8_t what = take_u8(input), bits = what / 16;
	char name[16];

	switch (what % 16) {
	case 0:
	case 1:
		send_typed(input, LINK_ACQUIRE);
		break;
	case 2:
		send_typed(input, LINK_RELEASE);
		break;
	case 3:
		send_typed(input, LINK_CHANNEL_GONE);
		break;
	case 4:
		send_typed(input, LINK_WRITE_FAILED);
		break;
	case 5:
		send_typed(input, bits & 1 ? LINK_READY : LINK_REFUSED);
		break;
	case 6:
		send_raw(input);
		break;
	case 7:
		write_files(input);
		break;
	case 8:
		fake_now_ns += (uint64_t)take_u8(input) * 20000000u;
		break;
	case 9:
		(void)fake_kill(FAKE_PID);
		break;
	case 10:
		register_domain(host, bits % N_DOMAINS, bits / N_DOMAINS % 4);
		break;
	case 11:
		(void)snprintf(name, sizeof(name), "guest%u", bits % N_DOMAINS);
		(void)domains_report(host->domains, &(struct domain_report){
							    .source = "fuzz",
							    .asked_ns = monotonic_ns(),
							    .name = name,
						    });
		break;
	case 12:
		accept_channels(host);
		break;
	case 13:
		close_fd(&host->qemu[bits % array_size(host->qemu)]);
		break;
	case 14:
		write_shared(input, !(bits & 1));
		break;
	default:
		read_link();
	}
	if (!(what & 0x80))
		run_loop(host->loop);
}

/* --- set-up and end ---------------------------------------------------------------------- */

static void start_host(struct host *host)
{
	char state_path[96];

	memset(host, 0, sizeof(*host));
	memset(below, 0, sizeof(below));
	forget_held();
	memset(host->qemu, 0xff, sizeof(host->qemu));
	/* the rest is unchanged: end_host() checked that */
	put(0, "scaling_setspeed", "<unsupported>");
	(void)snprintf(state_path, sizeof(state_path), "%s/baseline", root);
	require(loop_new(&host->loop) == 0 && registry_new(&host->registry) == 0);
	require(cpufreq_new(&config, state_path, &host->cpufreq) == 0);
	require(cpufreq_count(host->cpufreq) == N_POLICIES);
	require(domains_new(&(struct domains_parts){.loop = host->loop,
						    .config = &config,
						    .registry = host->registry,
						    .cpufreq = host->cpufreq,
						    .monitor_path = "monitor"},
			    &host->domains) == 0);
	register_domain(host, 0, 0);
}

static void end_host(struct host *host)
{
	char state_path[96];

	domains_free(host->domains, false);
	cpufreq_free(host->cpufreq);
	registry_free(host->registry);
	loop_free(host->loop);
	for (size_t i = 0; i < array_size(host->qemu); i++)
		close_fd(&host->qemu[i]);
	/* connections not yet accepted */
	for (int fd; (fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		(void)close(fd);
	close_fd(&link_end);
	close_fd(&shared_fd);

	require(holds(0, "scaling_governor", "ondemand"));
	for (uint32_t p = 1; p < N_POLICIES; p++)
		require(holds(p, "scaling_min_freq", "800000") &&
			holds(p, "scaling_max_freq", "3500000"));
	(void)snprintf(state_path, sizeof(state_path), "%s/baseline", root);
	require(access(state_path, F_OK) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct host host;

	make_host();
	start_host(&host);
	for (int i = 0; i < MAX_STEPS && input.size > 0; i++)
		step(&host, &input);
	run_loop(host.loop);
	end_host(&host);
	return 0;
}
