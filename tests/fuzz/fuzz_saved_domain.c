/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a saved domain: an accepted one can be registered, and is the same when saved. */
#include <errno.h>
#include <stdlib.h>

#include "helper/manager/registry/saved_domain.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct saved_domain saved, again;
	struct registry *registry;
	struct domain *domain;
	char *text;
	int r = saved_domain_parse((const char *)data, size, &saved);

	if (r < 0) {
		require(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ENOMEM);
		return 0;
	}
	require(registry_new(&registry) == 0);
	require(registry_restore(registry, &saved, &domain) == 0);
	require(!saved.description && !saved.overrides);
	text = saved_domain_format(domain);
	require(text && saved_domain_parse(text, strlen(text), &again) == 0);
	require(again.id == domain->id);
	require(again.description->n_vcpus == domain->description->n_vcpus);
	require(again.description->n_channels == domain->n_channels);
	require(again.description->n_interfaces == domain->description->n_interfaces);
	require(memcmp(again.description->interfaces, domain->description->interfaces,
		       sizeof(again.description->interfaces)) == 0);
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		require(registry_channel(registry, domain->channels[i].id) == &domain->channels[i]);
		require(again.channels[i].slot == domain->channels[i].id % MAX_DOMAIN_CHANNELS);
	}
	free(text);
	saved_domain_free(&again);
	registry_free(registry);
	return 0;
}
