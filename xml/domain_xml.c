/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/domain_xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/number.h"
#include "xml/domain_parts.h"
#include "xml/xml_tree.h"

static int only_text(const xmlNode *root, const char *name, char **text, struct xml_error *error)
{
	const xmlNode *element;
	int r;

	r = xml_tree_only_child(root, name, &element, error);
	if (r < 0)
		return r;
	if (!element)
		return xml_fail(error, -EINVAL, "<domain> lacks <%s>", name);
	return xml_tree_text(element, text, error);
}

static int read_name(const xmlNode *root, struct domain_description *domain,
		     struct xml_error *error)
{
	char *text cleanup_free = NULL;
	size_t length;
	const char *p;
	int r;

	r = only_text(root, "name", &text, error);
	if (r < 0)
		return r;
	length = strlen(text);
	if (length == 0 || length >= sizeof(domain->name))
		return xml_fail(error, -EINVAL,
				"<name> of the domain has %zu bytes: 1 to %zu are "
				"possible; use virsh domrename",
				length, sizeof(domain->name) - 1);
	for (p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return xml_fail(error, -EINVAL,
					"<name> of the domain has control characters: use virsh "
					"domrename");
	}
	memcpy(domain->name, text, length + 1);
	return 0;
}

static int read_uuid(const xmlNode *root, struct domain_description *domain,
		     struct xml_error *error)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char *text cleanup_free = NULL;
	size_t i;
	int r;

	_Static_assert(sizeof(form) == sizeof(domain->uuid), "a UUID's canonical form");
	r = only_text(root, "uuid", &text, error);
	if (r < 0)
		return r;
	for (i = 0; i < sizeof(form); i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (form[i] == 'x' ? !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
				   : c != form[i])
			return xml_fail(error, -EINVAL, "<uuid>%s</uuid> is not of the form %s",
					excerpt(text).text, form);
		domain->uuid[i] = c;
	}
	return 0;
}

static int read_id(const xmlNode *root, struct domain_description *domain, struct xml_error *error)
{
	char *text cleanup_free = NULL;
	uint32_t id;
	int r;

	domain->id = -1;
	r = xml_tree_attribute(root, "id", &text, error);
	if (r < 0 || !text)
		return r;
	if (parse_u32(text, INT32_MAX, &id) < 0)
		return xml_fail(error, -EINVAL, "<domain id='%s'> must be a number up to %d",
				excerpt(text).text, INT32_MAX);
	domain->id = (int32_t)id;
	return 0;
}

static int read_domain(const xmlNode *root, struct domain_description *domain,
		       struct xml_error *error)
{
	int r;

	r = read_name(root, domain, error);
	if (r < 0)
		return r;
	r = read_uuid(root, domain, error);
	if (r < 0)
		return r;
	r = read_id(root, domain, error);
	if (r < 0)
		return r;
	r = domain_read_vcpus(root, domain, error);
	if (r < 0)
		return r;
	r = domain_read_channels(root, domain, error);
	if (r < 0)
		return r;
	return domain_read_metadata(root, domain, error);
}

int domain_xml_parse(const char *xml, size_t size, struct domain_description **domain,
		     struct xml_error *error)
{
	struct domain_description *new;
	xmlDoc *document cleanup_xml_tree = NULL;
	const xmlNode *root;
	int r;

	error->text[0] = error->domain[0] = '\0';
	r = xml_tree_read(xml, size, &document, error);
	if (r < 0)
		return r;
	root = xmlDocGetRootElement(document);
	if (!root || !xml_tree_is(root, "domain"))
		return xml_fail(error, -EINVAL, "this is XML of <%s>, not of a libvirt <domain>",
				excerpt(root ? (const char *)root->name : "").text);
	new = calloc(1, sizeof(*new));
	if (!new)
		return xml_fail(error, -ENOMEM, "no memory for a domain");
	r = read_domain(root, new, error);
	if (r < 0) {
		memcpy(error->domain, new->name, sizeof(error->domain));
		domain_description_free(new);
		return r;
	}
	*domain = new;
	return 0;
}

void domain_description_free(struct domain_description *domain)
{
	if (!domain)
		return;
	free(domain->vcpus);
	free(domain->affinities);
	free(domain);
}
