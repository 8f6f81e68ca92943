/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/watch/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/common/print.h"

#define SAMPLE_MS 1000
#define MOST_DOMAINS 64 /* nobody scrolls further */

void watch_model_clear(struct watch_model *model)
{
	json_decref(model->shown);
	json_decref(model->limits);
	json_decref(model->counters);
	json_decref(model->rates);
	*model = (struct watch_model){0};
}

static void policy_key(char key[static 24], json_t *cpu)
{
	(void)snprintf(key, 24, "%lld", ctl_number(cpu, "frequency_domain"));
}

/* The range that a bar stands for does not change: ask once for each frequency domain. */
static int add_limits(struct watch_model *model, const struct ctl *ctl, json_t *fdom,
		      char **problem)
{
	cleanup_json json_t *reply = NULL;
	char key[24];
	int r;

	policy_key(key, fdom);
	if (!json_object_get(model->limits, key)) {
		r = ctl_ask(ctl, "ExplainCpu",
			    json_pack("{s:I}", "cpu", ctl_number(fdom, "frequency_domain")), &reply,
			    problem);
		if (r == CTL_UNREACHABLE)
			return r;
		(void)json_object_set_new(
			model->limits, key,
			r == CTL_OK ? json_incref(json_object_get(reply, "limits")) : json_null());
	}
	(void)json_object_set(fdom, "limits", json_object_get(model->limits, key));
	return CTL_OK;
}

static bool listed(json_t *fdoms, json_t *cpu)
{
	json_t *fdom;

	ctl_for_each (fdom, fdoms) {
		if (ctl_number(fdom, "frequency_domain") == ctl_number(cpu, "frequency_domain"))
			return true;
	}
	return false;
}

static int add_fdoms(struct watch_model *model, const struct ctl *ctl, json_t *shown,
		     char **problem)
{
	cleanup_json json_t *reply = NULL;
	json_t *fdoms = json_array(), *cpu;
	int r = ctl_ask(ctl, "ListCpus", json_object(), &reply, problem);

	(void)json_object_set_new(shown, "frequency_domains", fdoms);
	ctl_for_each (cpu, json_object_get(reply, "cpus")) {
		json_t *fdom;

		if (!ctl_has(cpu, "frequency_domain") || listed(fdoms, cpu))
			continue;
		fdom = json_deep_copy(cpu);
		(void)json_object_del(fdom, "cpu");
		(void)json_object_del(fdom, "online");
		(void)json_array_append_new(fdoms, fdom);
		r = add_limits(model, ctl, fdom, problem);
		if (r != CTL_OK)
			break;
	}
	return r;
}

static double rate(json_t *before, json_t *now, const char *key, int64_t elapsed_ms)
{
	long long n = ctl_number(now, key) - ctl_number(before, key);

	return before && n > 0 ? (double)n * 1000 / (double)elapsed_ms : 0;
}

/* Requests since the last sample, if that is long enough ago. */
static void sample(struct watch_model *model, json_t *summaries, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - model->sampled_ms;
	json_t *counters, *rates, *summary;

	if (model->counters && elapsed_ms < SAMPLE_MS)
		return;
	counters = json_object();
	rates = json_object();
	model->moving = false;
	ctl_for_each (summary, summaries) {
		const char *uuid = ctl_text(summary, "uuid");
		json_t *before = json_object_get(model->counters, uuid);
		double requests = rate(before, summary, "requests", elapsed_ms);
		double nacks = rate(before, summary, "nacks", elapsed_ms);

		model->moving |= requests > 0;
		(void)json_object_set(counters, uuid, summary);
		(void)json_object_set_new(
			rates, uuid,
			json_pack("{s:f, s:f}", "requests_per_s", requests, "nacks_per_s", nacks));
	}
	json_decref(model->counters);
	json_decref(model->rates);
	model->counters = counters;
	model->rates = rates;
	model->sampled_ms = now_ms;
}

static int add_domain(struct watch_model *model, const struct ctl *ctl, json_t *domains,
		      const char *uuid, char **problem)
{
	cleanup_json json_t *reply = NULL;
	json_t *domain, *rates = json_object_get(model->rates, uuid);
	int r = ctl_ask(ctl, "GetDomain", json_pack("{s:s}", "domain", uuid), &reply, problem);

	if (r == CTL_FAILED) { /* it ended meanwhile */
		free(*problem);
		*problem = NULL;
		return CTL_OK;
	}
	if (r != CTL_OK)
		return r;
	domain = json_object_get(reply, "domain");
	(void)json_object_set_new(domain, "requests_per_s", json_real(0));
	(void)json_object_set_new(domain, "nacks_per_s", json_real(0));
	if (rates)
		(void)json_object_update(domain, rates);
	(void)json_array_append(domains, domain);
	return CTL_OK;
}

static int add_domains(struct watch_model *model, const struct ctl *ctl, json_t *shown,
		       int64_t now_ms, char **problem)
{
	cleanup_json json_t *reply = NULL;
	json_t *domains = json_array(), *summaries, *summary;
	int r = ctl_ask(ctl, "ListDomains", json_object(), &reply, problem);

	(void)json_object_set_new(shown, "domains", domains);
	summaries = json_object_get(reply, "domains");
	sample(model, summaries, now_ms);
	ctl_for_each (summary, summaries) {
		if (json_array_size(domains) == MOST_DOMAINS)
			break;
		r = add_domain(model, ctl, domains, ctl_text(summary, "uuid"), problem);
		if (r != CTL_OK)
			break;
	}
	return r;
}

int watch_model_refresh(struct watch_model *model, const struct ctl *ctl, int64_t now_ms,
			char **problem)
{
	cleanup_json json_t *shown = json_object(), *status = NULL;
	int r = ctl_ask(ctl, "GetStatus", json_object(), &status, problem);

	if (!model->limits)
		model->limits = json_object();
	(void)json_object_set(shown, "status", status);
	if (r == CTL_OK)
		r = add_fdoms(model, ctl, shown, problem);
	if (r == CTL_OK)
		r = add_domains(model, ctl, shown, now_ms, problem);
	if (r != CTL_OK)
		return r;
	json_decref(model->shown);
	model->shown = json_incref(shown);
	return CTL_OK;
}
