/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a state file: an accepted one is sound, and survives being written. */
#include <errno.h>

#include "common/bounds.h"
#include "helper/manager/cpufreq/baseline.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
	require(memchr(text, '\0', BASELINE_TEXT));
}

static void check_entries(const struct baseline *baseline)
{
	require(memchr(baseline->boot_id, '\0', sizeof(baseline->boot_id)));
	require(baseline->n_entries <= MAX_FREQUENCY_DOMAINS);
	for (uint32_t i = 0; i < baseline->n_entries; i++) {
		const struct baseline_entry *entry = &baseline->entries[i];

		require(entry->policy < MAX_CPUS);
		require(entry->method == METHOD_SETSPEED || entry->method == METHOD_LIMITS);
		check_text(entry->driver);
		check_text(entry->governor);
		check_text(entry->min_freq);
		check_text(entry->max_freq);
		check_text(entry->setspeed);
		/* required for a restore by this method */
		require(entry->method == METHOD_LIMITS || entry->governor[0]);
		require(entry->method == METHOD_SETSPEED ||
			(entry->min_freq[0] && entry->max_freq[0]));
		/* no other entry has this policy */
		require(baseline_find(baseline, entry->policy) == entry);
	}
}

static void check_equal(const struct baseline *a, const struct baseline *b)
{
	require(strcmp(a->boot_id, b->boot_id) == 0 && a->n_entries == b->n_entries);
	for (uint32_t i = 0; i < a->n_entries; i++) {
		const struct baseline_entry *x = &a->entries[i], *y = &b->entries[i];

		require(x->policy == y->policy && x->method == y->method);
		require(strcmp(x->driver, y->driver) == 0);
		require(strcmp(x->governor, y->governor) == 0);
		require(strcmp(x->min_freq, y->min_freq) == 0);
		require(strcmp(x->max_freq, y->max_freq) == 0);
		require(strcmp(x->setspeed, y->setspeed) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baseline baseline = {.n_entries = 7}, again;
	char *text = NULL;
	size_t text_size = 0;
	int r = baseline_parse((const char *)data, size, &baseline);

	if (r < 0) {
		require(r == -EBADMSG || r == -ENOMEM);
		require(baseline.n_entries == 7 && !baseline.entries);
		return 0;
	}
	require(r == 0);
	check_entries(&baseline);
	require(baseline_format(&baseline, &text, &text_size) == 0);
	require(text && strlen(text) == text_size);
	require(baseline_parse(text, text_size, &again) == 0);
	check_equal(&baseline, &again);
	baseline_free(&again);
	/* without its last byte it is incomplete */
	require(baseline_parse(text, text_size - 1, &again) == -EBADMSG);
	free(text);
	baseline_free(&baseline);
	return 0;
}
