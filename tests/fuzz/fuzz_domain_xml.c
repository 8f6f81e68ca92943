/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a domain's XML: the promises of domain_xml.h must hold. */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "xml/domain_xml.h"

static void check_vcpus(const struct domain_description *domain)
{
	const struct cpuset *end = domain->affinities + domain->n_affinities;
	uint32_t i, online = 0;

	require(domain->n_vcpus >= 1 && domain->n_vcpus <= MAX_DOMAIN_VCPUS);
	for (i = 0; i < domain->n_vcpus; i++) {
		const struct vcpu_description *vcpu = &domain->vcpus[i];

		online += vcpu->online;
		require(vcpu->pinned == (vcpu->affinity != NULL));
		if (!vcpu->pinned)
			continue;
		require(vcpu->affinity >= domain->affinities && vcpu->affinity < end);
		require(cpuset_count(vcpu->affinity) > 0);
	}
	require(online == domain->n_online);
}

static void check_channels(const struct domain_description *domain)
{
	uint32_t i;

	require(domain->n_channels <= MAX_DOMAIN_CHANNELS);
	for (i = 0; i < domain->n_channels; i++) {
		const struct channel_description *channel = &domain->channels[i];

		require(channel->number <= MAX_CHANNEL_NUMBER);
		require(i == 0 || channel->number > channel[-1].number);
		require(channel->path[0] == '/');
		require(memchr(channel->path, '\0', sizeof(channel->path)));
	}
}

static void check_interfaces(const struct domain_description *domain)
{
	uint32_t i;

	require(domain->n_interfaces <= MAX_DOMAIN_INTERFACES);
	require(domain->n_more_interfaces == 0 || domain->n_interfaces == MAX_DOMAIN_INTERFACES);
	for (i = 0; i < domain->n_interfaces; i++) {
		const struct domain_interface *interface = &domain->interfaces[i];

		require(interface->kind >= INTERFACE_OTHER && interface->kind <= INTERFACE_VDPA);
		require(memchr(interface->model, '\0', sizeof(interface->model)));
		require(memchr(interface->target, '\0', sizeof(interface->target)));
		require(!strchr(interface->target, '/') && strcmp(interface->target, "..") != 0);
		require(!interface->has_source || interface->kind == INTERFACE_HOSTDEV);
		require(interface->source.slot < 32 && interface->source.function < 8);
	}
}

static void check_metadata(const struct domain_description *domain)
{
	const struct domain_settings *settings = &domain->metadata;

	require(memchr(domain->metadata_error, '\0', sizeof(domain->metadata_error)));
	require(settings->given >> N_SETTINGS == 0);
	if (domain->metadata_error[0])
		require(settings->given == 0);
	require((settings->commands & ~COMMANDS_ALL) == 0);
	require(settings->rate <= 1000000 && settings->burst <= 1000000);
	require(settings->vote_lifetime_s <= 86400);
	require(settings->min_khz <= HIGHEST_KHZ && settings->max_khz <= HIGHEST_KHZ);
	require(!settings->max_khz || settings->min_khz <= settings->max_khz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_description *domain = NULL;
	struct xml_error error;
	int r = domain_xml_parse((const char *)data, size, &domain, &error);

	require(memchr(error.text, '\0', sizeof(error.text)));
	require(memchr(error.domain, '\0', sizeof(error.domain)));
	require(strlen(error.uuid) == 0 || strlen(error.uuid) == 36);
	if (r < 0) {
		require(r == -EINVAL || r == -E2BIG || r == -ENOMEM);
		require(!domain && error.text[0]);
		return 0;
	}
	require(r == 0 && domain && !error.text[0]);
	require(domain->name[0] && memchr(domain->name, '\0', sizeof(domain->name)));
	require(strlen(domain->uuid) == 36);
	require(domain->id >= -1);
	require(memchr(domain->problem, '\0', sizeof(domain->problem)));
	require((domain->n_problems > 0) == (domain->problem[0] != '\0'));
	check_vcpus(domain);
	check_channels(domain);
	check_interfaces(domain);
	check_metadata(domain);
	domain_description_free(domain);
	return 0;
}
