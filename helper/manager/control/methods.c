/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json/build.h"
#include "common/log.h"
#include "helper/manager/control/channel_numbers.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/control/reply.h"
#include "helper/manager/control/settings_json.h"
#include "helper/manager/varlink/answer.h"
#include "helper/manager/varlink/text.h"

static void count_channels(struct registry *registry, int *channels, int *connected)
{
	*channels = *connected = 0;
	registry_for_each (d, registry) {
		*channels += (int)d->n_channels;
		*connected += (int)domain_count_connected(d);
	}
}

static int count_controlled(const struct cpufreq *cpufreq)
{
	int controlled = 0;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++)
		controlled += cpufreq_get(cpufreq, id)->acquired;
	return controlled;
}

static int count_cpus(const struct cpufreq *cpufreq)
{
	struct cpuset online;

	return cpufreq_online(cpufreq, &online) < 0 ? 0 : (int)cpuset_count(&online);
}

/* NULL (@ended_ns 0): there was none. A monitor that lies about its time only shows it. */
static json_t *turn_json(uint64_t ended_ns, uint64_t wall_ns, const struct loop_turn *turn)
{
	uint64_t now = monotonic_ns();
	uint64_t ago_s = ended_ns < now ? (now - ended_ns) / NS_PER_S : 0;
	json_t *json = ended_ns ? json_object() : json_null();

	if (ended_ns == 0)
		return json;
	json_put_int(&json, "wall_us", (json_int_t)(wall_ns / NS_PER_US));
	json_put_int(&json, "time", (json_int_t)time(NULL) - (json_int_t)ago_s);
	json_put(&json, "cpu_us",
		 turn ? json_integer((json_int_t)(turn->cpu_ns / NS_PER_US)) : json_null());
	json_put_text(&json, "what", turn ? turn->what : NULL);
	return json;
}

static void put_longest_turns(json_t **json, const struct control_context *control)
{
	const struct loop_turn *turn = &loop_turns(control->parts.loop)->longest;
	const struct shared_state *state = control_state(control);
	uint64_t ended_ns = state ? shared_load(state->turns.longest_ended_ns) : 0;

	json_put(json, "longest_turn", turn_json(turn->ended_ns, turn->wall_ns, turn));
	json_put(json, "monitor_longest_turn",
		 turn_json(ended_ns, ended_ns ? shared_load(state->turns.longest_ns) : 0, NULL));
}

static void get_status(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	const struct control_parts *parts = &control->parts;
	struct monitor_process *monitor = domains_monitor(parts->domains);
	pid_t pid = monitor ? monitor_pid(monitor) : 0;
	uint64_t uptime_s = (monotonic_ns() - control->started_ns) / NS_PER_S;
	int channels, connected;
	json_t *json = json_object();

	count_channels(parts->registry, &channels, &connected);
	json_put_text(&json, "version", VMPOWER_VERSION);
	json_put_int(&json, "uptime_s", (json_int_t)uptime_s);
	json_put_int(&json, "domains", registry_count(parts->registry));
	json_put_int(&json, "channels", channels);
	json_put_int(&json, "connected", connected);
	json_put_int(&json, "cpus", count_cpus(parts->cpufreq));
	json_put_int(&json, "frequency_domains", cpufreq_count_present(parts->cpufreq));
	json_put_int(&json, "controlled", count_controlled(parts->cpufreq));
	json_put_nonzero(&json, "monitor_pid", pid > 0 ? pid : 0);
	json_put_int(&json, "monitor_restarts", monitor ? monitor_restarts(monitor) : 0);
	json_put_text(&json, "libvirt_uri", virt_uri(parts->virt));
	json_put_bool(&json, "libvirt_connected", virt_connected(parts->virt));
	put_longest_turns(&json, control);
	varlink_reply(call, json);
}

struct domain_list {
	struct varlink_answer answer;
	const struct control_context *control;
	struct registry_walk walk;
	bool begun;
	const char *between; /* before the next domain */
};

static int list_domain(struct varlink_answer *answer, FILE *out)
{
	struct domain_list *list = container_of(answer, struct domain_list, answer);
	const struct domain *domain =
		registry_walk_domain(list->control->parts.registry, &list->walk);

	if (!list->begun)
		(void)fputs("{\"domains\":[", out);
	list->begun = true;
	if (!domain) {
		(void)fputs("]}", out);
		return 0;
	}
	(void)fputs(list->between, out);
	list->between = ",";
	if (varlink_write(out, control_json_summary(domain, control_state(list->control))) < 0)
		return -ENOMEM;
	return 1;
}

static void end_list(struct varlink_answer *answer)
{
	free(container_of(answer, struct domain_list, answer));
}

static void list_domains(struct varlink_call *call, void *context)
{
	struct domain_list *list = malloc(sizeof(*list));

	if (!list) {
		varlink_reply(call, NULL);
		return;
	}
	*list = (struct domain_list){
		.answer = {.step = list_domain, .end = end_list},
		.control = context,
		.walk = registry_walk(),
		.between = "",
	};
	varlink_answer(call, &list->answer);
}

static void get_domain(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	const struct domain *domain = control_find_domain(call, control->parts.registry);
	const struct decision_sources sources = control_decision_sources(control);
	json_t *json;

	if (!domain)
		return;
	json = control_json_domain(domain, &sources);
	json_put(&json, "settings", control_json_settings(control->parts.config, domain));
	json_put(&json, "interfaces",
		 control_json_interfaces(domains_traffic(control->parts.domains), domain));
	varlink_reply(call, json_pack("{s:o}", "domain", json));
}

/* The domain and channels of a call; NULL: one of them is unknown, an error was sent */
static struct domain *find_channels(struct varlink_call *call,
				    const struct control_context *control,
				    struct channel_numbers *numbers)
{
	struct domain *domain = control_find_domain(call, control->parts.registry);
	json_int_t bad;
	uint32_t unknown;

	if (!domain)
		return NULL;
	if (channel_numbers_read(json_object_get(varlink_parameters(call), "numbers"), numbers,
				 &bad) < 0) {
		control_no_channel(call, domain->description->name, bad);
		return NULL;
	}
	if (channel_numbers_unknown(numbers, domain, &unknown)) {
		control_no_channel(call, domain->description->name, unknown);
		return NULL;
	}
	return domain;
}

static void set_channels(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	bool enabled = json_is_true(json_object_get(varlink_parameters(call), "enabled"));
	struct channel_numbers numbers;
	struct domain *domain = find_channels(call, control, &numbers);
	int changed = 0;

	if (!domain)
		return;
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (!channel_numbers_has(&numbers, channel->number) || channel->enabled == enabled)
			continue;
		domains_channel_enable(control->parts.domains, channel, enabled);
		changed++;
	}
	varlink_reply(call, json_pack("{s:i}", "changed", changed));
}

static void remove_channels(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	struct channel_numbers numbers;
	struct domain *domain = find_channels(call, control, &numbers);
	int changed = 0;

	if (!domain)
		return;
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (!channel_numbers_has(&numbers, channel->number) ||
		    channel->state == CHANNEL_REMOVED)
			continue;
		domains_channel_remove(control->parts.domains, channel);
		changed++;
	}
	varlink_reply(call, json_pack("{s:i}", "changed", changed));
}

static void remove_domain(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	const struct domain *domain = control_find_domain(call, control->parts.registry);
	json_t *reply;
	char uuid[37];

	if (!domain)
		return;
	memcpy(uuid, domain->description->uuid, sizeof(uuid));
	reply = json_pack("{s:o, s:s}", "name", json_text(domain->description->name), "uuid", uuid);
	(void)domains_report(control->parts.domains, &(struct domain_report){
							     .source = "operator",
							     .asked_ns = monotonic_ns(),
							     .uuid = uuid,
						     });
	varlink_reply(call, reply);
}

static void set_log_level(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	json_t *parameters = varlink_parameters(call);
	int level = log_level_by_name(json_string_value(json_object_get(parameters, "level")));
	const char *before = log_level_name(log_level());

	if (level < 0) {
		varlink_invalid(call, "level");
		return;
	}
	domains_set_log_level(control->parts.domains, level);
	varlink_reply(call, json_pack("{s:s}", "previous_level", before));
}

#define DOMAIN                                                                                     \
	{                                                                                          \
		"domain", VARLINK_STRING, false                                                    \
	}
#define NUMBERS                                                                                    \
	{                                                                                          \
		"numbers", VARLINK_INTS, true                                                      \
	}

const struct varlink_method control_methods[] = {
	{"GetStatus", VARLINK_READ, get_status, {{0}}},
	{"ListDomains", VARLINK_READ, list_domains, {{0}}},
	{"GetDomain", VARLINK_READ, get_domain, {DOMAIN}},
	{"SetChannels",
	 VARLINK_CHANGE,
	 set_channels,
	 {DOMAIN, NUMBERS, {"enabled", VARLINK_BOOL, false}}},
	{"AddDomain", VARLINK_CHANGE, control_add_domain, {DOMAIN}},
	{"RemoveDomain", VARLINK_CHANGE, remove_domain, {DOMAIN}},
	{"AddChannels", VARLINK_CHANGE, control_add_channels, {DOMAIN, NUMBERS}},
	{"RemoveChannels", VARLINK_CHANGE, remove_channels, {DOMAIN, NUMBERS}},
	{"Reload", VARLINK_CHANGE, control_reload, {{0}}},
	{"ListCpus", VARLINK_READ, control_list_cpus, {{0}}},
	{"ExplainCpu", VARLINK_READ, control_explain_cpu, {{"cpu", VARLINK_INT, false}}},
	{"Verify", VARLINK_READ, control_verify, {{0}}},
	{"Monitor", VARLINK_READ, control_subscribe, {{"requests", VARLINK_BOOL, true}}},
	{"Metrics", VARLINK_READ, control_metrics, {{"format", VARLINK_STRING, true}}},
	{"SetLogLevel", VARLINK_CHANGE, set_log_level, {{"level", VARLINK_STRING, false}}},
	{"SetOverride",
	 VARLINK_CHANGE,
	 control_set_override,
	 {DOMAIN,
	  {"vcpu", VARLINK_INT, false},
	  {"action", VARLINK_STRING, false},
	  {"khz", VARLINK_INT, true}}},
	{"SetPolicy",
	 VARLINK_CHANGE,
	 control_set_policy,
	 {DOMAIN, {"settings", VARLINK_STRING, false}}},
	{"ClearPolicy", VARLINK_CHANGE, control_clear_policy, {DOMAIN}},
	{.name = NULL},
};

VARLINK_TEXT(control_methods_text, "helper/manager/control/org.vmpower.Manager.varlink");
