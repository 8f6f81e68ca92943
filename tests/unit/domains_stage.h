/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's domains on a host without cpufreq, and what is sent to the monitor. The functions
 * below stand in for monitor and channel manager: the linker takes them before the library's.
 */
#ifndef VMPOWER_TESTS_UNIT_DOMAINS_STAGE_H
#define VMPOWER_TESTS_UNIT_DOMAINS_STAGE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/domains/domains.h"
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define UUID "11111111-1111-1111-1111-111111111111"
#define XML(id, name, online)                                                                      \
	"<domain id='" id "'><name>" name "</name><uuid>" UUID "</uuid><vcpu>2</vcpu><vcpus>"      \
	"<vcpu id='0' enabled='yes' hotpluggable='no'/>"                                           \
	"<vcpu id='1' enabled='" online "' hotpluggable='yes'/></vcpus>"                           \
	"<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>"          \
	"<devices/></domain>"

#define MAX_SENT 512

struct monitor_process {
	int unused;
};

struct channel_manager {
	int unused;
};

static struct monitor_process the_monitor;
static struct channel_manager the_channels;
static struct shared_state shared; /* tens of MB, but only touched pages take memory */
static struct link_message sent[MAX_SENT];
static size_t n_sent;
static bool has_room = true; /* in the link */
static struct monitor_handlers handlers;

static char root[32];
static struct config config;
static struct loop *loop;
static struct registry *registry;
static struct cpufreq *cpufreq;
static struct domains *domains;

/* --- stand-ins ------------------------------------------------------------------------ */

int monitor_process_new(struct loop *on, const struct monitor_parts *parts,
			const struct monitor_handlers *with, struct monitor_process **monitor)
{
	(void)on;
	(void)parts;
	handlers = *with;
	*monitor = &the_monitor;
	return 0;
}

void monitor_attach(struct monitor_process *monitor)
{
	(void)monitor;
}

void monitor_process_end(struct monitor_process *monitor)
{
	(void)monitor;
}

void monitor_process_free(struct monitor_process *monitor)
{
	(void)monitor;
}

bool channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int *fd)
{
	(void)manager;
	(void)channel;
	(void)fd;
	return false;
}

void monitor_ping(struct monitor_process *monitor)
{
	(void)monitor;
}

void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds)
{
	(void)monitor;
	(void)fds;
	(void)n_fds;
	ck_assert_uint_lt(n_sent, MAX_SENT);
	sent[n_sent++] = *message;
}

bool monitor_has_room(const struct monitor_process *monitor)
{
	(void)monitor;
	return has_room;
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	(void)monitor;
	return &shared;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain, uint32_t n_vcpus)
{
	(void)monitor;
	memset(shared.vcpus[domain], 0, n_vcpus * sizeof(shared.vcpus[domain][0]));
}

void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel)
{
	(void)monitor;
	(void)channel;
}

pid_t monitor_pid(const struct monitor_process *monitor)
{
	(void)monitor;
	return 0;
}

uint32_t monitor_restarts(const struct monitor_process *monitor)
{
	(void)monitor;
	return 0;
}

int channel_manager_new(struct loop *on, struct registry *of, const struct config *with,
			unsigned int n_frequency_domains, const struct channel_handlers *with_these,
			struct channel_manager **manager)
{
	(void)n_frequency_domains;
	(void)on;
	(void)of;
	(void)with;
	(void)with_these;
	*manager = &the_channels;
	return 0;
}

void channel_manager_configure(struct channel_manager *manager, const struct config *with)
{
	(void)manager;
	(void)with;
}

void channel_manager_free(struct channel_manager *manager)
{
	(void)manager;
}

void channel_manager_kick(struct channel_manager *manager, struct domain *domain)
{
	(void)manager;
	(void)domain;
}

void channel_manager_kick_all(struct channel_manager *manager)
{
	(void)manager;
}

void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel)
{
	(void)manager;
	(void)channel;
}

/* --- the stage ------------------------------------------------------------------------ */

static inline void path_in_root(char *path, size_t size, const char *name)
{
	ck_assert_int_lt(snprintf(path, size, "%s/%s", root, name), (int)size);
}

static inline void set_up(void)
{
	static const char *const directories[] = {"devices", "devices/system",
						  "devices/system/cpu"};
	char path[96];
	FILE *online;

	(void)strcpy(root, "/tmp/domains-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (size_t i = 0; i < array_size(directories); i++) {
		path_in_root(path, sizeof(path), directories[i]);
		ck_assert_int_eq(mkdir(path, 0755), 0);
	}
	path_in_root(path, sizeof(path), "devices/system/cpu/online");
	online = fopen(path, "we");
	ck_assert_ptr_nonnull(online);
	ck_assert_int_gt(fprintf(online, "0-7\n"), 0);
	ck_assert_int_eq(fclose(online), 0);
	config_defaults(&config);
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "%s", root);
	path_in_root(path, sizeof(path), "state");
	n_sent = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(cpufreq_new(&config, path, &cpufreq), 0);
	ck_assert_int_eq(domains_new(&(struct domains_parts){.loop = loop,
							     .config = &config,
							     .registry = registry,
							     .cpufreq = cpufreq,
							     .monitor_path = "-"},
				     &domains),
			 0);
}

static inline void tear_down(void)
{
	static const char *const names[] = {"devices/system/cpu/online", "devices/system/cpu",
					    "devices/system", "devices", ""};
	char path[96];

	domains_free(domains, false);
	cpufreq_free(cpufreq);
	registry_free(registry);
	loop_free(loop);
	for (size_t i = 0; i < array_size(names); i++) {
		path_in_root(path, sizeof(path), names[i]);
		(void)remove(path);
	}
}

static inline struct domain_description *parse(const char *xml)
{
	struct domain_description *description;
	struct xml_error error;

	ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
	return description;
}

static inline void hook(const char *xml)
{
	const struct domain_report report = {
		.source = "hook started", .asked_ns = monotonic_ns(), .running = parse(xml)};

	ck_assert_int_eq(domains_report(domains, &report), 0);
}

static inline void libvirt(const char *xml, uint64_t asked_ns, bool paused)
{
	const struct domain_report report = {.source = "libvirt",
					     .asked_ns = asked_ns,
					     .tells_paused = true,
					     .paused = paused,
					     .running = parse(xml)};

	ck_assert_int_eq(domains_report(domains, &report), 0);
}

static inline void hook_at(const char *xml, uint64_t asked_ns)
{
	const struct domain_report report = {.source = "hook started",
					     .asked_ns = asked_ns,
					     .starts = true,
					     .running = parse(xml)};

	ck_assert_int_eq(domains_report(domains, &report), 0);
}

static inline int ended(uint64_t asked_ns)
{
	return domains_report(
		domains,
		&(struct domain_report){.source = "libvirt", .asked_ns = asked_ns, .uuid = UUID});
}

static inline struct domain *known(void)
{
	return registry_find_uuid(registry, UUID);
}

/* How many messages of a type were sent, and the last of them. Clears the record. */
static inline size_t take(uint32_t type, struct link_message *last)
{
	size_t n = 0;

	for (size_t i = 0; i < n_sent; i++) {
		if (sent[i].type != type)
			continue;
		*last = sent[i];
		n++;
	}
	n_sent = 0;
	return n;
}

#endif
