/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/saved_interfaces.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"

static const char *const kinds[] = {
	[INTERFACE_OTHER] = "other",	     [INTERFACE_TAP] = "tap",
	[INTERFACE_UNMANAGED] = "unmanaged", [INTERFACE_DIRECT] = "direct",
	[INTERFACE_HOSTDEV] = "hostdev",     [INTERFACE_VHOSTUSER] = "vhostuser",
	[INTERFACE_USER] = "user",	     [INTERFACE_VDPA] = "vdpa",
};

#define MAC_FORMAT "%02x:%02x:%02x:%02x:%02x:%02x"
#define PCI_FORMAT "%04x:%02x:%02x.%x"
#define LONGEST 32 /* of both, with NUL */

json_t *saved_interfaces_json(const struct domain_description *description)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < description->n_interfaces; i++) {
		const struct domain_interface *from = &description->interfaces[i];
		const struct pci_address *source = &from->source;
		json_t *json = json_object();
		char text[LONGEST];

		json_put_text(&json, "kind", kinds[from->kind]);
		(void)snprintf(text, sizeof(text), MAC_FORMAT, from->mac[0], from->mac[1],
			       from->mac[2], from->mac[3], from->mac[4], from->mac[5]);
		json_put_text(&json, "mac", text);
		json_put_text(&json, "target", from->target);
		json_put_text(&json, "model", from->model);
		if (from->has_source) {
			(void)snprintf(text, sizeof(text), PCI_FORMAT, source->domain, source->bus,
				       source->slot, source->function);
			json_put_text(&json, "source", text);
		}
		json_add(&array, json);
	}
	return array;
}

/* Return: false: it is no text, or too long */
static bool get_text(const json_t *value, char *text, size_t size)
{
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= size || strlen(json_string_value(value)) != length)
		return false;
	memcpy(text, json_string_value(value), length + 1);
	return true;
}

static bool get_kind(const json_t *value, enum interface_kind *kind)
{
	for (size_t i = 0; i < array_size(kinds); i++)
		if (json_is_string(value) && strcmp(json_string_value(value), kinds[i]) == 0) {
			*kind = (enum interface_kind)i;
			return true;
		}
	return false;
}

/* Only what was written as above is taken. */
static bool get_mac(const json_t *value, uint8_t mac[static 6])
{
	char text[LONGEST], again[LONGEST];
	unsigned int n[6];

	if (!get_text(value, text, sizeof(text)) ||
	    /* NOLINTNEXTLINE(cert-err34-c): what does not come back as it was is refused */
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) != 6)
		return false;
	(void)snprintf(again, sizeof(again), MAC_FORMAT, n[0], n[1], n[2], n[3], n[4], n[5]);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)n[i];
	return strcmp(text, again) == 0;
}

static bool get_source(const json_t *value, struct pci_address *source)
{
	char text[LONGEST], again[LONGEST];
	unsigned int domain, bus, slot, function;

	if (!get_text(value, text, sizeof(text)) ||
	    /* NOLINTNEXTLINE(cert-err34-c): likewise */
	    sscanf(text, "%8x:%2x:%2x.%1x", &domain, &bus, &slot, &function) != 4)
		return false;
	(void)snprintf(again, sizeof(again), PCI_FORMAT, domain, bus, slot, function);
	*source = (struct pci_address){
		.domain = domain,
		.bus = (uint8_t)bus,
		.slot = (uint8_t)slot,
		.function = (uint8_t)function,
	};
	return strcmp(text, again) == 0;
}

static bool parse_one(const json_t *json, struct domain_interface *to)
{
	const json_t *source = json_object_get(json, "source");

	to->has_source = source != NULL;
	return get_kind(json_object_get(json, "kind"), &to->kind) &&
	       get_mac(json_object_get(json, "mac"), to->mac) &&
	       get_text(json_object_get(json, "target"), to->target, sizeof(to->target)) &&
	       get_text(json_object_get(json, "model"), to->model, sizeof(to->model)) &&
	       (!source || get_source(source, &to->source));
}

int saved_interfaces_parse(const json_t *array, struct domain_description *description)
{
	if (!array)
		return 0;
	if (!json_is_array(array) || json_array_size(array) > MAX_DOMAIN_INTERFACES)
		return -EBADMSG;
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (!parse_one(json_array_get(array, i), &description->interfaces[i]))
			return -EBADMSG;
		description->n_interfaces++;
	}
	return 0;
}
