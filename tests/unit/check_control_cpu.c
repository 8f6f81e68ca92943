/* SPDX-License-Identifier: BSD-3-Clause */
/* org.vmpower.Manager over a real socket and on a real registry: CPUs and overrides. */
#include "tests/unit/control_stage.h"
#include "tests/unit/runner.h"

#define MAX_STEPS 6

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &error);

	ck_assert_msg(json, "%s", error.text);
	return json;
}

static void expect_json(json_t *got, const char *wanted_text)
{
	json_t *wanted = parse(wanted_text);
	char *text = json_dumps(got, 0);

	ck_assert_msg(json_equal(got, wanted), "%s", text);
	free(text);
	json_decref(wanted);
}

static json_t *ask(struct peer *peer, const char *call)
{
	json_t *reply, *parameters;

	peer_send(peer, call);
	reply = peer_receive(peer);
	parameters = json_object_get(reply, "parameters");
	ck_assert_ptr_null(json_object_get(reply, "error"));
	json_incref(parameters);
	json_decref(reply);
	return parameters;
}

#define FIRST_CLOCK                                                                                \
	"\"online\":true,\"siblings\":null,\"frequency_domain\":0,\"cpus\":\"0-3\",\"driver\":"    \
	"\"acpi-cpufreq\","                                                                        \
	"\"method\":\"setspeed\",\"controlled\":false,\"baseline\":null,\"target_khz\":null,"      \
	"\"lowest_khz\":null,"                                                                     \
	"\"current_khz\":null,\"foreign\":null,\"asked_khz\":null,\"voters\":0,\"silent\":1,"      \
	"\"decides\":{\"kind\":\"nobody\",\"domain\":null,"                                        \
	"\"vcpu\":null,"                                                                           \
	"\"others\":0,\"khz\":null}}"
#define SECOND_CLOCK(asked, decides)                                                               \
	"\"online\":true,\"siblings\":null,\"frequency_domain\":4,\"cpus\":\"4-7\",\"driver\":"    \
	"\"intel_pstate\","                                                                        \
	"\"method\":\"limits\",\"controlled\":true,\"baseline\":{\"governor\":\"schedutil\","      \
	"\"min_khz\":1000000,\"max_khz\":null},\"target_khz\":1000000,\"lowest_khz\":1000000,"     \
	"\"current_khz\":1999999,\"foreign\":null,\"asked_khz\":" asked ","                        \
	"\"voters\":3,\"silent\":0,\"decides\":" decides "}"
#define OVERRIDDEN                                                                                 \
	"{\"kind\":\"override\",\"domain\":\"vm1\",\"vcpu\":1,\"others\":0,\"khz\":1000000}"

FIXTURE(setup, teardown)

TEST(cpus_without_cpufreq_and_offline)
{
	struct peer peer;
	json_t *reply, *cpus;

	ck_assert_int_eq(cpuset_parse("4-8", &frequency[1].cpus), 0); /* 8 is offline */
	frequency[0].cpus = (struct cpuset){0};
	ck_assert_int_eq(cpuset_parse("0", &frequency[0].cpus), 0); /* 1 to 3 have no cpufreq */
	peer = begin();
	reply = ask(&peer, METHOD("ListCpus", "{}"));
	cpus = json_object_get(reply, "cpus");
	ck_assert_uint_eq(json_array_size(cpus), 9);
	expect_json(json_array_get(cpus, 1),
		    "{\"cpu\":1,\"online\":true,\"siblings\":null,\"frequency_domain\":null,"
		    "\"cpus\":null,"
		    "\"driver\":null,\"method\":null,\"controlled\":false,\"baseline\":null,"
		    "\"target_khz\":null,\"lowest_khz\":null,\"current_khz\":null,\"foreign\":null,"
		    "\"asked_khz\":null,\"voters\":0,\"silent\":0,\"decides\":{"
		    "\"kind\":\"nobody\","
		    "\"domain\":null,\"vcpu\":null,\"others\":0,\"khz\":null}}");
	ck_assert(json_is_false(json_object_get(json_array_get(cpus, 8), "online")));
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_array_get(cpus, 8), "frequency_domain")),
		4);
	json_decref(reply);
	peer_close(&peer);
}

TEST(cpus_share_a_clock)
{
	struct peer peer = begin();
	json_t *reply = ask(&peer, METHOD("ListCpus", "{}"));

	ck_assert_uint_eq(json_array_size(json_object_get(reply, "cpus")), 8);
	expect_json(json_array_get(json_object_get(reply, "cpus"), 3), "{\"cpu\":3," FIRST_CLOCK);
	expect_json(json_array_get(json_object_get(reply, "cpus"), 7),
		    "{\"cpu\":7," SECOND_CLOCK("1000000", OVERRIDDEN));
	json_decref(reply);
	peer_close(&peer);
}

static const struct {
	uint32_t first_target, second_target;
	int n_first_cpus; /* of the first frequency domain, which may have all of them or none */
	unsigned int siblings[2];
	const char *of_5; /* JSON of what CPU 5 has */
} cores[] = {
	{0, 1000000, 4, {5, 5}, "null"},
	{0,
	 1000000,
	 4,
	 {1, 5},
	 "[{\"cpu\":1,\"target_khz\":null,\"pinned\":false,"
	 "\"holds_up\":\"baseline\"}]"},
	{1000001,
	 1000000,
	 4,
	 {2, 5},
	 "[{\"cpu\":2,\"target_khz\":1000001,\"pinned\":true,"
	 "\"holds_up\":\"target\"}]"},
	{1000000,
	 1000000,
	 4,
	 {2, 5},
	 "[{\"cpu\":2,\"target_khz\":1000000,\"pinned\":true,"
	 "\"holds_up\":null}]"},
	{2000000,
	 1000000,
	 0,
	 {1, 5},
	 "[{\"cpu\":1,\"target_khz\":null,\"pinned\":false,"
	 "\"holds_up\":\"unmanaged\"}]"},
	{1000000,
	 0,
	 4,
	 {2, 5},
	 "[{\"cpu\":2,\"target_khz\":1000000,\"pinned\":true,"
	 "\"holds_up\":null}]"},
	/* it runs at its highest frequency */
	{0,
	 2500000,
	 4,
	 {1, 5},
	 "[{\"cpu\":1,\"target_khz\":null,\"pinned\":false,\"holds_up\":null}]"},
	/* one frequency domain has both */
	{0,
	 1000000,
	 4,
	 {6, 5},
	 "[{\"cpu\":6,\"target_khz\":1000000,\"pinned\":true,"
	 "\"holds_up\":null}]"},
};

/* The core of CPU 5 runs at the highest frequency that its threads ask for. */
TEST_EACH(siblings, cores)
{
	struct peer peer;
	json_t *reply, *cpus;

	memcpy(stage.siblings, cores[_i].siblings, sizeof(stage.siblings));
	shared_store(shared.frequency_domains[0].target_khz, cores[_i].first_target);
	shared_store(shared.frequency_domains[1].target_khz, cores[_i].second_target);
	if (cores[_i].n_first_cpus == 0)
		frequency[0].cpus = (struct cpuset){0};
	peer = begin();
	reply = ask(&peer, METHOD("ListCpus", "{}"));
	cpus = json_object_get(reply, "cpus");
	expect_json(json_object_get(json_array_get(cpus, 5), "siblings"), cores[_i].of_5);
	ck_assert(json_is_null(json_object_get(json_array_get(cpus, 4), "siblings")));
	json_decref(reply);
	reply = ask(&peer, METHOD("ExplainCpu", "{\"cpu\":5}"));
	expect_json(json_object_get(json_object_get(reply, "cpu"), "siblings"), cores[_i].of_5);
	json_decref(reply);
	peer_close(&peer);
}

TEST(hangup_while_frequencies_are_read)
{
	struct peer gone = begin(), peer = peer_connect(&stage.fixture);

	__atomic_store_n(&stage.hold_reading, 1, __ATOMIC_SEQ_CST);
	peer_send(&gone, METHOD("ListCpus", "{}"));
	while (__atomic_load_n(&stage.n_read[0], __ATOMIC_SEQ_CST) == 0)
		(void)usleep(1000);
	peer_close(&gone);
	__atomic_store_n(&stage.hold_reading, 0, __ATOMIC_SEQ_CST);
	json_decref(ask(&peer, METHOD("ListCpus", "{}")));
	/* one read for the first call, two for the second */
	ck_assert_int_eq(__atomic_load_n(&stage.n_read[0], __ATOMIC_SEQ_CST), 2);
	ck_assert_int_eq(__atomic_load_n(&stage.n_read[1], __ATOMIC_SEQ_CST), 1);
	peer_close(&peer);
}

#define VOTED "{\"kind\":\"vote\",\"domain\":\"vm1\",\"vcpu\":1,\"others\":0,\"khz\":2000000}"
#define SILENT_0                                                                                   \
	"{\"domain\":\"vm1\",\"vcpu\":0,\"cpus\":\"2,5-6\",\"vote_khz\":null,\"protects\":true,"   \
	"\"paused\":false,\"by_policy\":false,\"by_operator_policy\":false,\"traffic\":null,"      \
	"\"standing_khz\":null,"                                                                   \
	"\"turbo_off\":false,"                                                                     \
	"\"override_khz\":null,\"clamped\":null,\"decides\":false}"
#define VOTER_1(override, clamped)                                                                 \
	"{\"domain\":\"vm1\",\"vcpu\":1,\"cpus\":\"5\",\"vote_khz\":2000000,\"protects\":false,"   \
	"\"paused\":false,\"by_policy\":false,\"by_operator_policy\":false,\"traffic\":null,"      \
	"\"standing_khz\":null,"                                                                   \
	"\"turbo_off\":false,"                                                                     \
	"\"override_khz\":" override ",\"clamped\":" clamped ",\"decides\":true}"
#define SECOND_LIMITS                                                                              \
	"{\"lowest_khz\":1000000,\"highest_khz\":2500000,\"non_turbo_khz\":2000000,"               \
	"\"min_khz\":1000000,\"max_khz\":2000000}"

/* CPU 4 or 5; @voter: vCPU 1 as it is explained */
static void expect_explanation(struct peer *peer, int cpu, const char *clock, const char *voter,
			       json_t *write_error)
{
	char call[128], wanted[2000];
	json_t *reply;

	(void)snprintf(call, sizeof(call), METHOD("ExplainCpu", "{\"cpu\":%d}"), cpu);
	reply = ask(peer, call);
	ck_assert(json_equal(json_object_get(reply, "write_error"), write_error));
	json_decref(write_error);
	ck_assert_int_eq(json_object_del(reply, "write_error"), 0);
	(void)snprintf(wanted, sizeof(wanted),
		       "{\"cpu\":{\"cpu\":%d,%s,\"limits\":%s,\"vcpus\":[%s,%s],\"floating\":0}",
		       cpu, clock, SECOND_LIMITS, SILENT_0, voter);
	expect_json(reply, wanted);
	json_decref(reply);
}

TEST(explanations)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	struct peer peer = begin();

	expect_explanation(&peer, 5, SECOND_CLOCK("1000000", OVERRIDDEN),
			   VOTER_1("1000000", "null"), json_string(strerror(EBUSY)));
	/* without the override the vote decides, clamped by the host's limit */
	peer_call(&peer,
		  METHOD("SetOverride", "{\"domain\":\"vm1\",\"vcpu\":1,\"action\":\"release\"}"),
		  RESULT("{\"khz\":null,\"previous_khz\":1000000}"));
	ck_assert_uint_eq(domain_override(domain, 1), 0);
	shared_store(shared.frequency_domains[1].decider, DECIDER_VOTE);
	shared_store(shared.frequency_domains[1].step_khz, 2000000);
	shared_store(shared.frequency_domains[1].last_error, INT32_MIN); /* no honest monitor's */
	expect_explanation(&peer, 4, SECOND_CLOCK("2000000", VOTED), VOTER_1("null", "\"max\""),
			   json_null());
	peer_close(&peer);
}

static const struct {
	uint32_t floor, ceiling; /* of the steps 1, 1.5, 2 and 2.5 GHz, 2 is without turbo */
	uint32_t min_khz, max_khz, turbo; /* the domain's */
	enum vote_from vote;
	const char *clamped; /* NULL: nothing */
} clampings[] = {
	{0, 3, 0, 0, 1, VOTE_HIGHEST, NULL},
	{0, 3, 0, 0, 1, VOTE_LOWEST, NULL},
	{0, 2, 0, 0, 1, VOTE_HIGHEST, "max"},
	{1, 3, 0, 0, 1, VOTE_LOWEST, "min"},
	{0, 3, 0, 0, 0, VOTE_HIGHEST, "domain-turbo"},
	{0, 2, 0, 0, 0, VOTE_HIGHEST, "max"},
	{0, 3, 0, 1600000, 0, VOTE_HIGHEST, "domain-max"},
	{0, 3, 0, 2400000, 1, VOTE_HIGHEST, "domain-max"},
	{0, 3, 0, 2400000, 1, VOTE_LOWEST, NULL},
	{0, 2, 0, 2400000, 1, VOTE_HIGHEST, "max"},
	{0, 3, 1100000, 0, 1, VOTE_LOWEST, "domain-min"},
	{0, 3, 1100000, 0, 1, VOTE_HIGHEST, NULL},
	{1, 3, 1100000, 0, 1, VOTE_LOWEST, "min"},
	/* they contradict each other */
	{0, 3, 2000000, 1500000, 1, VOTE_LOWEST, "domain-max"},
	{2, 3, 0, 1500000, 1, VOTE_HIGHEST, "min"},
};

TEST_EACH(who_clamps, clampings)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	struct domain_settings *settings = &domain->rules.settings;
	const struct vote vote = {.from = (uint8_t)clampings[_i].vote};
	struct peer peer;
	json_t *reply, *claim;
	const char *clamped;

	frequency[1].floor = clampings[_i].floor;
	frequency[1].ceiling = clampings[_i].ceiling;
	settings->min_khz = clampings[_i].min_khz;
	settings->max_khz = clampings[_i].max_khz;
	settings->turbo = clampings[_i].turbo;
	shared.vcpus[domain->id][1].said = vote_pack(&vote);
	ck_assert_int_eq(domain_set_override(domain, 1, 0), 0);
	peer = begin();
	reply = ask(&peer, METHOD("ExplainCpu", "{\"cpu\":5}"));
	claim = json_array_get(json_object_get(reply, "vcpus"), 1);
	clamped = json_string_value(json_object_get(claim, "clamped"));
	ck_assert_pstr_eq(clamped, clampings[_i].clamped);
	json_decref(reply);
	peer_close(&peer);
}

TEST(cpu_without_cpufreq_has_no_explanation)
{
	struct peer peer;
	json_t *reply;

	frequency[0].cpus = (struct cpuset){0};
	peer = begin();
	reply = ask(&peer, METHOD("ExplainCpu", "{\"cpu\":2}"));
	ck_assert(json_is_null(json_object_get(reply, "limits")));
	ck_assert_uint_eq(json_array_size(json_object_get(reply, "vcpus")), 0);
	json_decref(reply);
	peer_close(&peer);
}

#define FINDING(found, error)                                                                      \
	"{\"frequency_domain\":4,\"cpus\":\"4-7\",\"file\":\"scaling_max_freq\","                  \
	"\"ours\":\"1000000\",\"found\":" found ",\"error\":" error ",\"since\":1700000000}"

TEST(findings)
{
	struct peer peer = begin();

	peer_call(&peer, METHOD("Verify", "{}"), RESULT("{\"checked\":1,\"findings\":[]}"));
	stage.n_findings = 2;
	peer_call(&peer, METHOD("Verify", "{}"),
		  RESULT("{\"checked\":1,\"findings\":[" FINDING("\"2000000\"", "null") "," FINDING(
			  "null", "\"Device or resource busy\"") "]}"));
	peer_close(&peer);
}

#define SET(what) METHOD("SetOverride", "{\"domain\":\"vm1\"," what "}")
#define FIXED(khz, before) RESULT("{\"khz\":" khz ",\"previous_khz\":" before "}")
#define V0 "\"vcpu\":0,\"action\":"
#define REFUSED(error, vcpu) ERROR(error, "{\"domain\":\"vm1\",\"vcpu\":" vcpu "}")
#define OUT_OF_RANGE(khz)                                                                          \
	ERROR("FrequencyOutOfRange", "{\"domain\":\"vm1\",\"vcpu\":0,\"khz\":" khz                 \
				     ",\"lowest_khz\":1000000,\"highest_khz\":2500000}")
#define NO_CPU(n) ERROR("NoSuchCpu", "{\"cpu\":" n "}")
#define NO_VCPU(n) ERROR("NoSuchVCpu", "{\"domain\":\"vm1\",\"vcpu\":" n ",\"vcpus\":3}")

/* Calls one after the other, each with its reply. */
static const struct {
	struct {
		const char *call, *reply;
	} steps[MAX_STEPS];
} scripts[] = {
	{{{METHOD("ExplainCpu", "{\"cpu\":8}"), NO_CPU("8")},
	  {METHOD("ExplainCpu", "{\"cpu\":-1}"), NO_CPU("-1")},
	  {METHOD("ExplainCpu", "{\"cpu\":4294967296}"), NO_CPU("4294967296")},
	  {METHOD("ExplainCpu", "{\"cpu\":\"0\"}"), INVALID("cpu")},
	  {METHOD("ExplainCpu", "{}"), INVALID("cpu")}}},
	{{{METHOD("SetOverride", "{\"domain\":\"vm2\"," V0 "\"up\"}"), NO_VM2},
	  {SET("\"vcpu\":3,\"action\":\"up\""), NO_VCPU("3")},
	  {SET("\"vcpu\":-1,\"action\":\"release\""), NO_VCPU("-1")},
	  {SET("\"vcpu\":2,\"action\":\"up\""), REFUSED("VCpuOffline", "2")},
	  {SET(V0 "\"sideways\""), INVALID("action")},
	  {SET("\"action\":\"up\""), INVALID("vcpu")}}},
	{{{SET(V0 "\"khz\""), INVALID("khz")},
	  {SET(V0 "\"khz\",\"khz\":\"2.4GHz\""), INVALID("khz")},
	  {SET(V0 "\"up\",\"khz\":1"), INVALID("khz")},
	  {SET(V0 "\"release\",\"khz\":1"), INVALID("khz")},
	  {SET(V0 "\"release\",\"khz\":null"), FIXED("null", "null")}}},
	/* what the hardware can do, not what the host's limits allow */
	{{{SET(V0 "\"khz\",\"khz\":2400"), OUT_OF_RANGE("2400")},
	  {SET(V0 "\"khz\",\"khz\":0"), OUT_OF_RANGE("0")},
	  {SET(V0 "\"khz\",\"khz\":-1"), OUT_OF_RANGE("-1")},
	  {SET(V0 "\"khz\",\"khz\":9223372036854775807"), OUT_OF_RANGE("9223372036854775807")},
	  {SET(V0 "\"khz\",\"khz\":2500000"), FIXED("2000000", "null")}}},
	/* from the target, which is 1 GHz, then from the override */
	{{{SET(V0 "\"up\""), FIXED("1500000", "null")},
	  {SET(V0 "\"up\""), FIXED("2000000", "1500000")},
	  {SET(V0 "\"up\""), FIXED("2000000", "2000000")},
	  {SET(V0 "\"khz\",\"khz\":1000001"), FIXED("1500000", "2000000")},
	  {SET(V0 "\"down\""), FIXED("1000000", "1500000")},
	  {SET(V0 "\"max\""), FIXED("2000000", "1000000")}}},
};

TEST_EACH(script, scripts)
{
	struct peer peer = begin();

	for (int i = 0; i < MAX_STEPS && scripts[_i].steps[i].call; i++)
		peer_call(&peer, scripts[_i].steps[i].call, scripts[_i].steps[i].reply);
	peer_close(&peer);
}

TEST(only_pinned_vcpus_can_be_overridden)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	struct peer peer;

	ck_assert_int_eq(cpuset_parse("0-7", domain->description->vcpus[0].affinity), 0);
	frequency[1].cpus = (struct cpuset){0};
	peer = begin();
	peer_call(&peer, SET(V0 "\"min\""), REFUSED("NotPinned", "0"));
	peer_call(&peer, SET("\"vcpu\":1,\"action\":\"min\""), REFUSED("NoFrequencyDomain", "1"));
	peer_call(&peer, SET("\"vcpu\":1,\"action\":\"release\""), FIXED("null", "1000000"));
	peer_close(&peer);
}
