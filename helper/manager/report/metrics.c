/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpuset.h"
#include "common/log.h"
#include "common/policy_settings.h"
#include "helper/manager/registry/refusal_names.h"

enum type { COUNTER, GAUGE, HISTOGRAM, INFO };

/* What one series of a metric is about. */
enum scope {
	HOST,
	LOOPS,
	HOOKS,
	CHANNEL_STATES,
	FREQUENCY_DOMAINS,
	DOMAINS,
	DOMAIN_REFUSALS,
	TRAFFIC_DOMAINS, /* whose operator's policy goes by traffic */
};

struct frequency_values {
	const struct frequency_domain *domain;
	struct shared_frequency_domain shared;
};

struct metric {
	const char *name; /* without "vmpower_", and without "_total" or "_info" */
	enum type type;
	const char *unit; /* as in its name; NULL: none */
	const char *help;
	enum scope scope;
	/* the value, by scope */
	uint64_t (*host)(const struct metrics_source *source);
	uint64_t (*frequency)(const struct frequency_values *values);
	uint64_t (*domain)(const struct domain *domain);
	uint64_t (*channel)(const struct shared_channel *channel); /* summed up */
	uint64_t (*traffic)(const struct shared_traffic_level *level);
};

/* --- values --------------------------------------------------------------------------- */

#define HOST_VALUE(name, value)                                                                    \
	static uint64_t name(const struct metrics_source *source)                                  \
	{                                                                                          \
		(void)source;                                                                      \
		return (value);                                                                    \
	}

HOST_VALUE(one, 1)
HOST_VALUE(uptime, source->uptime_s)
HOST_VALUE(libvirt_connected, source->libvirt_connected)
HOST_VALUE(restarts, source->monitor_restarts)
HOST_VALUE(lost_log_lines, log_lost())
HOST_VALUE(domains, registry_count(source->registry))

#define FREQUENCY_VALUE(name, value)                                                               \
	static uint64_t name(const struct frequency_values *values)                                \
	{                                                                                          \
		return (value);                                                                    \
	}

FREQUENCY_VALUE(controlled, values->domain->acquired)
FREQUENCY_VALUE(target, UINT64_C(1000) * values->shared.target_khz)
FREQUENCY_VALUE(voters, values->shared.n_voters)
FREQUENCY_VALUE(silent, values->shared.n_silent)
FREQUENCY_VALUE(writes, values->shared.n_writes)
FREQUENCY_VALUE(write_failures, values->shared.n_failures)
FREQUENCY_VALUE(foreign_writes, values->domain->n_foreign)

static uint64_t connected(const struct domain *domain)
{
	return domain_count_connected(domain);
}

static uint64_t channels(const struct domain *domain)
{
	return domain->n_channels;
}

static uint64_t paused(const struct domain *domain)
{
	return domain->paused;
}

static uint64_t traffic_packets(const struct shared_traffic_level *level)
{
	return shared_load(level->pps);
}

/* The monitor is not trusted. */
static uint64_t traffic_level(const struct shared_traffic_level *level)
{
	uint32_t value = shared_load(level->level);

	return value < LEVEL_TRAFFIC ? value : LEVEL_NONE;
}

#define CHANNEL_VALUE(field)                                                                       \
	static uint64_t field(const struct shared_channel *channel)                                \
	{                                                                                          \
		return shared_load(channel->field);                                                \
	}

CHANNEL_VALUE(requests)
CHANNEL_VALUE(acks)
CHANNEL_VALUE(nacks)
CHANNEL_VALUE(resyncs)
CHANNEL_VALUE(unanswered)
CHANNEL_VALUE(unread_replies)
CHANNEL_VALUE(late_replies)
CHANNEL_VALUE(throttled)

/* --- the table ------------------------------------------------------------------------ */

static const struct metric metrics[] = {
	{"build", INFO, NULL, "Version of vmpowerd.", HOST, .host = one},
	{"uptime_seconds", GAUGE, "seconds", "Time since vmpowerd started.", HOST, .host = uptime},
	{"libvirt_connected", GAUGE, NULL,
	 "Whether vmpowerd is connected to libvirt (1) or not (0).", HOST,
	 .host = libvirt_connected},
	{"monitor_restarts", COUNTER, NULL, "Times vmpower-monitor was restarted.", HOST,
	 .host = restarts},
	{"lost_log_lines", COUNTER, NULL,
	 "Log lines of vmpowerd that were lost because the log took no more.", HOST,
	 .host = lost_log_lines},
	{"loop_turn_seconds", HISTOGRAM, "seconds",
	 "What the turns of a process's loop took: of the manager CPU time, of the monitor time.",
	 LOOPS, .host = NULL},
	{"hook_wait_seconds", HISTOGRAM, "seconds",
	 "Time from a hook's start until vmpowerd had answered it: libvirt waits for that.", HOOKS,
	 .host = NULL},
	{"domains", GAUGE, NULL, "Registered libvirt domains.", HOST, .host = domains},
	{"channels", GAUGE, NULL, "Channels of all domains, by state.", CHANNEL_STATES,
	 .host = NULL},
	{"frequency_domain_controlled", GAUGE, NULL,
	 "Whether vmpower sets the frequency (1) or leaves it at its baseline (0).",
	 FREQUENCY_DOMAINS, .frequency = controlled},
	{"frequency_domain_target_hertz", GAUGE, "hertz",
	 "Frequency that vmpower wrote last; 0: the baseline.", FREQUENCY_DOMAINS,
	 .frequency = target},
	{"frequency_domain_voters", GAUGE, NULL, "vCPUs that have voted.", FREQUENCY_DOMAINS,
	 .frequency = voters},
	{"frequency_domain_silent", GAUGE, NULL,
	 "Pinned vCPUs that have not voted: with silence = protect they protect the frequency.",
	 FREQUENCY_DOMAINS, .frequency = silent},
	{"frequency_domain_writes", COUNTER, NULL, "Frequencies that the kernel accepted.",
	 FREQUENCY_DOMAINS, .frequency = writes},
	{"frequency_domain_write_failures", COUNTER, NULL, "Times a frequency could not be set.",
	 FREQUENCY_DOMAINS, .frequency = write_failures},
	{"frequency_domain_foreign_writes", COUNTER, NULL,
	 "Times a file was found changed by someone else.", FREQUENCY_DOMAINS,
	 .frequency = foreign_writes},
	{"domain_channels", GAUGE, NULL, "Channels of the domain.", DOMAINS, .domain = channels},
	{"domain_connected_channels", GAUGE, NULL, "Channels of the domain that are connected.",
	 DOMAINS, .domain = connected},
	{"domain_paused", GAUGE, NULL,
	 "Whether the domain is paused (1), so that its votes do not count, or not (0).", DOMAINS,
	 .domain = paused},
	{"domain_requests", COUNTER, NULL, "Valid messages from the guest.", DOMAINS,
	 .channel = requests},
	{"domain_acks", COUNTER, NULL, "Requests answered with ACK.", DOMAINS, .channel = acks},
	{"domain_nacks", COUNTER, NULL, "Requests answered with NACK.", DOMAINS, .channel = nacks},
	{"domain_refused_requests", COUNTER, NULL,
	 "Refused requests by reason; reasons without any are left out.", DOMAIN_REFUSALS,
	 .host = NULL},
	{"domain_resyncs", COUNTER, NULL, "Times a channel's stream lost synchronization.", DOMAINS,
	 .channel = resyncs},
	{"domain_dropped_replies", COUNTER, NULL, "Replies dropped because the guest did not read.",
	 DOMAINS, .channel = unread_replies},
	{"domain_late_replies", COUNTER, NULL,
	 "Replies dropped because the guest does not wait for them any more.", DOMAINS,
	 .channel = late_replies},
	{"domain_unanswered_requests", COUNTER, NULL,
	 "Requests that need no answer: the guest connects, or reads none.", DOMAINS,
	 .channel = unanswered},
	{"domain_throttled", COUNTER, NULL,
	 "Times a channel was paused because of its request rate.", DOMAINS, .channel = throttled},
	{"domain_traffic_packets", GAUGE, NULL,
	 "Packets per second by which the operator's policy goes, delivered and dropped.",
	 TRAFFIC_DOMAINS, .traffic = traffic_packets},
	{"domain_traffic_level", GAUGE, NULL,
	 "What that policy wants: low (1), medium (2), high (3); nothing is counted now (0).",
	 TRAFFIC_DOMAINS, .traffic = traffic_level},
};

/* --- text ----------------------------------------------------------------------------- */

int metrics_format(const char *name, enum metrics_format *format)
{
	if (strcmp(name, "openmetrics") == 0)
		*format = METRICS_OPENMETRICS;
	else if (strcmp(name, "prometheus") == 0)
		*format = METRICS_PROMETHEUS;
	else
		return -EINVAL;
	return 0;
}

static const char *suffix(const struct metric *metric)
{
	static const char *const suffixes[] = {
		[COUNTER] = "_total", [GAUGE] = "", [HISTOGRAM] = "", [INFO] = "_info"};

	return suffixes[metric->type];
}

/* A family's name is without the suffix in OpenMetrics, with it in Prometheus. */
static void put_head(FILE *out, const struct metric *metric, enum metrics_format format)
{
	static const char *const types[] = {
		[COUNTER] = "counter",
		[GAUGE] = "gauge",
		[HISTOGRAM] = "histogram",
		[INFO] = "info",
	};
	bool open = format == METRICS_OPENMETRICS;
	const char *end = open ? "" : suffix(metric);
	const char *type = metric->type == INFO && !open ? "gauge" : types[metric->type];

	(void)fprintf(out, "# HELP vmpower_%s%s %s\n", metric->name, end, metric->help);
	(void)fprintf(out, "# TYPE vmpower_%s%s %s\n", metric->name, end, type);
	if (open && metric->unit)
		(void)fprintf(out, "# UNIT vmpower_%s %s\n", metric->name, metric->unit);
}

/* Tenants choose names: they must end neither the label nor the line. */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			(void)fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			(void)fprintf(out, "\\%c", *text);
		else
			(void)fputc(*text, out);
	}
}

static void put_value(FILE *out, uint64_t value)
{
	(void)fprintf(out, " %" PRIu64 "\n", value);
}

static void put_name(FILE *out, const struct metric *metric)
{
	(void)fprintf(out, "vmpower_%s%s", metric->name, suffix(metric));
}

static void put_host(FILE *out, const struct metric *metric, const struct metrics_source *source)
{
	put_name(out, metric);
	if (metric->type == INFO)
		(void)fputs("{version=\"" VMPOWER_VERSION "\"}", out);
	put_value(out, metric->host(source));
}

/* Of a process, or (NULL) of none. The monitor's is not trusted: saturate. */
static void put_histogram(FILE *out, const struct metric *metric, const char *process,
			  const struct histogram *histogram)
{
	/* as histogram_bound_ns(); OpenMetrics wants each spelled like this */
	static const char *const bounds[HISTOGRAM_BUCKETS] = {
		"1e-05", "0.0001", "0.001", "0.005", "0.01", "0.05", "0.2", "1.0", "+Inf",
	};
	uint64_t sum_ns = shared_load(histogram->sum_ns), n = 0;
	char label[32] = "", all[34] = "";

	if (process) {
		(void)snprintf(label, sizeof(label), "process=\"%s\",", process);
		(void)snprintf(all, sizeof(all), "{process=\"%s\"}", process);
	}
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (__builtin_add_overflow(n, shared_load(histogram->n[i]), &n))
			n = UINT64_MAX;
		(void)fprintf(out, "vmpower_%s_bucket{%sle=\"%s\"}", metric->name, label,
			      bounds[i]);
		put_value(out, n);
	}
	(void)fprintf(out, "vmpower_%s_count%s", metric->name, all);
	put_value(out, n);
	(void)fprintf(out, "vmpower_%s_sum%s %" PRIu64 ".%09" PRIu64 "\n", metric->name, all,
		      sum_ns / NS_PER_S, sum_ns % NS_PER_S);
}

static void put_loops(FILE *out, const struct metric *metric, const struct metrics_source *source)
{
	put_histogram(out, metric, "manager", source->turns);
	if (source->state)
		put_histogram(out, metric, "monitor", &source->state->turns.all);
}

static void put_channel_states(FILE *out, const struct metric *metric, struct registry *registry)
{
	uint64_t n[N_CHANNEL_STATES] = {0};

	registry_for_each (d, registry) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			n[channel_shown_state(&d->channels[i])]++;
	}
	for (size_t state = 0; state < array_size(n); state++) {
		put_name(out, metric);
		(void)fprintf(out, "{state=\"%s\"}", channel_state_name((enum channel_state)state));
		put_value(out, n[state]);
	}
}

static void put_frequency_domain(FILE *out, const struct metric *metric,
				 const struct metrics_source *source, uint32_t id)
{
	struct frequency_values values = {.domain = cpufreq_get(source->cpufreq, id)};
	char cpus[1024];

	if (values.domain->gone)
		return;
	if (source->state)
		values.shared = source->state->frequency_domains[id];
	if (cpuset_format(&values.domain->cpus, cpus, sizeof(cpus)) < 0)
		cpus[0] = '\0';
	put_name(out, metric);
	(void)fprintf(out, "{frequency_domain=\"%u\",cpus=\"%s\"}", values.domain->policy, cpus);
	put_value(out, metric->frequency(&values));
}

static void put_domain_labels(FILE *out, const struct metric *metric, const struct domain *domain)
{
	put_name(out, metric);
	(void)fputs("{domain=\"", out);
	put_escaped(out, domain->description->name);
	(void)fprintf(out, "\",uuid=\"%s\"", domain->description->uuid);
}

/* Past channels count too: a counter never falls. The monitor is not trusted: saturate. */
static uint64_t sum_channels(const struct metric *metric, const struct domain *domain,
			     const struct shared_state *state)
{
	uint64_t sum = 0;

	for (uint32_t slot = 0; state && slot < MAX_DOMAIN_CHANNELS; slot++) {
		int64_t id = domain_slot_channel(domain, slot);

		if (id >= 0 &&
		    __builtin_add_overflow(sum, metric->channel(&state->channels[id]), &sum))
			return UINT64_MAX;
	}
	return sum;
}

static void put_refusals(FILE *out, const struct metric *metric, const struct domain *domain,
			 const struct shared_state *state)
{
	for (int reason = REFUSAL_NONE + 1; state && reason < N_REFUSALS; reason++) {
		uint64_t sum = 0;

		for (uint32_t slot = 0; slot < MAX_DOMAIN_CHANNELS; slot++) {
			int64_t id = domain_slot_channel(domain, slot);

			if (id >= 0)
				sum += shared_load(state->channels[id].refused[reason - 1]);
		}
		if (sum == 0)
			continue;
		put_domain_labels(out, metric, domain);
		(void)fprintf(out, ",reason=\"%s\"}", refusal_name((enum refusal)reason));
		put_value(out, sum);
	}
}

static void put_traffic(FILE *out, const struct metric *metric, const struct domain *domain,
			const struct shared_state *state)
{
	if (!state || !policy_by_traffic(&domain->rules.settings))
		return;
	put_domain_labels(out, metric, domain);
	(void)fputc('}', out);
	put_value(out, metric->traffic(&state->domain_traffic[domain->id]));
}

static void put_domain(FILE *out, const struct metric *metric, const struct metrics_source *source,
		       const struct domain *domain)
{
	if (metric->scope == DOMAIN_REFUSALS) {
		put_refusals(out, metric, domain, source->state);
		return;
	}
	if (metric->scope == TRAFFIC_DOMAINS) {
		put_traffic(out, metric, domain, source->state);
		return;
	}
	put_domain_labels(out, metric, domain);
	(void)fputc('}', out);
	put_value(out, metric->domain ? metric->domain(domain)
				      : sum_channels(metric, domain, source->state));
}

/* Return: is there more of this metric? */
static bool put_some(struct metrics_walk *walk, const struct metric *metric,
		     const struct metrics_source *source, FILE *out)
{
	const struct domain *domain;

	switch (metric->scope) {
	case HOST:
		put_host(out, metric, source);
		return false;
	case LOOPS:
		put_loops(out, metric, source);
		return false;
	case HOOKS:
		put_histogram(out, metric, NULL, source->hook_waits);
		return false;
	case CHANNEL_STATES:
		put_channel_states(out, metric, source->registry);
		return false;
	case FREQUENCY_DOMAINS:
		if (walk->frequency_domain >= cpufreq_count(source->cpufreq))
			return false;
		put_frequency_domain(out, metric, source, walk->frequency_domain++);
		return true;
	case DOMAINS:
	case DOMAIN_REFUSALS:
	case TRAFFIC_DOMAINS:
		domain = registry_walk_domain(source->registry, &walk->domains);
		if (domain)
			put_domain(out, metric, source, domain);
		return domain != NULL;
	}
	return false;
}

struct metrics_walk metrics_walk(void)
{
	return (struct metrics_walk){.all = registry_walk()};
}

bool metrics_step(struct metrics_walk *walk, const struct metrics_source *source,
		  enum metrics_format format, FILE *out)
{
	const struct metric *metric = &metrics[walk->metric];

	if (!walk->inside) {
		put_head(out, metric, format);
		walk->frequency_domain = 0;
		walk->domains = walk->all;
		walk->inside = true;
	}
	if (put_some(walk, metric, source, out))
		return true;
	walk->inside = false;
	if (++walk->metric < array_size(metrics))
		return true;
	if (format == METRICS_OPENMETRICS)
		(void)fputs("# EOF\n", out);
	return false;
}
