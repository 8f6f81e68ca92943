/* SPDX-License-Identifier: BSD-3-Clause */
/* AddDomain and AddChannels: ask libvirt for the domain's XML, register the domain, then reply. */
#include "helper/manager/control/methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "helper/manager/control/channel_numbers.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/reply.h"
#include "xml/domain_xml.h"

/* A call that waits for libvirt. */
struct lookup {
	struct control_context *control;
	struct varlink_call *call;
	int cookie;
	char domain[MAX_DOMAIN_NAME];	/* name or UUID, as in the call */
	char uuid[UUID_SIZE];		/* the domain must have it; "": not known */
	struct channel_numbers numbers; /* of AddChannels */
	uint32_t changed;		/* of AddChannels: channels that were unknown before */
	void (*registered)(struct lookup *lookup, struct domain *domain);
};

static void on_cancelled(void *data)
{
	struct lookup *lookup = data;

	virt_cancel(lookup->control->parts.virt, lookup->cookie);
	free(lookup);
}

/* Register the domain. Return: NULL: failed, an error was sent */
static struct domain *register_domain(const struct lookup *lookup, const char *xml, size_t size,
				      uint64_t asked_ns)
{
	const struct control_parts *parts = &lookup->control->parts;
	struct domain_description *description = NULL;
	struct xml_error error = {.text = ""};
	struct domain *domain;
	char uuid[UUID_SIZE];
	int r;

	r = domain_xml_parse(xml, size, &description, &error);
	if (r == -ENOMEM) {
		control_virt_error(lookup->call, parts->virt, lookup->domain, r);
		return NULL;
	}
	if (r < 0) {
		varlink_error(lookup->call, "BadDomainXml",
			      json_pack("{s:s, s:o}", "domain", lookup->domain, "reason",
					json_text(error.text)));
		return NULL;
	}
	/* It has ended, and its UUID is the name of another one. */
	if (*lookup->uuid && strcmp(lookup->uuid, description->uuid) != 0) {
		domain_description_free(description);
		control_no_domain(lookup->call, lookup->domain);
		return NULL;
	}
	memcpy(uuid, description->uuid, sizeof(uuid));
	r = domains_report(parts->domains, &(struct domain_report){
						   .source = "operator",
						   .asked_ns = asked_ns,
						   .starts = true,
						   .running = description,
					   });
	if (r < 0) {
		control_virt_error(lookup->call, parts->virt, lookup->domain, r);
		return NULL;
	}
	domain = registry_find_uuid(parts->registry, uuid);
	if (!domain)
		control_no_domain(lookup->call, lookup->domain);
	return domain;
}

static void on_found(void *context, int error, const char *xml, size_t size, uint64_t asked_ns)
{
	cleanup_free struct lookup *lookup = context;
	struct domain *domain;

	if (error < 0) {
		control_virt_error(lookup->call, lookup->control->parts.virt, lookup->domain,
				   error);
		return;
	}
	domain = register_domain(lookup, xml, size, asked_ns);
	if (domain)
		lookup->registered(lookup, domain);
}

/* Ask libvirt; takes @lookup over */
static void start(struct lookup *lookup, const char *name_or_uuid)
{
	struct virt *virt = lookup->control->parts.virt;
	int r;

	r = virt_lookup(virt, name_or_uuid, on_found, lookup);
	if (r < 0) {
		control_virt_error(lookup->call, virt, lookup->domain, r);
		free(lookup);
		return;
	}
	lookup->cookie = r;
	varlink_defer(lookup->call, on_cancelled, lookup);
}

/* NULL: out of memory, an error was sent */
static struct lookup *lookup_new(struct varlink_call *call, struct control_context *control,
				 const char *domain)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup) {
		control_virt_error(call, control->parts.virt, domain, -ENOMEM);
		return NULL;
	}
	lookup->control = control;
	lookup->call = call;
	/* control_domain_name() has checked its length */
	(void)snprintf(lookup->domain, sizeof(lookup->domain), "%s", domain);
	return lookup;
}

static void domain_registered(struct lookup *lookup, struct domain *domain)
{
	varlink_reply(lookup->call,
		      json_pack("{s:o, s:s, s:i}", "name", json_text(domain->description->name),
				"uuid", domain->description->uuid, "channels",
				(int)domain->n_channels));
}

void control_add_domain(struct varlink_call *call, void *context)
{
	const char *name = control_domain_name(call);
	struct lookup *lookup;

	if (!name)
		return;
	lookup = lookup_new(call, context, name);
	if (!lookup)
		return;
	lookup->registered = domain_registered;
	start(lookup, lookup->domain);
}

/* Serve removed and disconnected channels again, and reply. @changed: channels added before */
static void add_channels(struct varlink_call *call, struct control_context *control,
			 struct domain *domain, const struct channel_numbers *numbers,
			 uint32_t changed)
{
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (!channel_numbers_has(numbers, channel->number) ||
		    (channel->state != CHANNEL_REMOVED &&
		     channel_shown_state(channel) != CHANNEL_DISCONNECTED))
			continue;
		domains_channel_add(control->parts.domains, channel);
		changed++;
	}
	varlink_reply(call, json_pack("{s:i}", "changed", (int)changed));
}

static void channels_registered(struct lookup *lookup, struct domain *domain)
{
	uint32_t unknown;

	if (channel_numbers_unknown(&lookup->numbers, domain, &unknown))
		control_no_channel(lookup->call, lookup->domain, unknown);
	else
		add_channels(lookup->call, lookup->control, domain, &lookup->numbers,
			     lookup->changed);
}

static uint32_t count_unknown(const struct channel_numbers *numbers, struct domain *domain)
{
	uint32_t n = 0;

	for (uint32_t number = 0; number <= MAX_CHANNEL_NUMBER; number++)
		n += channel_numbers_has(numbers, number) && !domain_channel(domain, number);
	return n;
}

void control_add_channels(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	struct domain *domain = control_find_domain(call, control->parts.registry);
	struct channel_numbers numbers;
	struct lookup *lookup;
	json_int_t bad;
	uint32_t unknown;

	if (!domain)
		return;
	if (channel_numbers_read(json_object_get(varlink_parameters(call), "numbers"), &numbers,
				 &bad) < 0) {
		control_no_channel(call, domain->description->name, bad);
		return;
	}
	if (!channel_numbers_unknown(&numbers, domain, &unknown)) {
		add_channels(call, control, domain, &numbers, 0);
		return;
	}
	/* A channel may just have been plugged in: libvirt's event may still be on its way. */
	lookup = lookup_new(call, control, domain->description->name);
	if (!lookup)
		return;
	lookup->numbers = numbers;
	lookup->changed = count_unknown(&numbers, domain);
	lookup->registered = channels_registered;
	memcpy(lookup->uuid, domain->description->uuid, sizeof(lookup->uuid));
	start(lookup, lookup->uuid);
}
