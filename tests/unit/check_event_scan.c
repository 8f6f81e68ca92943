/* SPDX-License-Identifier: BSD-3-Clause */
/* Votes, targets and requests as events, when more has changed than one look may report. */
#include "helper/manager/control/event_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define N_DOMAINS 3
#define N_VCPUS 200
#define N_FREQUENCY_DOMAINS 300 /* a look reports 256 of either */

static struct shared_state shared; /* only touched pages take memory */
static struct frequency_domain frequency[N_FREQUENCY_DOMAINS];
static struct domain *domains[N_DOMAINS];
static struct registry *registry;
static struct event_scan *scan;
static struct control_context context;
static struct config config;
static bool connected, requests_wanted;
static char story[200]; /* "vm1:3" three votes in a row, "#5+2" targets 5 and 6 */
static struct {
	const struct domain *domain;
	const struct frequency_domain *frequency_domain;
	unsigned int n;
} row; /* not in the story yet */

/* --- stand-ins ------------------------------------------------------------------------ */

struct monitor_process *domains_monitor(struct domains *unused)
{
	(void)unused;
	return (struct monitor_process *)&shared;
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	(void)monitor;
	return &shared;
}

bool virt_connected(const struct virt *virt)
{
	(void)virt;
	return connected;
}

uint32_t cpufreq_count(const struct cpufreq *cpufreq)
{
	(void)cpufreq;
	return N_FREQUENCY_DOMAINS;
}

const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id)
{
	(void)cpufreq;
	return &frequency[id];
}

const struct frequency_domain *cpufreq_of_cpu(const struct cpufreq *cpufreq, unsigned int cpu)
{
	(void)cpufreq;
	(void)cpu;
	return NULL;
}

int cpufreq_host_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus)
{
	(void)cpufreq;
	*cpus = (struct host_cpus){0};
	return -ENOENT;
}

uint32_t decision_vote_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			   const struct domain *domain, uint32_t vcpu, const struct vote *vote)
{
	(void)sources;
	(void)cpus;
	(void)domain;
	(void)vcpu;
	return vote->from == VOTE_NONE ? 0 : 1000 + (uint32_t)vote->steps;
}

uint32_t decision_standing_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			       const struct domain *domain, uint32_t vcpu,
			       const struct votes_of_vcpu *votes)
{
	return decision_vote_khz(sources, cpus, domain, vcpu, &votes->counts);
}

/* A vote for 1000 to 1255 kHz. */
static uint32_t word_of(uint32_t khz)
{
	return vote_pack(&(struct vote){.from = VOTE_LOWEST, .steps = (int16_t)(khz - 1000)});
}

struct votes_of_vcpu decision_votes(const struct decision_sources *sources,
				    const struct domain *domain, uint32_t vcpu)
{
	struct votes_of_vcpu votes = {.standing.from = VOTE_NONE};

	(void)vote_unpack(sources->state->vcpus[domain->id][vcpu].said, &votes.counts);
	return votes;
}

struct decision_naming *decision_naming_new(const struct decision_sources *sources)
{
	(void)sources;
	return calloc(1, sizeof(struct decision_naming));
}

bool decision_naming_step(struct decision_naming *naming, const struct decision_sources *sources)
{
	uint32_t vcpu;

	return registry_walk_vcpu(sources->registry, &naming->walk, &vcpu) != NULL;
}

bool decision_is_by(const struct decision *decision, const struct frequency_domain *fdom,
		    const struct claim *claim)
{
	(void)decision;
	(void)fdom;
	(void)claim;
	return false;
}

const char *decider_name(enum decider decider)
{
	(void)decider;
	return "nobody";
}

int cpufreq_baseline(const struct cpufreq *cpufreq, uint32_t id, struct baseline_entry *entry)
{
	(void)cpufreq;
	(void)id;
	(void)entry;
	return -ENOENT;
}

bool event_ring_wanted(const struct event_ring *ring, enum event_kind kind)
{
	(void)ring;
	return kind != EVENT_REQUESTS || requests_wanted;
}

static void say(const char *format, ...)
{
	size_t length = strlen(story);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(story + length, sizeof(story) - length, format, args);
	va_end(args);
	ck_assert_int_lt(n, (int)(sizeof(story) - length));
}

static void end_row(void)
{
	if (row.domain)
		say("%s:%u ", row.domain->description->name, row.n);
	else if (row.frequency_domain)
		say("+%u ", row.n);
	memset(&row, 0, sizeof(row));
}

void event_ring_put(struct event_ring *ring, enum event_kind kind, const struct event *event,
		    json_t *decides)
{
	(void)ring;
	if (kind == EVENT_LIBVIRT) {
		say("%s ", event->text);
		return;
	}
	if (kind == EVENT_REQUESTS) {
		end_row();
		say("%s has %d ", event->domain->description->name, (int)event->requests);
		return;
	}
	if (kind == EVENT_VOTE) {
		if (row.domain != event->domain)
			end_row();
		row.domain = event->domain;
	} else {
		ck_assert_int_eq(kind, EVENT_TARGET);
		ck_assert(decides);
		json_decref(decides);
		if (!row.frequency_domain) {
			end_row();
			say("#%u", event->frequency_domain->id);
		}
		row.frequency_domain = event->frequency_domain;
	}
	row.n++;
}

/* --- the scene ---------------------------------------------------------------------------- */

static struct domain *enter(unsigned int number)
{
	struct domain_description *description;
	struct xml_error error;
	struct domain *domain;
	char xml[300];

	(void)snprintf(xml, sizeof(xml),
		       "<domain type='kvm' id='%u'><name>vm%u</name>"
		       "<uuid>00000000-0000-0000-0000-00000000000%u</uuid><vcpu>%d</vcpu><devices>"
		       "<channel type='unix'><source mode='bind' path='/nowhere/%u'/><target "
		       "type='virtio' name='virtio.serial.port.poweragent.0'/></channel>"
		       "</devices></domain>",
		       number + 1, number, number, N_VCPUS, number);
	ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
	ck_assert_int_eq(registry_add(registry, description, &domain), 0);
	return domain;
}

static void setup(void)
{
	for (uint32_t i = 0; i < N_FREQUENCY_DOMAINS; i++)
		frequency[i].id = i;
	ck_assert_int_eq(registry_new(&registry), 0);
	for (unsigned int i = 0; i < N_DOMAINS; i++)
		domains[i] = enter(i);
	context.parts.registry = registry;
	context.parts.config = &config;
	scan = event_scan_new(&context);
	ck_assert(scan);
}

static void teardown(void)
{
	event_scan_free(scan);
	registry_free(registry);
}

static void vote(uint32_t khz)
{
	for (unsigned int i = 0; i < N_DOMAINS; i++) {
		for (unsigned int vcpu = 0; vcpu < N_VCPUS; vcpu++)
			shared.vcpus[domains[i]->id][vcpu].said = word_of(khz);
	}
}

static void set_targets(uint32_t khz)
{
	for (uint32_t i = 0; i < N_FREQUENCY_DOMAINS; i++)
		shared.frequency_domains[i].target_khz = khz;
}

static void expect_look(const char *wanted)
{
	story[0] = '\0';
	while (event_scan_step(scan, (struct event_ring *)&row /* not NULL */))
		;
	end_row();
	ck_assert_str_eq(story, wanted);
}

/* --- tests -------------------------------------------------------------------------------- */

FIXTURE(setup, teardown)

TEST(next_look_reports_what_one_left_out)
{
	expect_look("");
	vote(1000);
	set_targets(2000);
	expect_look("vm0:200 vm1:56 #0+256 ");
	expect_look("vm1:144 vm2:112 #256+44 ");
	expect_look("vm2:88 ");
	expect_look("");
}

/* When everything keeps changing, nothing is left out for good. */
TEST(each_has_its_turn)
{
	static const char *const looks[] = {"vm0:200 vm1:56 #0+256 ", "vm1:200 vm2:56 #256+256 ",
					    "vm2:200 vm0:56 #212+256 ", "vm0:200 vm1:56 #168+256 "};

	for (uint32_t i = 0; i < array_size(looks); i++) {
		vote(1000 + i);
		set_targets(2000 + i);
		expect_look(looks[i]);
	}
}

TEST(another_domain_in_a_slot_is_another)
{
	uint32_t id = domains[1]->id;

	shared.vcpus[id][7].said = word_of(1000);
	expect_look("vm1:1 ");
	expect_look("");
	registry_remove(registry, domains[1]);
	domains[1] = enter(1);
	ck_assert_uint_eq(domains[1]->id, id);
	expect_look("vm1:1 ");
}

TEST(requests_go_to_readers_that_want_them)
{
	struct shared_channel *channel = &shared.channels[domains[2]->channels[0].id];

	channel->requests = 3;
	expect_look("");
	requests_wanted = true;
	expect_look(""); /* earlier changes are not reported late */
	channel->requests = 5;
	expect_look("vm2 has 5 ");
	expect_look("");
}

TEST(libvirt_comes_and_goes)
{
	connected = true;
	expect_look("connected ");
	expect_look("");
	connected = false;
	expect_look("connection lost ");
}
