/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/cpu_json.h"

#include <errno.h>

#include "common/json/build.h"
#include "common/value.h"
#include "helper/link/message.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/report/siblings.h"
#include "helper/manager/varlink/answer.h"

/* A frequency as read from a file; null: not a number */
static json_t *text_khz_json(const char *text)
{
	uint32_t khz;

	return parse_u32(text, UINT32_MAX, &khz) == 0 ? json_integer(khz) : json_null();
}

static json_t *baseline_json(const struct cpufreq *cpufreq, uint32_t id)
{
	struct baseline_entry entry;
	json_t *json;

	if (cpufreq_baseline(cpufreq, id, &entry) < 0)
		return json_null();
	json = json_object();
	json_put_text(&json, "governor", entry.governor);
	json_put(&json, "min_khz", text_khz_json(entry.min_freq));
	json_put(&json, "max_khz", text_khz_json(entry.max_freq));
	return json;
}

json_t *control_json_decider(const struct decision *decision, struct registry *registry)
{
	const struct domain *domain = registry_find_key(registry, decision->domain);
	json_t *json = json_object();

	json_put_text(&json, "kind", decider_name(decision->decider));
	json_put_text(&json, "domain", domain ? domain->description->name : NULL);
	json_put(&json, "vcpu", domain ? json_integer(decision->vcpu) : json_null());
	json_put_int(&json, "others", decision->n_others);
	json_put_nonzero(&json, "khz", decision->khz);
	return json;
}

json_t *control_json_finding(const struct verify_finding *finding)
{
	json_t *json = json_object();

	json_put_int(&json, "frequency_domain", finding->policy);
	json_put(&json, "cpus", json_cpus(finding->cpus));
	json_put_text(&json, "file", finding->file.name);
	json_put_text(&json, "ours", finding->file.ours);
	json_put_text(&json, "found", finding->error < 0 ? NULL : finding->file.found);
	json_put(&json, "error", control_json_error(finding->error));
	json_put_int(&json, "since", (json_int_t)finding->since);
	return json;
}

json_t *control_json_frequency_domain(const struct decision_sources *sources,
				      const struct frequency_domain *fdom,
				      const struct decision *decision, uint32_t current_khz,
				      const struct verify_finding *foreign)
{
	const struct shared_frequency_domain *shared =
		fdom && sources->state ? &sources->state->frequency_domains[fdom->id] : NULL;
	json_t *json = json_object();

	json_put(&json, "frequency_domain", fdom ? json_integer(fdom->policy) : json_null());
	json_put(&json, "cpus", json_cpus(fdom ? &fdom->cpus : NULL));
	json_put_text(&json, "driver", fdom ? fdom->driver : NULL);
	json_put_text(&json, "method", fdom ? frequency_method_name(fdom->method) : NULL);
	json_put_bool(&json, "controlled", fdom && fdom->acquired);
	json_put(&json, "baseline", fdom ? baseline_json(sources->cpufreq, fdom->id) : json_null());
	json_put_nonzero(&json, "target_khz", shared ? shared_load(shared->target_khz) : 0);
	json_put_nonzero(&json, "lowest_khz", shared ? shared_load(shared->lowest_khz) : 0);
	json_put_nonzero(&json, "current_khz", fdom ? current_khz : 0);
	json_put(&json, "foreign", foreign ? control_json_finding(foreign) : json_null());
	json_put_nonzero(&json, "asked_khz", decision->asked_khz);
	json_put_int(&json, "voters", decision->n_voters);
	json_put_int(&json, "silent", decision->n_silent);
	json_put(&json, "decides", control_json_decider(decision, sources->registry));
	return json;
}

json_t *control_json_siblings(const struct topology *topology, const struct cpufreq *cpufreq,
			      const struct shared_state *state, const struct cpuset *pinned,
			      unsigned int cpu)
{
	unsigned int next = topology_next(topology, cpu);
	json_t *siblings = next == cpu ? json_null() : json_array();

	for (; next != cpu; next = topology_next(topology, next)) {
		json_t *json = json_object();

		json_put_int(&json, "cpu", next);
		json_put_nonzero(&json, "target_khz", siblings_target(cpufreq, state, next));
		json_put_bool(&json, "pinned", cpuset_has(pinned, next));
		json_put_text(&json, "holds_up", siblings_hold_up(cpufreq, state, cpu, next));
		json_add(&siblings, json);
	}
	return siblings;
}

int control_write_cpu(FILE *out, const char *shared, unsigned int cpu, bool online,
		      json_t *siblings)
{
	(void)fprintf(out, "{\"cpu\":%u,\"online\":%s,\"siblings\":", cpu,
		      online ? "true" : "false");
	if (varlink_write(out, siblings) < 0)
		return -ENOMEM;
	(void)fprintf(out, ",%s", shared + 1); /* without its "{" */
	return 0;
}

json_t *control_json_limits(const struct frequency_domain *fdom)
{
	const struct frequency_table *table = &fdom->table;
	json_t *json = json_object();

	json_put_int(&json, "lowest_khz", table->khz[0]);
	json_put_int(&json, "highest_khz", table->khz[table->n_steps - 1]);
	json_put_int(&json, "non_turbo_khz", table->khz[table->non_turbo]);
	json_put_int(&json, "min_khz", table->khz[fdom->floor]);
	json_put_int(&json, "max_khz", table->khz[fdom->ceiling]);
	return json;
}

/* The limit in the domain's settings that the vote is at, inside the host's; NULL: none */
static const char *clamped_by_domain(const struct frequency_domain *fdom, const struct claim *claim)
{
	const struct vote_range *range = &claim->range;

	if (claim->vote_step == range->high && range->high < fdom->ceiling)
		return !claim->domain->rules.settings.turbo && range->high == range->non_turbo
			       ? "domain-turbo"
			       : "domain-max";
	return claim->vote_step == range->low && range->low > fdom->floor ? "domain-min" : NULL;
}

/* The limit that the override or vote is at; NULL: none */
static const char *clamped_by(const struct frequency_domain *fdom, const struct claim *claim)
{
	uint32_t step = claim->override_khz > 0 ? claim->override_step : claim->vote_step;

	if (claim->override_khz == 0 && claim->vote_khz == 0)
		return NULL;
	if (step == fdom->ceiling && fdom->ceiling < fdom->table.n_steps - 1)
		return "max";
	if (step == fdom->floor && fdom->floor > 0)
		return "min";
	return claim->override_khz > 0 ? NULL : clamped_by_domain(fdom, claim);
}

json_t *control_json_claim(const struct decision_sources *sources,
			   const struct frequency_domain *fdom, const struct decision *decision,
			   const struct claim *claim)
{
	bool silence_protects = sources->config->silence == SILENCE_PROTECT;
	const struct domain_description *domain = claim->domain->description;
	const struct vcpu_description *vcpu = &domain->vcpus[claim->vcpu];
	bool paused = (claim->flags & VCPU_PAUSED) != 0;
	bool protects = silence_protects && !paused && claim->vote_khz == 0 &&
			(claim->flags & VCPU_PROTECTED) != 0;
	json_t *json = json_object();

	json_put_text(&json, "domain", domain->name);
	json_put_int(&json, "vcpu", claim->vcpu);
	json_put(&json, "cpus", json_cpus(vcpu->pinned ? vcpu->affinity : NULL));
	json_put_nonzero(&json, "vote_khz", claim->vote_khz);
	json_put_bool(&json, "by_policy", claim->by_policy);
	json_put_bool(&json, "by_operator_policy", claim->by_operator);
	json_put_nonzero(&json, "standing_khz", claim->standing_khz);
	json_put(&json, "traffic", control_json_claim_traffic(sources->state, claim));
	json_put_bool(&json, "protects", protects);
	json_put_bool(&json, "paused", paused);
	json_put_nonzero(&json, "override_khz", claim->override_khz);
	json_put_text(&json, "clamped", clamped_by(fdom, claim));
	json_put_bool(&json, "turbo_off", claim->turbo_off);
	json_put_bool(&json, "decides", decision_is_by(decision, fdom, claim));
	return json;
}
