/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/reload.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/config/load.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/service/notify.h"

/* Keys that can't change at run time keep the value in force. */
static void compare(const struct config *old, struct config *new, struct reload_result *result)
{
	memset(result, 0, sizeof(*result));
	for (unsigned int i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if (config_key_equal(key, old, new))
			continue;
		if (!key->needs_restart) {
			result->changed[result->n_changed++] = i;
			continue;
		}
		result->needs_restart[result->n_needs_restart++] = i;
		log_warning("configuration: [%s] %s has changed; restart vmpowerd to apply it, "
			    "which guests do not notice: %s",
			    key->section, key->name, key->needs_restart);
		config_key_copy(key, old, new);
	}
	/* Their origin does not matter. */
	result->domains_changed = old->n_domains != new->n_domains;
	for (uint32_t i = 0; i < old->n_domains && !result->domains_changed; i++)
		result->domains_changed =
			strcmp(old->domains[i].pattern, new->domains[i].pattern) != 0 ||
			old->domains[i].settings.given != new->domains[i].settings.given ||
			!domain_settings_equal(&old->domains[i].settings,
					       &new->domains[i].settings);
}

/* Return: a list of any length, the caller's; NULL: out of memory */
static char *describe(const struct reload_result *result)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (unsigned int i = 0; i < result->n_changed; i++) {
		const struct config_key *key = &config_keys[result->changed[i]];

		(void)fprintf(out, "%s[%s] %s", i > 0 ? ", " : "", key->section, key->name);
	}
	if (result->domains_changed)
		(void)fprintf(out, "%s[" DOMAIN_SECTION " \"...\"]",
			      result->n_changed > 0 ? ", " : "");
	else if (result->n_changed == 0)
		(void)fputs("nothing has changed", out);
	return close_written(out) ? take_ptr(text) : NULL;
}

static int load(const struct reload *reload, struct config *new, struct config_error *error)
{
	const struct khz_range range = cpufreq_range(reload->cpufreq);
	int r = config_load(reload->path, reload->required, new, error);

	if (r < 0)
		return r;
	r = config_check_range(new, &range, error);
	if (r < 0)
		config_clear(new);
	return r;
}

int reload_config(struct reload *reload, struct reload_result *result, struct config_error *error)
{
	struct config new, old = *reload->config;
	cleanup_free char *text = NULL;
	int r;

	notify_reloading(reload->notify);
	r = load(reload, &new, error);
	if (r < 0) {
		log_about(&(struct log_about){.has_event = true}, LOG_ERR,
			  "the configuration is refused, the old one stays in force: %s",
			  error->text);
		if (asprintf(&text, "refused, the old one stays in force: %s", error->text) < 0)
			text = NULL;
		events_emit_text(reload->events, EVENT_RELOAD, text);
	} else {
		compare(&old, &new, result);
		*reload->config = new;
		domains_reconfigure(reload->domains);
		cpufreq_log_rounding(reload->cpufreq, "[limits]", new.min_khz, new.max_khz);
		config_clear(&old);
		text = describe(result);
		log_notice("configuration reloaded from %s: %s", reload->path,
			   text ? text : "out of memory");
		events_emit_text(reload->events, EVENT_RELOAD, text);
	}
	notify_reloaded(reload->notify);
	return r;
}
