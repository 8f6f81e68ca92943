/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_change.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static bool same_vcpus(const struct domain_description *a, const struct domain_description *b)
{
	if (a->n_vcpus != b->n_vcpus)
		return false;
	for (uint32_t i = 0; i < a->n_vcpus; i++) {
		const struct vcpu_description *x = &a->vcpus[i], *y = &b->vcpus[i];

		if (x->online != y->online || x->pinned != y->pinned)
			return false;
		if (x->pinned && memcmp(x->affinity, y->affinity, sizeof(*x->affinity)) != 0)
			return false;
	}
	return true;
}

static bool same_channels(const struct domain_description *a, const struct domain_description *b)
{
	if (a->n_channels != b->n_channels)
		return false;
	for (uint32_t i = 0; i < a->n_channels; i++) {
		if (a->channels[i].number != b->channels[i].number ||
		    strcmp(a->channels[i].path, b->channels[i].path) != 0)
			return false;
	}
	return true;
}

static bool same_metadata(const struct domain_description *a, const struct domain_description *b)
{
	return a->metadata.given == b->metadata.given &&
	       domain_settings_equal(&a->metadata, &b->metadata) &&
	       strcmp(a->metadata_error, b->metadata_error) == 0;
}

struct domain_change domain_change_find(const struct domain_description *before,
					const struct domain_description *after)
{
	return (struct domain_change){
		.vcpus = !same_vcpus(before, after),
		.channels = !same_channels(before, after),
		.name = strcmp(before->name, after->name) != 0,
		.metadata = !same_metadata(before, after),
	};
}

_Static_assert(sizeof("vCPUs, channels, name, metadata") <= DOMAIN_CHANGE_TEXT_SIZE, "all fits");

void domain_change_text(const struct domain_change *change, char text[DOMAIN_CHANGE_TEXT_SIZE])
{
	const struct {
		bool changed;
		const char *what;
	} parts[] = {
		{change->vcpus, "vCPUs"},
		{change->channels, "channels"},
		{change->name, "name"},
		{change->metadata, "metadata"},
	};

	text[0] = '\0';
	for (size_t i = 0; i < array_size(parts); i++) {
		size_t used = strlen(text);

		if (parts[i].changed)
			(void)snprintf(text + used, DOMAIN_CHANGE_TEXT_SIZE - used, "%s%s",
				       used > 0 ? ", " : "", parts[i].what);
	}
}
