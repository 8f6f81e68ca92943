/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_cpu_json.h"

#include "control_json.h"
#include "message.h"
#include "number.h"

static json_t *khz_json(uint32_t khz)
{
	return khz > 0 ? json_integer(khz) : json_null();
}

/* A value as a file has it; null where it is none */
static json_t *text_khz_json(const char *text)
{
	uint32_t khz;

	return parse_u32(text, UINT32_MAX, &khz) == 0 ? json_integer(khz) : json_null();
}

static json_t *baseline_json(const struct cpufreq *cpufreq, uint32_t id)
{
	struct baseline_entry entry;

	if (cpufreq_baseline(cpufreq, id, &entry) < 0)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "governor", entry.governor, "min_khz",
			 text_khz_json(entry.min_freq), "max_khz", text_khz_json(entry.max_freq));
}

json_t *control_json_decider(const struct decision *decision)
{
	const struct leader *leader = decision->leader;

	if (!leader)
		return json_pack("{s:s, s:n, s:n, s:i, s:n}", "kind",
				 decider_name(decision->decider), "domain", "vcpu", "others", 0,
				 "khz");
	return json_pack("{s:s, s:o, s:i, s:i, s:i}", "kind", decider_name(decision->decider),
			 "domain", control_json_text(leader->domain->description->name), "vcpu",
			 (int)leader->vcpu, "others", (int)leader->n_equal - 1, "khz",
			 (int)decision->khz);
}

json_t *control_json_clock(const struct cpufreq *cpufreq, const struct frequency_domain *f,
			   const struct decision *decision, const struct shared_state *state,
			   uint32_t current_khz)
{
	if (!f)
		return json_pack("{s:n, s:n, s:n, s:n, s:b, s:n, s:n, s:n, s:o}",
				 "frequency_domain", "cpus", "driver", "method", "controlled", 0,
				 "baseline", "target_khz", "current_khz", "decides",
				 control_json_decider(decision));
	return json_pack(
		"{s:i, s:o, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "frequency_domain", (int)f->policy,
		"cpus", control_json_cpus(&f->cpus), "driver", f->driver, "method",
		frequency_method_name(f->method), "controlled", (int)f->acquired, "baseline",
		baseline_json(cpufreq, f->id), "target_khz",
		khz_json(state ? shared_load(state->frequency_domains[f->id].target_khz) : 0),
		"current_khz", khz_json(current_khz), "decides", control_json_decider(decision));
}

json_t *control_json_cpu(json_t *clock, unsigned int cpu, bool online)
{
	json_t *json = json_pack("{s:i, s:b}", "cpu", (int)cpu, "online", (int)online);

	if (json && json_object_update(json, clock) == 0)
		return json;
	json_decref(json);
	return NULL;
}

json_t *control_json_limits(const struct frequency_domain *f)
{
	const struct frequency_table *table = &f->table;

	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "lowest_khz", (int)table->khz[0],
			 "highest_khz", (int)table->khz[table->n_steps - 1], "non_turbo_khz",
			 (int)table->khz[table->non_turbo], "min_khz", (int)table->khz[f->floor],
			 "max_khz", (int)table->khz[f->ceiling]);
}

/* Which limit of its domain a vote has run into; NULL: none. Overrides are not bound by them. */
static const char *clamped_by_domain(const struct frequency_domain *f, const struct say *say)
{
	const struct frequency_table *table = &f->table;
	const struct domain_settings *settings = &say->domain->rules.settings;
	uint32_t step;

	if (say->override_khz > 0)
		return NULL;
	if (!settings->turbo && say->vote_step == table->non_turbo && table->non_turbo < f->ceiling)
		return "domain-turbo";
	step = frequency_step_at_least(table->khz, table->n_steps, settings->max_khz);
	if (step > 0 && table->khz[step] > settings->max_khz)
		step--;
	if (settings->max_khz > 0 && say->vote_step == step && step < f->ceiling)
		return "domain-max";
	step = frequency_step_at_least(table->khz, table->n_steps, settings->min_khz);
	if (settings->min_khz > 0 && say->vote_step == step && step > f->floor)
		return "domain-min";
	return NULL;
}

/* Which limit what it says has run into: more, or less, it can't have. */
static json_t *clamped_json(const struct frequency_domain *f, const struct say *say)
{
	uint32_t step = say->override_khz > 0 ? say->override_step : say->vote_step;
	const char *by_domain;

	if (say->override_khz == 0 && say->vote_khz == 0)
		return json_null();
	if (step == f->ceiling && f->ceiling < f->table.n_steps - 1)
		return json_string("max");
	if (step == f->floor && f->floor > 0)
		return json_string("min");
	by_domain = clamped_by_domain(f, say);
	return by_domain ? json_string(by_domain) : json_null();
}

json_t *control_json_say(const struct config *config, const struct frequency_domain *f,
			 const struct decision *decision, const struct say *say)
{
	bool silence_protects = config->silence == SILENCE_PROTECT;
	const struct domain_description *domain = say->domain->description;
	const struct vcpu_description *vcpu = &domain->vcpus[say->vcpu];
	bool paused = (say->flags & VCPU_PAUSED) != 0;
	bool protects = silence_protects && !paused && say->vote_khz == 0 &&
			(say->flags & VCPU_PROTECTED) != 0;

	return json_pack("{s:o, s:i, s:o, s:o, s:b, s:b, s:o, s:o, s:b}", "domain",
			 control_json_text(domain->name), "vcpu", (int)say->vcpu, "cpus",
			 control_json_cpus(vcpu->pinned ? vcpu->affinity : NULL), "vote_khz",
			 khz_json(say->vote_khz), "protects", (int)protects, "paused", (int)paused,
			 "override_khz", khz_json(say->override_khz), "clamped",
			 clamped_json(f, say), "decides", (int)decision_is_by(decision, say));
}
