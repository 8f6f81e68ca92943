/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which report counts, the hook's or libvirt's, and what is sent to the monitor. The functions
 * below stand in for monitor and channel manager: the linker takes them before the library's.
 */
#include "helper/manager/domains/domains.h"

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
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define UUID "11111111-1111-1111-1111-111111111111"
#define XML(id, name, online)                                                                      \
	"<domain id='" id "'><name>" name "</name><uuid>" UUID "</uuid><vcpu>2</vcpu><vcpus>"      \
	"<vcpu id='0' enabled='yes' hotpluggable='no'/>"                                           \
	"<vcpu id='1' enabled='" online "' hotpluggable='yes'/></vcpus>"                           \
	"<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>"          \
	"<devices/></domain>"

#define MAX_SENT 64

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

static char root[32];
static struct config config;
static struct loop *loop;
static struct registry *registry;
static struct cpufreq *cpufreq;
static struct domains *domains;

/* --- stand-ins ------------------------------------------------------------------------ */

int monitor_process_new(struct loop *on, const char *path, const struct link_setup *setup,
			int state_fd, int lock_fd, const struct monitor_handlers *handlers,
			struct monitor_process **monitor)
{
	(void)close(state_fd);
	(void)lock_fd;
	(void)on;
	(void)path;
	(void)setup;
	(void)handlers;
	*monitor = &the_monitor;
	return 0;
}

void monitor_process_end(struct monitor_process *monitor)
{
	(void)monitor;
}

void monitor_process_free(struct monitor_process *monitor)
{
	(void)monitor;
}

int channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int fd)
{
	(void)manager;
	(void)channel;
	(void)close(fd);
	return -ECONNRESET;
}

void monitor_forget_leftover(struct monitor_process *monitor, uint32_t channel)
{
	(void)monitor;
	(void)channel;
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

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	(void)monitor;
	return &shared;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain)
{
	(void)monitor;
	(void)domain;
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
			unsigned int n_frequency_domains,
			void (*connected)(void *context, struct channel *channel), void *context,
			struct channel_manager **manager)
{
	(void)n_frequency_domains;
	(void)on;
	(void)of;
	(void)with;
	(void)connected;
	(void)context;
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

void channel_manager_kick(struct channel_manager *manager)
{
	(void)manager;
}

void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel)
{
	(void)manager;
	(void)channel;
}

/* --- the stage ------------------------------------------------------------------------ */

static void path_in_root(char *path, size_t size, const char *name)
{
	ck_assert_int_lt(snprintf(path, size, "%s/%s", root, name), (int)size);
}

static void set_up(void)
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

static void tear_down(void)
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

static struct domain_description *parse(const char *xml)
{
	struct domain_description *description;
	struct xml_error error;

	ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
	return description;
}

static void hook(const char *xml)
{
	const struct domain_report report = {
		.source = "hook started", .asked_ns = monotonic_ns(), .running = parse(xml)};

	ck_assert_int_eq(domains_report(domains, &report), 0);
}

static void libvirt(const char *xml, uint64_t asked_ns, bool paused)
{
	const struct domain_report report = {.source = "libvirt",
					     .asked_ns = asked_ns,
					     .tells_paused = true,
					     .paused = paused,
					     .running = parse(xml)};

	ck_assert_int_eq(domains_report(domains, &report), 0);
}

static int ended(uint64_t asked_ns)
{
	return domains_report(
		domains,
		&(struct domain_report){.source = "libvirt", .asked_ns = asked_ns, .uuid = UUID});
}

static struct domain *known(void)
{
	return registry_find_uuid(registry, UUID);
}

/* How many messages of a type were sent, and the last of them. Clears the record. */
static size_t take(uint32_t type, struct link_message *last)
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

/* --- tests ---------------------------------------------------------------------------- */

FIXTURE(set_up, tear_down)

TEST(a_pause_is_passed_on)
{
	struct link_message last;

	libvirt(XML("1", "vm", "yes"), monotonic_ns(), true);
	ck_assert(known()->paused);
	ck_assert_uint_eq(take(LINK_VCPU_SET, &last), 2);
	ck_assert_uint_eq(last.vcpu.flags, VCPU_MAY_VOTE | VCPU_PROTECTED | VCPU_PAUSED);
	/* the hook can't know: a paused domain reconnects as well */
	hook(XML("1", "vm", "yes"));
	ck_assert(known()->paused);
	ck_assert_uint_eq(take(LINK_VCPU_SET, &last), 0);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert(!known()->paused);
	ck_assert_uint_eq(take(LINK_VCPU_SET, &last), 2);
	ck_assert_uint_eq(last.vcpu.flags, VCPU_MAY_VOTE | VCPU_PROTECTED);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(n_sent, 0);
}

TEST(another_run_is_not_paused)
{
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), true);
	hook(XML("2", "vm", "yes"));
	ck_assert_int_eq(known()->description->id, 2);
	ck_assert(!known()->paused);
}

/* libvirt's report of the same run counts even when old: it says more than the hook's. */
TEST(old_news_of_the_same_run)
{
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	libvirt(XML("1", "vm", "yes"), before, true);
	ck_assert(known()->paused);
}

TEST(old_news_of_another_run)
{
	uint64_t before = monotonic_ns();
	struct link_message last;

	hook(XML("2", "vm", "yes"));
	n_sent = 0;
	libvirt(XML("1", "vm", "yes"), before, false);
	ck_assert_int_eq(known()->description->id, 2);
	ck_assert_uint_eq(n_sent, 0);
	libvirt(XML("3", "vm", "yes"), monotonic_ns(), false);
	ck_assert_int_eq(known()->description->id, 3);
	ck_assert_uint_eq(take(LINK_DOMAIN_REMOVE, &last), 1);
}

TEST(old_news_of_an_end)
{
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(ended(before), 0);
	ck_assert_ptr_nonnull(known());
	before = monotonic_ns();
	hook(XML("1", "vm", "yes")); /* reported again: reconnect */
	ck_assert_int_eq(ended(before), 0);
	ck_assert_ptr_nonnull(known());
	ck_assert_int_eq(ended(monotonic_ns() + 1), 0);
	ck_assert_ptr_null(known());
	ck_assert_int_eq(ended(monotonic_ns()), -ENOENT);
}

/* A busy loop gets start and end long after both: the time at which libvirt was asked counts. */
TEST(short_life_reported_late)
{
	uint64_t asked_ns = monotonic_ns() - 2;

	libvirt(XML("1", "vm", "yes"), asked_ns, false);
	ck_assert_int_eq(ended(asked_ns + 1), 0);
	ck_assert_ptr_null(known());
}

TEST(a_domain_ends_by_its_name)
{
	struct domain_report report = {.source = "hook stopped"};

	hook(XML("1", "vm", "yes"));
	report.asked_ns = monotonic_ns();
	report.name = "other";
	ck_assert_int_eq(domains_report(domains, &report), -ENOENT);
	report.name = "vm";
	ck_assert_int_eq(domains_report(domains, &report), 0);
	ck_assert_ptr_null(known());
}

TEST(a_listing_does_not_know_what_came_after_it)
{
	static const char listed[][37] = {UUID};
	uint64_t before = monotonic_ns();

	hook(XML("1", "vm", "yes"));
	domains_report_listing(domains, listed, 0, before);
	ck_assert_ptr_nonnull(known());
	domains_report_listing(domains, listed, 1, monotonic_ns() + 1);
	ck_assert_ptr_nonnull(known());
	before = monotonic_ns() + 1;
	while (monotonic_ns() <= before)
		;
	hook(XML("1", "vm", "yes"));
	domains_report_listing(domains, listed, 0, before);
	ck_assert_ptr_nonnull(known());
	domains_report_listing(domains, listed, 0, monotonic_ns() + 1);
	ck_assert_ptr_null(known());
}

TEST(a_vcpu_is_plugged)
{
	struct link_message last;

	hook(XML("1", "vm", "no"));
	ck_assert_uint_eq(take(LINK_VCPU_SET, &last), 2);
	ck_assert_uint_eq(last.vcpu.flags, 0);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(sent[0].type, LINK_VCPU_SET); /* still the same domain */
	ck_assert_uint_eq(take(LINK_VCPU_SET, &last), 2);
	ck_assert_uint_eq(last.vcpu.vcpu, 1);
	ck_assert_uint_eq(last.vcpu.flags, VCPU_MAY_VOTE | VCPU_PROTECTED);
}

TEST(a_domain_is_renamed)
{
	struct link_message last;

	hook(XML("1", "vm", "yes"));
	n_sent = 0;
	libvirt(XML("1", "new", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(take(LINK_DOMAIN_ADD, &last), 1);
	ck_assert_str_eq(last.domain.name, "new");
	ck_assert_ptr_eq(registry_find(registry, "new"), known());
	ck_assert_ptr_null(registry_find(registry, "vm"));
}
