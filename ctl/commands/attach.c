/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands xml, attach and detach: power channels in a domain's XML. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/command_line/text.h"
#include "common/cpuset.h"
#include "common/json/build.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/libvirt_domain.h"
#include "ctl/common/print.h"

/* The numbers of --vcpus, or all vCPUs. Return: CTL_OK; else another exit code, error printed */
static int wanted_numbers(const struct ctl *ctl, uint32_t n_vcpus, struct cpuset *wanted)
{
	*wanted = (struct cpuset){0};
	if (!ctl->vcpus) {
		for (uint32_t i = 0; i < n_vcpus && i < MAX_DOMAIN_CHANNELS; i++)
			cpuset_add(wanted, i);
		return CTL_OK;
	}
	if (cpuset_parse(ctl->vcpus, wanted) < 0 || cpuset_count(wanted) == 0) {
		ctl_error("invalid vCPU list \"%s\": write it as in 0-3,6", ctl->vcpus);
		return CTL_USAGE;
	}
	if (cpuset_next(wanted, n_vcpus) < MAX_CPUS) {
		ctl_error("domain \"%s\" has no vCPU %u: it has %u, numbered from 0", ctl->words[0],
			  cpuset_next(wanted, n_vcpus), n_vcpus);
		return CTL_FAILED;
	}
	return CTL_OK;
}

/* --- xml ------------------------------------------------------------------------------ */

static int print_missing(const struct ctl *ctl, const struct channel_elements *elements,
			 const struct cpuset *wanted)
{
	json_t *channels = json_array();
	cleanup_json json_t *all = NULL;
	unsigned int number;

	cpuset_for_each (number, wanted) {
		cleanup_free char *xml = channel_element_make(number);

		if (channel_elements_find(elements, number))
			continue;
		if (ctl->json)
			json_add(&channels,
				 json_pack("{s:i, s:s}", "number", (int)number, "xml", xml));
		else
			(void)fputs(xml ? xml : "", stdout);
	}
	all = json_pack("{s:s, s:o}", "domain", ctl->words[0], "channels", channels);
	if (ctl->json && all)
		ctl_print_json(all, JSON_INDENT(2));
	return CTL_OK;
}

int ctl_xml(const struct ctl *ctl)
{
	cleanup(libvirt_domain_close) struct libvirt_domain domain = {0};
	cleanup(channel_elements_clear) struct channel_elements elements = {0};
	struct cpuset wanted;
	int r = libvirt_domain_open(&domain, ctl, ctl->words[0], true);

	if (r == CTL_OK)
		r = libvirt_domain_channels(&domain, domain.persistent ? SCOPE_CONFIG : SCOPE_LIVE,
					    &elements);
	if (r == CTL_OK)
		r = wanted_numbers(ctl, elements.n_vcpus, &wanted);
	if (r == CTL_OK)
		r = print_missing(ctl, &elements, &wanted);
	return r;
}

/* --- attach, detach ------------------------------------------------------------------- */

/* What was done to one of the domain's two XMLs. */
struct outcome {
	bool tried;
	struct cpuset changed, unchanged; /* numbers of channels */
};

struct change {
	const struct ctl *ctl;
	struct libvirt_domain domain;
	bool attach, failed;
	struct outcome outcomes[2]; /* by scope */
};

/* Attach or detach one channel. To detach, libvirt wants the element exactly as in the XML. */
static int change_one(struct change *change, enum scope scope,
		      const struct channel_elements *elements, uint32_t number)
{
	const struct channel_element *present = channel_elements_find(elements, number);
	struct outcome *outcome = &change->outcomes[scope];
	cleanup_free char *fresh = NULL;
	int r;

	if (change->attach == (present != NULL)) {
		cpuset_add(&outcome->unchanged, number);
		return CTL_OK;
	}
	if (present) {
		r = libvirt_domain_detach(&change->domain, scope, present->xml);
	} else {
		fresh = channel_element_make(number);
		r = fresh ? libvirt_domain_attach(&change->domain, scope, fresh) : CTL_FAILED;
	}
	if (r == CTL_OK)
		cpuset_add(&outcome->changed, number);
	return r;
}

/* detach without --vcpus: all channels */
static int numbers_to_change(const struct change *change, const struct channel_elements *elements,
			     struct cpuset *wanted)
{
	if (change->attach || change->ctl->vcpus)
		return wanted_numbers(change->ctl,
				      change->attach ? elements->n_vcpus : MAX_CHANNEL_NUMBER + 1,
				      wanted);
	*wanted = (struct cpuset){0};
	for (size_t i = 0; i < elements->n; i++)
		cpuset_add(wanted, elements->elements[i].number);
	return CTL_OK;
}

static int change_scope(struct change *change, enum scope scope)
{
	cleanup(channel_elements_clear) struct channel_elements elements = {0};
	struct cpuset wanted;
	unsigned int number;
	int r = libvirt_domain_channels(&change->domain, scope, &elements);

	if (r == CTL_OK)
		r = numbers_to_change(change, &elements, &wanted);
	if (r != CTL_OK)
		return r;
	change->outcomes[scope].tried = true;
	cpuset_for_each (number, &wanted) {
		r = change_one(change, scope, &elements, number);
		if (r != CTL_OK)
			return r;
	}
	return CTL_OK;
}

/* The XMLs that options name, else those that exist. Return: CTL_OK; CTL_FAILED: error printed */
static int choose_scopes(const struct change *change, bool chosen[2])
{
	const struct ctl *ctl = change->ctl;
	const struct libvirt_domain *domain = &change->domain;
	bool any = ctl->live || ctl->config;

	chosen[SCOPE_LIVE] = any ? ctl->live : domain->active;
	chosen[SCOPE_CONFIG] = any ? ctl->config : domain->persistent;
	if (chosen[SCOPE_LIVE] && !domain->active) {
		ctl_error("domain \"%s\" does not run: omit --live", ctl->words[0]);
		return CTL_FAILED;
	}
	if (chosen[SCOPE_CONFIG] && !domain->persistent) {
		ctl_error(
			"domain \"%s\" is transient and has no stored configuration: omit --config",
			ctl->words[0]);
		return CTL_FAILED;
	}
	return CTL_OK;
}

static json_t *numbers_json(const struct cpuset *numbers)
{
	json_t *array = json_array();
	unsigned int number;

	cpuset_for_each (number, numbers)
		json_add(&array, json_integer(number));
	return array;
}

static json_t *outcome_json(const struct outcome *outcome)
{
	if (!outcome->tried)
		return json_null();
	return json_pack("{s:o, s:o}", "changed", numbers_json(&outcome->changed), "unchanged",
			 numbers_json(&outcome->unchanged));
}

/* "channel 0-3 attached", "" without channels; owned by the caller; NULL: out of memory */
static char *clause(const struct cpuset *channels, const char *outcome)
{
	cleanup_free char *list = cpuset_text(channels);

	return list && *list ? text_make("channel %s %s", list, outcome) : take_ptr(list);
}

static void print_outcome(const struct change *change, enum scope scope)
{
	const struct outcome *outcome = &change->outcomes[scope];
	const char *domain = change->ctl->words[0], *name = scope_name(scope);
	cleanup_free char *changed =
		clause(&outcome->changed, change->attach ? "attached" : "detached");
	cleanup_free char *unchanged =
		clause(&outcome->unchanged, change->attach ? "was there already" : "was not there");

	if (!outcome->tried)
		return;
	if (!changed || !unchanged)
		ctl_error("out of memory");
	else if (*changed || *unchanged)
		ctl_say("domain \"%s\", %s: %s%s%s", domain, name, changed,
			*changed && *unchanged ? ", " : "", unchanged);
	else if (!change->attach && !change->failed)
		ctl_say("domain \"%s\", %s: it has no power channels", domain, name);
}

static void print_outcomes(const struct change *change)
{
	cleanup_json json_t *all = NULL;

	if (!change->ctl->json) {
		print_outcome(change, SCOPE_LIVE);
		print_outcome(change, SCOPE_CONFIG);
		return;
	}
	all = json_pack("{s:s, s:s, s:o, s:o}", "domain", change->ctl->words[0], "uuid",
			change->domain.uuid, "live", outcome_json(&change->outcomes[SCOPE_LIVE]),
			"config", outcome_json(&change->outcomes[SCOPE_CONFIG]));
	ctl_print_json(all, JSON_INDENT(2));
}

static int run(const struct ctl *ctl, bool attach)
{
	struct change change = {.ctl = ctl, .attach = attach};
	bool chosen[2];
	int r = libvirt_domain_open(&change.domain, ctl, ctl->words[0], false);

	if (r != CTL_OK)
		return r;
	r = choose_scopes(&change, chosen);
	if (r == CTL_OK && chosen[SCOPE_CONFIG])
		r = change_scope(&change, SCOPE_CONFIG);
	if (r == CTL_OK && chosen[SCOPE_LIVE])
		r = change_scope(&change, SCOPE_LIVE);
	change.failed = r != CTL_OK;
	if (change.outcomes[SCOPE_LIVE].tried || change.outcomes[SCOPE_CONFIG].tried)
		print_outcomes(&change); /* after a failure, print what was done before it */
	libvirt_domain_close(&change.domain);
	return r;
}

int ctl_attach(const struct ctl *ctl)
{
	return run(ctl, true);
}

int ctl_detach(const struct ctl *ctl)
{
	return run(ctl, false);
}
