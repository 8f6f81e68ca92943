/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.vmpower.Manager over a real socket and on a real registry. The functions below stand in for
 * libvirt, the monitor and cpufreq: the linker takes them before the library's.
 */
#ifndef VMPOWER_TESTS_UNIT_CONTROL_STAGE_H
#define VMPOWER_TESTS_UNIT_CONTROL_STAGE_H

#include "common/clock.h"
#include "tests/unit/varlink_fixture.h"

#include "common/log.h"
#include "helper/manager/control/control.h"
#include "helper/manager/control/methods.h"
#include "helper/manager/cpufreq/topology.h"
#include "helper/manager/domains/reload.h"
#include "helper/manager/report/verify.h"
#include "xml/domain_xml.h"

#define METHOD(name, parameters)                                                                   \
	"{\"method\":\"org.vmpower.Manager." name "\",\"parameters\":" parameters "}"
#define RESULT(parameters) "{\"parameters\":" parameters "}"
#define ERROR(name, parameters)                                                                    \
	"{\"error\":\"org.vmpower.Manager." name "\",\"parameters\":" parameters "}"
#define INVALID(name)                                                                              \
	"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":"       \
	"\"" name "\"}}"
#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"

#define NO_VM2 ERROR("NoSuchDomain", "{\"domain\":\"vm2\"}")

/* --- stand-ins ------------------------------------------------------------------------ */

struct virt {
	struct loop *loop;
	struct loop_timer answer;
	void (*found)(void *context, int error, const char *xml, size_t size, uint64_t asked_ns);
	void *context;
	int error;	  /* what lookups find */
	int lookup_error; /* what virt_lookup() itself returns, where negative */
	bool silent;	  /* lookups find nothing, ever */
	const char *xml;
	char asked[MAX_DOMAIN_NAME];
	int n_cancelled;
};

static struct {
	struct fixture fixture;
	struct control *control;
	struct registry *registry;
	struct events events;
	struct virt virt;
	int n_registered;
	unsigned int n_findings;
	struct reload reload;
	const char *reload_error; /* NULL: it works */
	int n_read[2];		  /* reads of each frequency domain's current frequency */
	unsigned int siblings[2]; /* threads of one core; equal: there are none */
	int hold_reading;	  /* the next read lasts until this is 0, and longer than a slice */
	int hold_step;		  /* likewise, the next look at what the monitor publishes */
	bool slow_steps;	  /* each look at it lasts longer than a slice */
	int n_looks, n_looks_at_report; /* all; before the last domains_report() */
} stage;

static struct shared_state shared; /* tens of MB, but only touched pages take memory */
static struct frequency_domain frequency[2];
static struct config config;

struct domains {
	int unused;
};
static struct domains the_domains;

static void on_answer(struct loop_timer *timer)
{
	struct virt *virt = container_of(timer, struct virt, answer);
	size_t size = virt->error ? 0 : strlen(virt->xml);

	virt->found(virt->context, virt->error, virt->error ? NULL : virt->xml, size,
		    monotonic_ns());
}

int virt_lookup(struct virt *virt, const char *name_or_uuid,
		void (*found)(void *context, int error, const char *xml, size_t size,
			      uint64_t asked_ns),
		void *context)
{
	if (virt->lookup_error < 0)
		return virt->lookup_error;
	virt->found = found;
	virt->context = context;
	(void)snprintf(virt->asked, sizeof(virt->asked), "%s", name_or_uuid);
	if (!virt->silent)
		loop_timer_set(virt->loop, &virt->answer, 0);
	return 42;
}

void virt_cancel(struct virt *virt, int cookie)
{
	ck_assert_int_eq(cookie, 42);
	__atomic_add_fetch(&virt->n_cancelled, 1, __ATOMIC_RELAXED);
}

bool virt_connected(const struct virt *virt)
{
	return virt->error == 0;
}

const char *virt_uri(const struct virt *virt)
{
	(void)virt;
	return "test:///";
}

struct monitor_process *domains_monitor(struct domains *domains)
{
	ck_assert_ptr_eq(domains, &the_domains);
	return (struct monitor_process *)&shared;
}

const struct traffic *domains_traffic(const struct domains *domains)
{
	ck_assert_ptr_eq(domains, &the_domains);
	return NULL;
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	ck_assert_ptr_eq(monitor, (struct monitor_process *)&shared);
	__atomic_add_fetch(&stage.n_looks, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&stage.hold_step, __ATOMIC_SEQ_CST))
		(void)usleep(1000);
	if (stage.slow_steps)
		(void)usleep(5000);
	return &shared;
}

pid_t monitor_pid(const struct monitor_process *monitor)
{
	(void)monitor;
	return 77;
}

uint32_t monitor_restarts(const struct monitor_process *monitor)
{
	(void)monitor;
	return 3;
}

uint32_t cpufreq_count(const struct cpufreq *cpufreq)
{
	(void)cpufreq;
	return array_size(frequency);
}

uint32_t cpufreq_count_present(const struct cpufreq *cpufreq)
{
	return cpufreq_count(cpufreq);
}

const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id)
{
	(void)cpufreq;
	return &frequency[id];
}

const struct frequency_domain *cpufreq_of_cpu(const struct cpufreq *cpufreq, unsigned int cpu)
{
	(void)cpufreq;
	for (size_t i = 0; i < array_size(frequency); i++) {
		if (cpuset_has(&frequency[i].cpus, cpu))
			return &frequency[i];
	}
	return NULL;
}

int cpufreq_online(const struct cpufreq *cpufreq, struct cpuset *online)
{
	(void)cpufreq;
	return cpuset_parse("0-7", online);
}

int cpufreq_host_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus)
{
	(void)cpufreq_online(cpufreq, &cpus->online);
	return cpufreq_online(cpufreq, &cpus->present);
}

void topology_begin(struct topology *topology, const struct cpuset *online)
{
	ck_assert_uint_eq(cpuset_count(online), 8);
	for (int i = 0; i < 2 && stage.siblings[0] != stage.siblings[1]; i++) {
		cpuset_add(&topology->has_sibling, stage.siblings[i]);
		topology->next[stage.siblings[i]] = (uint16_t)stage.siblings[1 - i];
	}
}

bool topology_go_on(struct topology *topology, const struct cpufreq *cpufreq)
{
	(void)topology;
	(void)cpufreq;
	return false;
}

uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id)
{
	int hold = __atomic_load_n(&stage.hold_reading, __ATOMIC_SEQ_CST);

	(void)cpufreq;
	__atomic_add_fetch(&stage.n_read[id], 1, __ATOMIC_SEQ_CST);
	if (hold) {
		while (__atomic_load_n(&stage.hold_reading, __ATOMIC_SEQ_CST))
			(void)usleep(1000);
		(void)usleep(5000);
	}
	return id == 0 ? 0 : 1999999;
}

int cpufreq_baseline(const struct cpufreq *cpufreq, uint32_t id, struct baseline_entry *entry)
{
	(void)cpufreq;
	if (id == 0)
		return -ENODEV;
	*entry = (struct baseline_entry){
		.governor = "schedutil", .min_freq = "1000000", .max_freq = "<none>"};
	return 0;
}

int domains_report(struct domains *domains, const struct domain_report *report)
{
	const char *uuid = report->running ? report->running->uuid : report->uuid;
	struct domain *domain = registry_find_uuid(stage.registry, uuid);

	ck_assert_ptr_eq(domains, &the_domains);
	ck_assert_str_eq(report->source, "operator");
	ck_assert(report->asked_ns > 0 && report->asked_ns <= monotonic_ns());
	stage.n_registered += report->running != NULL;
	stage.n_looks_at_report = stage.n_looks;
	if (report->running && report->running->id < 0) {
		domain_description_free(report->running);
		return -ESRCH;
	}
	if (domain)
		registry_remove(stage.registry, domain);
	return report->running ? registry_add(stage.registry, report->running, &domain) : 0;
}

void domains_channel_enable(struct domains *domains, struct channel *channel, bool enabled)
{
	ck_assert_ptr_eq(domains, &the_domains);
	channel->enabled = enabled;
}

void domains_channel_remove(struct domains *domains, struct channel *channel)
{
	ck_assert_ptr_eq(domains, &the_domains);
	channel->state = CHANNEL_REMOVED;
}

void domains_channel_add(struct domains *domains, struct channel *channel)
{
	ck_assert_ptr_eq(domains, &the_domains);
	channel->state = CHANNEL_CONNECTING;
}

unsigned int verify_frequency_domain(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
				     const struct shared_state *state,
				     struct verify_finding findings[OWN_FILES])
{
	(void)cpufreq;
	ck_assert_ptr_eq(state, &shared);
	if (fdom->id != 1)
		return 0;
	findings[0] = findings[1] = (struct verify_finding){
		.frequency_domain = 1,
		.policy = 4,
		.cpus = &frequency[1].cpus,
		.file = {.name = "scaling_max_freq", .ours = "1000000", .found = "2000000"},
		.since = 1700000000,
	};
	findings[1].error = -EBUSY;
	return stage.n_findings;
}

bool verify_noticed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
		    const struct shared_state *state, struct verify_finding *finding)
{
	struct verify_finding findings[OWN_FILES];

	if (fdom->foreign_since == 0 ||
	    verify_frequency_domain(cpufreq, fdom, state, findings) == 0)
		return false;
	*finding = findings[0];
	return true;
}

void domains_set_log_level(struct domains *domains, int level)
{
	ck_assert_ptr_eq(domains, &the_domains);
	log_set_level(level);
}

int reload_config(struct reload *reload, struct reload_result *result, struct config_error *error)
{
	ck_assert_ptr_eq(reload, &stage.reload);
	if (stage.reload_error) {
		(void)snprintf(error->text, sizeof(error->text), "%s", stage.reload_error);
		return -EINVAL;
	}
	*result = (struct reload_result){.n_changed = 2,
					 .changed = {1, 2},
					 .n_needs_restart = 1,
					 .needs_restart = {0},
					 .domains_changed = true};
	return 0;
}

int domains_set_override(struct domains *domains, struct domain *domain, uint32_t vcpu,
			 uint32_t khz)
{
	ck_assert_ptr_eq(domains, &the_domains);
	return domain_set_override(domain, vcpu, khz);
}

int domains_set_policy(struct domains *domains, struct domain *domain,
		       const struct domain_settings *policy)
{
	ck_assert_ptr_eq(domains, &the_domains);
	return domain_set_policy(domain, policy);
}

/* --- stage ---------------------------------------------------------------------------- */

#define CHANNEL_XML(n)                                                                             \
	"<channel type='unix'><source mode='bind' path='/run/" n "'/>"                             \
	"<target type='virtio' name='virtio.serial.port.poweragent." n "'/></channel>"
#define DOMAIN_XML(id, name, uuid, channels)                                                       \
	"<domain type='kvm' " id "><name>" name "</name><uuid>" uuid "</uuid>"                     \
	"<vcpu current='2'>3</vcpu><cputune><vcpupin vcpu='0' cpuset='2,5-6'/>"                    \
	"<vcpupin vcpu='1' cpuset='5'/></cputune><devices>" channels "</devices></domain>"

static inline struct domain *enter(const char *xml)
{
	struct domain_description *description;
	struct xml_error error;
	struct domain *domain;

	ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
	ck_assert_int_eq(registry_add(stage.registry, description, &domain), 0);
	return domain;
}

/*
 * One domain, "vm1", with channels 0 (connected), 1 (can't be connected) and 5 (removed); vCPU 0
 * is on both frequency domains and silent, vCPU 1 on the second, has voted, and is overridden.
 */
static inline void dress(void)
{
	const struct vote highest = {.from = VOTE_HIGHEST};
	struct domain *domain = enter(DOMAIN_XML(
		"id='9'", "vm1", UUID_1, CHANNEL_XML("0") CHANNEL_XML("1") CHANNEL_XML("5")));

	domain->channels[0].state = CHANNEL_CONNECTED;
	domain->channels[1].last_error = -ECONNREFUSED;
	domain->channels[2].state = CHANNEL_REMOVED;
	shared.channels[domain->channels[0].id] = (struct shared_channel){
		.requests = 17,
		.unanswered = 4,
		.late_replies = 1,
		.acks = 6,
		.nacks = 4,
		.resyncs = 1,
		.unread_replies = 2,
		.throttled = 3,
		.refused = {[REFUSAL_UNPINNED - 1] = 4},
	};
	/* no honest monitor counts so far */
	shared.channels[domain->channels[1].id].requests = UINT64_MAX;
	shared.vcpus[domain->id][1].said = vote_pack(&highest);
	ck_assert_int_eq(domain_set_override(domain, 1, 1000000), 0);
	shared.frequency_domains[1].decider = DECIDER_OVERRIDE;
	shared.frequency_domains[1].step_khz = 1000000;
	shared.frequency_domains[1].target_khz = 1000000;
	shared.frequency_domains[1].lowest_khz = 1000000;
	shared.frequency_domains[1].last_error = -EBUSY;
	/* the monitor counts, whatever else is known */
	shared.frequency_domains[1].n_voters = 3;
	shared.frequency_domains[0].n_silent = 1;
	frequency[0] = (struct frequency_domain){
		.id = 0,
		.policy = 0,
		.driver = "acpi-cpufreq",
		.method = METHOD_SETSPEED,
		.table = {.n_steps = 2, .non_turbo = 1, .khz = {1000000, 2000000}},
		.ceiling = 1,
	};
	frequency[1] = (struct frequency_domain){
		.id = 1,
		.policy = 4,
		.acquired = true,
		.driver = "intel_pstate",
		.method = METHOD_LIMITS,
		.table = {.n_steps = 4,
			  .non_turbo = 2,
			  .khz = {1000000, 1500000, 2000000, 2500000}},
		.floor = 0,
		.ceiling = 2,
	};
	ck_assert_int_eq(cpuset_parse("0-3", &frequency[0].cpus), 0);
	ck_assert_int_eq(cpuset_parse("4-7", &frequency[1].cpus), 0);
}

static const struct histogram hook_waits = {.n = {1, 0, 4, [HISTOGRAM_BUCKETS - 1] = 2},
					    .sum_ns = 2003000001};

static inline void setup(void)
{
	int fd = fixture_open(&stage.fixture);
	struct control_parts parts = {
		.config = &config,
		.loop = stage.fixture.loop,
		.domains = &the_domains,
		.virt = &stage.virt,
		.events = &stage.events,
		.reload = &stage.reload,
		.hook_waits = &hook_waits,
	};

	ck_assert_int_eq(registry_new(&stage.registry), 0);
	dress();
	parts.registry = stage.registry;
	stage.virt = (struct virt){.loop = stage.fixture.loop, .answer = {.on_expiry = on_answer}};
	ck_assert_int_eq(control_new(&parts, fd, &stage.control), 0);
	/* the test starts the loop after it has set what libvirt says */
}

static inline void teardown(void)
{
	fixture_stop(&stage.fixture);
	control_free(stage.control);
	registry_free(stage.registry);
	fixture_close(&stage.fixture);
}

static inline struct peer begin(void)
{
	fixture_start(&stage.fixture);
	return peer_connect(&stage.fixture);
}

#endif
