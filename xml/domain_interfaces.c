/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/domain_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* As the XML of a running domain has them: what a network gives, not the network. */
static const struct {
	const char *type;
	enum interface_kind kind;
} kinds[] = {
	{"bridge", INTERFACE_TAP},	{"network", INTERFACE_TAP},
	{"ethernet", INTERFACE_TAP},	{"direct", INTERFACE_DIRECT},
	{"hostdev", INTERFACE_HOSTDEV}, {"vhostuser", INTERFACE_VHOSTUSER},
	{"user", INTERFACE_USER},	{"vdpa", INTERFACE_VDPA},
};

static enum interface_kind kind_of(const char *type)
{
	for (size_t i = 0; i < array_size(kinds); i++) {
		if (!strcmp(type, kinds[i].type))
			return kinds[i].kind;
	}
	return INTERFACE_OTHER;
}

/* *value is NULL unless @parent has one element @name with the attribute. */
static int child_attribute(const xmlNode *parent, const char *name, const char *attribute,
			   char **value, struct xml_error *error)
{
	const xmlNode *child;
	int r = xml_tree_only_child(parent, name, &child, error);

	*value = NULL;
	if (r < 0 || !child)
		return r;
	return xml_tree_attribute(child, attribute, value, error);
}

/* Two hexadecimal digits. */
static bool parse_octet(const char *text, uint8_t *octet)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int value = 0;

	for (int i = 0; i < 2; i++) {
		int character = text[i] >= 'A' && text[i] <= 'F' ? text[i] + ('a' - 'A') : text[i];
		const char *digit = character ? strchr(digits, character) : NULL;

		if (!digit)
			return false;
		value = value * 16 + (unsigned int)(digit - digits);
	}
	*octet = (uint8_t)value;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[static 6])
{
	for (int i = 0; i < 6; i++) {
		if (!parse_octet(text, &mac[i]) || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		text += 3;
	}
	return true;
}

static int read_mac(const xmlNode *element, struct domain_interface *interface,
		    struct xml_error *error)
{
	char *text cleanup_free = NULL;
	int r = child_attribute(element, "mac", "address", &text, error);

	if (r < 0)
		return r;
	if (!text || !parse_mac(text, interface->mac))
		return xml_fail(error, -EINVAL,
				"an <interface> has <mac address='%s'>: it must have the form "
				"52:54:00:xx:xx:xx; its packets are not counted",
				excerpt(text ? text : "").text);
	return 0;
}

/* A longer name is none that Linux gives to a network device. */
static void copy_name(char *to, size_t size, const char *name)
{
	if (strlen(name) < size)
		memcpy(to, name, strlen(name) + 1);
}

/* It becomes a part of a path. */
static bool is_device_name(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strpbrk(name, "/: \t\n");
}

static int read_target(const xmlNode *element, struct domain_interface *interface,
		       struct xml_error *error)
{
	char *managed cleanup_free = NULL;
	char *name cleanup_free = NULL;
	int r = child_attribute(element, "target", "dev", &name, error);

	if (r == 0)
		r = child_attribute(element, "target", "managed", &managed, error);
	if (r < 0)
		return r;
	if (name && is_device_name(name))
		copy_name(interface->target, sizeof(interface->target), name);
	if (interface->kind == INTERFACE_TAP && managed && !strcmp(managed, "no"))
		interface->kind = INTERFACE_UNMANAGED;
	return 0;
}

static int read_model(const xmlNode *element, struct domain_interface *interface,
		      struct xml_error *error)
{
	char *model cleanup_free = NULL;
	int r = child_attribute(element, "model", "type", &model, error);

	if (r == 0 && model)
		copy_name(interface->model, sizeof(interface->model), model);
	return r;
}

/* libvirt writes 0x and digits; it reads decimal numbers as well. */
static int address_part(const xmlNode *address, const char *name, uint32_t max, uint32_t *value,
			struct xml_error *error)
{
	char *text cleanup_free = NULL;
	unsigned long number;
	char *end;
	int r = xml_tree_attribute(address, name, &text, error);

	*value = 0;
	if (r < 0 || !text)
		return r;
	errno = 0;
	number = strtoul(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno != 0 || number > max)
		return xml_fail(error, -EINVAL,
				"the <source> of an <interface> has <address %s='%s'>: it must be "
				"a number up to 0x%x; its packets are not counted",
				name, excerpt(text).text, max);
	*value = (uint32_t)number;
	return 0;
}

static int read_source(const xmlNode *element, struct domain_interface *interface,
		       struct xml_error *error)
{
	uint32_t domain = 0, bus = 0, slot = 0, function = 0;
	char *type cleanup_free = NULL;
	const xmlNode *source, *address = NULL;
	int r;

	if (interface->kind != INTERFACE_HOSTDEV)
		return 0;
	r = xml_tree_only_child(element, "source", &source, error);
	if (r == 0)
		r = xml_tree_only_child(source, "address", &address, error);
	if (r < 0 || !address)
		return r;
	r = xml_tree_attribute(address, "type", &type, error);
	if (r < 0 || !type || strcmp(type, "pci") != 0)
		return r;
	r = address_part(address, "domain", UINT32_MAX, &domain, error);
	if (r == 0)
		r = address_part(address, "bus", 0xff, &bus, error);
	if (r == 0)
		r = address_part(address, "slot", 0x1f, &slot, error);
	if (r == 0)
		r = address_part(address, "function", 7, &function, error);
	if (r < 0)
		return r;
	interface->has_source = true;
	interface->source = (struct pci_address){
		.domain = domain,
		.bus = (uint8_t)bus,
		.slot = (uint8_t)slot,
		.function = (uint8_t)function,
	};
	return 0;
}

static int read_interface(const xmlNode *element, struct domain_description *domain,
			  struct xml_error *error)
{
	struct domain_interface interface = {.kind = INTERFACE_OTHER};
	char *type cleanup_free = NULL;
	int r = xml_tree_attribute(element, "type", &type, error);

	if (r < 0)
		return r;
	interface.kind = kind_of(type ? type : "");
	r = read_mac(element, &interface, error);
	if (r == 0)
		r = read_target(element, &interface, error);
	if (r == 0)
		r = read_model(element, &interface, error);
	if (r == 0)
		r = read_source(element, &interface, error);
	if (r < 0)
		return r;
	if (domain->n_interfaces == MAX_DOMAIN_INTERFACES)
		domain->n_more_interfaces++;
	else
		domain->interfaces[domain->n_interfaces++] = interface;
	return 0;
}

int domain_read_interfaces(const xmlNode *devices, struct domain_description *domain,
			   struct xml_error *error)
{
	const xmlNode *element;
	int r;

	for (element = xml_tree_first(devices, "interface"); element;
	     element = xml_tree_next(element, "interface")) {
		r = domain_tolerate(domain, error, read_interface(element, domain, error));
		if (r < 0)
			return r;
	}
	return 0;
}
