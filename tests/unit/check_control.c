/* SPDX-License-Identifier: BSD-3-Clause */
/* org.vmpower.Manager over a real socket and on a real registry: domains and channels. */
#include "helper/manager/registry/refusal_names.h"
#include "tests/unit/control_stage.h"
#include "tests/unit/runner.h"

FIXTURE(setup, teardown)

TEST(status)
{
	struct peer peer = begin();
	json_t *reply, *parameters, *turn;

	shared.turns.longest_ns = 2500 * NS_PER_US;
	shared.turns.longest_ended_ns = monotonic_ns() - 7 * NS_PER_S;
	peer_send(&peer, METHOD("GetStatus", "{}"));
	reply = peer_receive(&peer);
	parameters = json_object_get(reply, "parameters");
	ck_assert(json_is_integer(json_object_get(parameters, "uptime_s")));
	ck_assert_int_eq(json_object_del(parameters, "uptime_s"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(parameters, "version")),
			 VMPOWER_VERSION);
	ck_assert_int_eq(json_object_del(parameters, "version"), 0);
	/* the monitor's is as it published it; ours is of this loop */
	turn = json_object_get(parameters, "monitor_longest_turn");
	ck_assert_int_eq(json_integer_value(json_object_get(turn, "wall_us")), 2500);
	ck_assert(json_is_null(json_object_get(turn, "cpu_us")));
	ck_assert_int_ge(time(NULL) - json_integer_value(json_object_get(turn, "time")), 7);
	ck_assert_int_eq(json_object_del(parameters, "monitor_longest_turn"), 0);
	ck_assert_int_eq(json_object_del(parameters, "longest_turn"), 0);
	{
		json_t *wanted =
			json_loads("{\"domains\":1,\"channels\":3,\"connected\":1,\"cpus\":8,"
				   "\"frequency_domains\":2,\"controlled\":1,\"monitor_pid\":77,"
				   "\"monitor_restarts\":3,\"libvirt_uri\":\"test:///\","
				   "\"libvirt_connected\":true}",
				   0, NULL);

		ck_assert(json_equal(parameters, wanted));
		json_decref(wanted);
	}
	json_decref(reply);
	peer_close(&peer);
}

TEST(domain_in_full)
{
	struct config_domain section = {.pattern = "vm*", .origin = "/etc/x:3"};
	struct domain *vm1 = registry_find(stage.registry, "vm1");
	struct peer peer;
	json_t *reply, *domain, *refused;

	ck_assert(domain_setting_parse(SETTING_MAX_FREQUENCY, "2000000", &section.settings));
	ck_assert(domain_setting_parse(SETTING_COMMANDS, "scale", &section.settings));
	ck_assert(domain_setting_parse(SETTING_POLICY, "workload", &section.settings));
	ck_assert(domain_setting_parse(SETTING_POLICY_LEVEL, "low", &section.settings));
	ck_assert(domain_setting_parse(SETTING_POLICY_VCPUS, "1,2,5", &section.settings));
	config.domains = &section;
	config.n_domains = 1;
	memcpy(vm1->description->metadata_error, "wrong", sizeof("wrong"));
	domain_rules_find(&config, &(struct khz_range){0, 0}, vm1->description, &vm1->rules);
	peer = begin();

	peer_send(&peer, METHOD("GetDomain", "{\"domain\":\"vm1\"}"));
	reply = peer_receive(&peer);
	domain = json_object_get(json_object_get(reply, "parameters"), "domain");
	/* refusal.c names refusals; only their number is tested here */
	refused =
		json_object_get(json_array_get(json_object_get(domain, "channels"), 0), "refused");
	ck_assert_uint_eq(json_object_size(refused), N_REFUSALS - 1);
	ck_assert_int_eq(
		json_integer_value(json_object_get(refused, refusal_name(REFUSAL_UNPINNED))), 4);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(
			json_object_del(json_array_get(json_object_get(domain, "channels"), i),
					"refused"),
			0);
	{
		json_t *wanted = json_loads(
			"{\"name\":\"vm1\",\"uuid\":\"" UUID_1
			"\",\"id\":9,\"paused\":false,\"problem\":null,\"settings\":{"
			"\"serve\":true,\"min_khz\":null,\"max_khz\":2000000,\"turbo\":false,"
			"\"commands\":[\"scale\"],\"queries\":false,\"rate\":0,\"burst\":0,"
			"\"vote_lifetime_s\":0,\"policy\":\"workload\","
			"\"policy_level\":\"low\",\"policy_low_hours\":\"none\","
			"\"policy_medium_hours\":\"none\",\"policy_high_hours\":\"none\","
			"\"policy_traffic_hours\":\"none\",\"policy_medium_packets\":10000,"
			"\"policy_high_packets\":100000,\"policy_direction\":\"to-guest\","
			"\"policy_vcpus\":\"1-2,5\",\"policy_interfaces\":\"all\","
			"\"policy_rank\":\"below-guest\",\"policy_source\":\"section\","
			"\"section\":\"vm*\",\"origin\":\"/etc/x:3\",\"metadata\":true,"
			"\"metadata_error\":\"wrong\"},\"traffic\":null,\"interfaces\":[],"
			"\"channels\":["
			"{\"number\":0,\"path\":\"/run/0\",\"state\":\"connected\","
			"\"enabled\":true,\"error\":null,\"requests\":17,\"acks\":6,\"nacks\":4,"
			"\"resyncs\":1,\"unanswered\":4,\"late_replies\":1,\"dropped_replies\":2,"
			"\"throttled\":3},"
			"{\"number\":1,\"path\":\"/run/1\",\"state\":\"connecting\","
			"\"enabled\":true,\"error\":\"Connection refused\","
			"\"requests\":9223372036854775807,\"acks\":0,\"nacks\":0,\"resyncs\":0,"
			"\"unanswered\":0,\"late_replies\":0,\"dropped_replies\":0,\"throttled\":0}"
			","
			"{\"number\":5,\"path\":\"/run/5\",\"state\":\"removed\","
			"\"enabled\":true,\"error\":null,\"requests\":0,\"acks\":0,\"nacks\":0,"
			"\"resyncs\":0,\"unanswered\":0,\"late_replies\":0,\"dropped_replies\":0,"
			"\"throttled\":0}],\"vcpus\":["
			"{\"vcpu\":0,\"online\":true,\"cpus\":\"2,5-6\",\"vote_khz\":null,"
			"\"pinned\":true,\"by_operator_policy\":false,"
			"\"standing_khz\":null,\"turbo_off\":false,\"policy\":null,\"override_"
			"khz\":null,"
			"\"frequency_domains\":[0,4]},"
			"{\"vcpu\":1,\"online\":true,\"cpus\":\"5\",\"vote_khz\":2000000,"
			"\"pinned\":true,\"by_operator_policy\":false,"
			"\"standing_khz\":null,\"turbo_off\":false,\"policy\":null,\"override_"
			"khz\":"
			"1000000,"
			"\"frequency_domains\":[4]},"
			"{\"vcpu\":2,\"online\":false,\"cpus\":null,\"vote_khz\":null,"
			"\"pinned\":false,\"by_operator_policy\":false,"
			"\"standing_khz\":null,\"turbo_off\":false,\"policy\":null,\"override_"
			"khz\":"
			"null,"
			"\"frequency_domains\":[]}]}",
			0, NULL);
		char *text = json_dumps(domain, 0);

		ck_assert_msg(json_equal(domain, wanted), "%s", text);
		free(text);
		json_decref(wanted);
	}
	json_decref(reply);
	peer_close(&peer);
}

TEST(hangup_is_shown_though_it_connects_again)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	struct peer peer;
	json_t *reply, *parameters, *channels;

	domain->channels[1].hung_up = true;
	peer = begin();
	peer_send(&peer, METHOD("GetDomain", "{\"domain\":\"" UUID_1 "\"}"));
	reply = peer_receive(&peer);
	parameters = json_object_get(reply, "parameters");
	channels = json_object_get(json_object_get(parameters, "domain"), "channels");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(channels, 1), "state")),
			 "disconnected");
	json_decref(reply);
	peer_close(&peer);
}

TEST(log_level_changes_at_run_time)
{
	struct peer peer = begin();
	int before = log_level();

	log_set_level(LOG_INFO);
	peer_send(&peer, METHOD("SetLogLevel", "{\"level\":\"debug\"}"));
	peer_expect(&peer, RESULT("{\"previous_level\":\"info\"}"));
	ck_assert_int_eq(log_level(), LOG_DEBUG);
	peer_send(&peer, METHOD("SetLogLevel", "{\"level\":\"loud\"}"));
	peer_expect(&peer, INVALID("level"));
	ck_assert_int_eq(log_level(), LOG_DEBUG);
	peer_close(&peer);
	log_set_level(before);
}

TEST(reload)
{
	struct peer peer = begin();

	peer_send(&peer, METHOD("Reload", "{}"));
	peer_expect(&peer, RESULT("{\"changed\":[\"[channel] rate\",\"[channel] burst\","
				  "\"[domain \\\"...\\\"]\"],"
				  "\"needs_restart\":[\"[libvirt] uri\"]}"));
	peer_close(&peer);
}

TEST(reload_refused)
{
	struct peer peer;

	stage.reload_error = "f:3: [channel] rate is 'x'";
	peer = begin();
	peer_send(&peer, METHOD("Reload", "{}"));
	peer_expect(&peer, ERROR("BadConfig", "{\"reason\":\"f:3: [channel] rate is 'x'\"}"));
	peer_close(&peer);
}

#define NO_CHANNEL(n) ERROR("NoSuchChannel", "{\"domain\":\"vm1\",\"number\":" n "}")
#define CHANGED(n) RESULT("{\"changed\":" n "}")
#define MAX_STEPS 4

/* Calls one after the other, each with its reply, and what libvirt says meanwhile. */
static const struct {
	struct {
		const char *call, *reply;
	} steps[MAX_STEPS];
	int error;	  /* of lookups */
	int lookup_error; /* of virt_lookup() */
	const char *xml, *asked;
} scripts[] = {
	{.steps = {{METHOD("ListDomains", "{}"),
		    RESULT("{\"domains\":[{\"name\":\"vm1\",\"uuid\":\"" UUID_1
			   "\",\"id\":9,\"paused\":false,\"problem\":null,\"vcpus\":3,"
			   "\"channels\":3,\"connected\":1,\"requests\":9223372036854775807,"
			   "\"nacks\":4}]}")}}},
	{.steps = {{METHOD("ListDomains", "{\"domain\":\"vm1\"}"), INVALID("domain")},
		   {METHOD("GetDomain", "{\"domain\":\"\"}"), INVALID("domain")},
		   {METHOD("GetDomain", "{\"domain\":\"vm2\"}"), NO_VM2},
		   {METHOD("RemoveDomain", "{\"domain\":\"vm2\"}"), NO_VM2}}},
	{.steps = {{METHOD("SetChannels", "{\"domain\":\"vm1\",\"enabled\":false}"), CHANGED("3")},
		   {METHOD("SetChannels",
			   "{\"domain\":\"vm1\",\"numbers\":[1,1,5],\"enabled\":true}"),
		    CHANGED("2")},
		   {METHOD("SetChannels", "{\"domain\":\"vm1\",\"numbers\":[],\"enabled\":true}"),
		    CHANGED("0")},
		   {METHOD("SetChannels", "{\"domain\":\"vm1\",\"numbers\":null,\"enabled\":true}"),
		    CHANGED("1")}}},
	/* nothing changes if one is unknown */
	{.steps = {{METHOD("SetChannels",
			   "{\"domain\":\"vm1\",\"numbers\":[0,2,1],\"enabled\":false}"),
		    NO_CHANNEL("2")},
		   {METHOD("SetChannels",
			   "{\"domain\":\"vm1\",\"numbers\":[0,-1],\"enabled\":false}"),
		    NO_CHANNEL("-1")},
		   {METHOD("SetChannels",
			   "{\"domain\":\"vm1\",\"numbers\":[1024],\"enabled\":false}"),
		    NO_CHANNEL("1024")},
		   {METHOD("SetChannels", "{\"domain\":\"vm1\",\"enabled\":true}"), CHANGED("0")}}},
	{.steps = {{METHOD("SetChannels", "{\"domain\":\"vm2\",\"enabled\":true}"), NO_VM2},
		   {METHOD("SetChannels", "{\"domain\":\"vm1\"}"), INVALID("enabled")},
		   {METHOD("SetChannels", "{\"domain\":\"vm1\",\"numbers\":1,\"enabled\":true}"),
		    INVALID("numbers")}}},
	{.steps = {{METHOD("RemoveChannels", "{\"domain\":\"vm1\",\"numbers\":[1,3]}"),
		    NO_CHANNEL("3")},
		   {METHOD("RemoveChannels", "{\"domain\":\"vm1\",\"numbers\":[1,5]}"),
		    CHANGED("1")},
		   {METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[0,1]}"), CHANGED("1")},
		   {METHOD("AddChannels", "{\"domain\":\"vm1\"}"), CHANGED("1")}}},
	{.steps = {{METHOD("RemoveDomain", "{\"domain\":\"vm1\"}"),
		    RESULT("{\"name\":\"vm1\",\"uuid\":\"" UUID_1 "\"}")},
		   {METHOD("RemoveDomain", "{\"domain\":\"vm1\"}"),
		    ERROR("NoSuchDomain", "{\"domain\":\"vm1\"}")},
		   {METHOD("ListDomains", "{}"), RESULT("{\"domains\":[]}")}}},
	/* AddDomain */
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    RESULT("{\"name\":\"vm2\",\"uuid\":\"" UUID_2 "\",\"channels\":1}")},
		   {METHOD("RemoveDomain", "{\"domain\":\"" UUID_2 "\"}"),
		    RESULT("{\"name\":\"vm2\",\"uuid\":\"" UUID_2 "\"}")}},
	 .xml = DOMAIN_XML("id='2'", "vm2", UUID_2, CHANNEL_XML("0")),
	 .asked = "vm2"},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm1\"}"),
		    RESULT("{\"name\":\"vm1\",\"uuid\":\"" UUID_1 "\",\"channels\":1}")}},
	 .xml = DOMAIN_XML("id='9'", "vm1", UUID_1, CHANNEL_XML("7")),
	 .asked = "vm1"},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    ERROR("DomainNotRunning", "{\"domain\":\"vm2\"}")}},
	 .xml = DOMAIN_XML("", "vm2", UUID_2, CHANNEL_XML("0"))},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"), NO_VM2}}, .error = -ENOENT},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    ERROR("DomainNotRunning", "{\"domain\":\"vm2\"}")}},
	 .error = -ESRCH},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    ERROR("LibvirtUnavailable",
			  "{\"uri\":\"test:///\",\"reason\":\"not connected\"}")}},
	 .error = -ENOTCONN},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    ERROR("LibvirtUnavailable",
			  "{\"uri\":\"test:///\",\"reason\":\"it did not answer in time\"}")}},
	 .error = -ETIMEDOUT},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"vm2\"}"),
		    ERROR("LibvirtUnavailable",
			  "{\"uri\":\"test:///\",\"reason\":\"not connected\"}")}},
	 .lookup_error = -ENOTCONN},
	{.steps = {{METHOD("AddDomain", "{\"domain\":\"\"}"), INVALID("domain")}}},
	/* AddChannels with an unknown channel: perhaps it was just plugged in */
	{.steps = {{METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[0,7]}"), CHANGED("1")}},
	 .xml = DOMAIN_XML("id='9'", "vm1", UUID_1, CHANNEL_XML("0") CHANNEL_XML("7")),
	 .asked = UUID_1},
	{.steps = {{METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[0,8]}"),
		    NO_CHANNEL("8")}},
	 .xml = DOMAIN_XML("id='9'", "vm1", UUID_1, CHANNEL_XML("0") CHANNEL_XML("7")),
	 .asked = UUID_1},
	{.steps = {{METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[8]}"),
		    ERROR("LibvirtUnavailable",
			  "{\"uri\":\"test:///\",\"reason\":\"not connected\"}")}},
	 .error = -ENOTCONN},
	/* it has just ended, and another domain has its UUID as a name */
	{.steps = {{METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[7]}"),
		    ERROR("NoSuchDomain", "{\"domain\":\"vm1\"}")},
		   {METHOD("AddChannels", "{\"domain\":\"" UUID_2 "\"}"),
		    ERROR("NoSuchDomain", "{\"domain\":\"" UUID_2 "\"}")}},
	 .xml = DOMAIN_XML("id='2'", UUID_1, UUID_2, CHANNEL_XML("7")),
	 .asked = UUID_1},
	{.steps = {{METHOD("AddChannels", "{\"domain\":\"vm2\",\"numbers\":[0]}"), NO_VM2},
		   {METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[1024]}"),
		    NO_CHANNEL("1024")}},
	 .error = -EIO},
};

TEST_EACH(script, scripts)
{
	struct peer peer;

	stage.virt.error = scripts[_i].error;
	stage.virt.lookup_error = scripts[_i].lookup_error;
	stage.virt.xml = scripts[_i].xml;
	peer = begin();
	for (int i = 0; i < MAX_STEPS && scripts[_i].steps[i].call; i++)
		peer_call(&peer, scripts[_i].steps[i].call, scripts[_i].steps[i].reply);
	if (scripts[_i].asked)
		ck_assert_str_eq(stage.virt.asked, scripts[_i].asked);
	peer_close(&peer);
}

/* QEMU hung up, and vmpowerd has given up: the operator knows better. */
TEST(given_up_channel_is_added)
{
	struct peer peer;
	struct channel *channel = &registry_find(stage.registry, "vm1")->channels[1];

	channel->state = CHANNEL_DISCONNECTED;
	peer = begin();
	peer_call(&peer, METHOD("AddChannels", "{\"domain\":\"vm1\",\"numbers\":[0,1]}"),
		  CHANGED("1"));
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTING);
	peer_close(&peer);
}

TEST(bad_xml_names_its_fault)
{
	struct peer peer;
	json_t *reply, *parameters;

	stage.virt.xml = "<network/>";
	peer = begin();
	peer_send(&peer, METHOD("AddDomain", "{\"domain\":\"vm2\"}"));
	reply = peer_receive(&peer);
	ck_assert_str_eq(json_string_value(json_object_get(reply, "error")),
			 "org.vmpower.Manager.BadDomainXml");
	parameters = json_object_get(reply, "parameters");
	ck_assert_str_eq(json_string_value(json_object_get(parameters, "domain")), "vm2");
	ck_assert_uint_gt(json_string_length(json_object_get(parameters, "reason")), 0);
	ck_assert_int_eq(stage.n_registered, 0);
	json_decref(reply);
	peer_close(&peer);
}

TEST(hangup_cancels_the_lookup)
{
	struct peer peer, other;

	stage.virt.silent = true;
	peer = begin();
	other = peer_connect(&stage.fixture);
	peer_send(&peer, METHOD("AddDomain", "{\"domain\":\"vm2\"}"));
	peer_close(&peer);
	while (__atomic_load_n(&stage.virt.n_cancelled, __ATOMIC_RELAXED) == 0)
		peer_call(&other, METHOD("GetDomain", "{\"domain\":\"vm2\"}"), NO_VM2);
	peer_close(&other);
}

#define N_MORE 40

/* Domains vm10 to vm49, each with a silent vCPU on CPU 5. */
static void enter_more(void)
{
	for (int i = 10; i < 10 + N_MORE; i++) {
		char xml[400];

		(void)snprintf(xml, sizeof(xml),
			       "<domain type='kvm' id='%d'><name>vm%d</name>"
			       "<uuid>00000000-0000-0000-0000-0000000000%d</uuid><vcpu>1</vcpu>"
			       "<cputune><vcpupin vcpu='0' cpuset='5'/></cputune></domain>",
			       i, i, i);
		(void)enter(xml);
	}
}

/* @text: once for each domain that is listed, with its name */
static const struct {
	const char *call, *text;
} long_answers[] = {
	{METHOD("ListDomains", "{}"), "\"name\":\"%s\""},
	{METHOD("ListCpus", "{}"), NULL},
	{METHOD("ExplainCpu", "{\"cpu\":5}"), "{\"domain\":\"%s\",\"vcpu\":0"},
	{METHOD("Metrics", "{}"), "vmpower_domain_throttled_total{domain=\\\"%s\\\","},
	{METHOD("Verify", "{}"), NULL},
};

/* Another client is served between their steps; here it ends a domain that is to be listed yet. */
TEST_EACH(long_answers_take_several_turns, long_answers)
{
	struct peer peer, other;
	json_t *reply;
	char *text;

	enter_more();
	stage.n_findings = 1;
	stage.hold_step = 1;
	stage.slow_steps = true;
	peer = begin();
	other = peer_connect(&stage.fixture);
	peer_send(&peer, long_answers[_i].call);
	while (__atomic_load_n(&stage.n_looks, __ATOMIC_SEQ_CST) == 0)
		(void)usleep(1000);
	peer_send(&other, METHOD("RemoveDomain", "{\"domain\":\"vm40\"}"));
	__atomic_store_n(&stage.hold_step, 0, __ATOMIC_SEQ_CST);
	peer_expect(&other, RESULT("{\"name\":\"vm40\",\"uuid\":"
				   "\"00000000-0000-0000-0000-000000000040\"}"));
	reply = peer_receive(&peer);
	ck_assert_ptr_null(json_object_get(reply, "error"));
	ck_assert_ptr_nonnull(json_object_get(reply, "parameters"));
	ck_assert_int_lt(stage.n_looks_at_report, stage.n_looks);
	text = json_dumps(reply, JSON_COMPACT);
	for (int i = 10; i < 10 + N_MORE && long_answers[_i].text; i++) {
		char name[16], wanted[80];

		(void)snprintf(name, sizeof(name), "vm%d", i);
		(void)snprintf(wanted, sizeof(wanted), long_answers[_i].text, name);
		ck_assert_msg((strstr(text, wanted) != NULL) == (i != 40), "%s in %s", wanted,
			      text);
	}
	free(text);
	json_decref(reply);
	peer_close(&peer);
	peer_close(&other);
}

/* A domain that ends and starts again meanwhile is not listed twice: its series must be unique. */
TEST(walk_visits_what_was_there)
{
	struct registry_walk domains, vcpus;
	struct domain_key key;
	char names[2000] = "";
	struct domain *d;
	uint32_t vcpu;

	(void)enter(DOMAIN_XML("id='2'", "vm2", UUID_2, ""));
	key = domain_key(registry_find(stage.registry, "vm1"));
	domains = vcpus = registry_walk();
	ck_assert_str_eq(registry_walk_domain(stage.registry, &domains)->description->name, "vm1");
	d = registry_walk_vcpu(stage.registry, &vcpus, &vcpu);
	ck_assert(d->description->name[2] == '1' && vcpu == 0);
	/* vm1 comes again behind vm2, another has its place */
	registry_remove(stage.registry, registry_find(stage.registry, "vm1"));
	ck_assert_ptr_null(registry_find_key(stage.registry, key));
	(void)enter(DOMAIN_XML("id='3'", "vm3", "00000000-0000-0000-0000-000000000003", ""));
	ck_assert_uint_eq(registry_find(stage.registry, "vm3")->id, key.id);
	ck_assert_ptr_null(registry_find_key(stage.registry, key));
	(void)enter(DOMAIN_XML("id='9'", "vm1", UUID_1, ""));
	while ((d = registry_walk_domain(stage.registry, &domains)))
		strcat(names, d->description->name);
	while ((d = registry_walk_vcpu(stage.registry, &vcpus, &vcpu)))
		(void)snprintf(names + strlen(names), 300, " %s:%u", d->description->name, vcpu);
	ck_assert_str_eq(names, "vm2 vm2:0 vm2:1 vm2:2");
	(void)begin();
}

/* Table and description have the same methods with the same parameters. */
TEST(table_and_description_agree)
{
	size_t n = 0;

	for (const char *m = strstr(control_methods_text, "\nmethod "); m;
	     m = strstr(m + 1, "\nmethod ")) {
		const struct varlink_method *method = NULL;
		const char *name = m + strlen("\nmethod ");
		size_t length = strcspn(name, "(");
		char wanted[256] = "(", got[256];

		for (const struct varlink_method *c = control_methods; c->name; c++) {
			if (strlen(c->name) == length && strncmp(c->name, name, length) == 0)
				method = c;
		}
		ck_assert_msg(method, "%.*s is not in the table", (int)length, name);
		for (const struct varlink_parameter *p = method->parameters; p->name; p++) {
			static const char *const types[] = {
				[VARLINK_BOOL] = "bool",
				[VARLINK_STRING] = "string",
				[VARLINK_INT] = "int",
				[VARLINK_INTS] = "[]int",
			};
			size_t used = strlen(wanted);

			(void)snprintf(wanted + used, sizeof(wanted) - used, "%s%s: %s%s",
				       used > 1 ? ", " : "", p->name, p->nullable ? "?" : "",
				       types[p->type]);
		}
		strcat(wanted, ")");
		(void)snprintf(got, sizeof(got), "%.*s", (int)strcspn(name + length, ")") + 1,
			       name + length);
		ck_assert_str_eq(got, wanted);
		n++;
	}
	ck_assert_ptr_null(control_methods[n].name);
	fixture_start(&stage.fixture); /* for teardown() */
}
