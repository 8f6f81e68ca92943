/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/domain_xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/value.h"
#include "xml/domain_parts.h"

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
				"the domain's <name> has %zu bytes, must have 1 to %zu: use virsh "
				"domrename",
				length, sizeof(domain->name) - 1);
	for (p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return xml_fail(error, -EINVAL,
					"the domain's <name> has control characters: use virsh "
					"domrename");
	}
	memcpy(domain->name, text, length + 1);
	return 0;
}

static int read_uuid(const xmlNode *root, struct domain_description *domain,
		     struct xml_error *error)
{
	char *text cleanup_free = NULL;
	int r;

	r = only_text(root, "uuid", &text, error);
	if (r < 0)
		return r;
	if (!value_uuid(text, domain->uuid))
		return xml_fail(error, -EINVAL,
				"<uuid>%s</uuid> must have the form "
				"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
				excerpt(text).text);
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

/* --- channels --------------------------------------------------------------------------- */

/* Probably meant for us: only DPDK uses the first part of the name. Not certain, so no error. */
static bool is_near_miss(const char *name)
{
	static const char family[] = "virtio.serial.port.";

	return !strncmp(name, family, strlen(family)) || strcasestr(name, "poweragent");
}

/* *name is NULL unless there is <target type='virtio' name='virtio.serial.port.poweragent.<n>'>. */
static int our_name(const xmlNode *channel, char **name, struct domain_description *domain,
		    struct xml_error *error)
{
	char *type cleanup_free = NULL;
	char *text cleanup_free = NULL;
	const xmlNode *target;
	int r;

	*name = NULL;
	r = xml_tree_only_child(channel, "target", &target, error);
	if (r < 0 || !target)
		return r;
	r = xml_tree_attribute(target, "type", &type, error);
	if (r < 0 || !type || strcmp(type, "virtio") != 0)
		return r;
	r = xml_tree_attribute(target, "name", &text, error);
	if (r < 0 || !text)
		return r;
	if (!strncmp(text, CHANNEL_NAME_PREFIX, strlen(CHANNEL_NAME_PREFIX)))
		*name = take_ptr(text);
	else if (is_near_miss(text))
		(void)snprintf(domain->near_miss, sizeof(domain->near_miss), "%s",
			       excerpt(text).text);
	return 0;
}

static int check_type(const xmlNode *channel, const char *name, struct xml_error *error)
{
	char *type cleanup_free = NULL;
	int r;

	r = xml_tree_attribute(channel, "type", &type, error);
	if (r < 0)
		return r;
	if (!type || strcmp(type, "unix") != 0)
		return xml_fail(error, -EINVAL, "channel %s has type='%s': make it type='unix'",
				name, excerpt(type ? type : "").text);
	return 0;
}

/* *path is NULL if libvirt has not filled it in: it does so when the domain starts. */
static int read_path(const xmlNode *channel, const char *name, char **path, struct xml_error *error)
{
	char *mode cleanup_free = NULL;
	const xmlNode *source;
	int r;

	*path = NULL;
	r = xml_tree_only_child(channel, "source", &source, error);
	if (r < 0 || !source)
		return r;
	r = xml_tree_attribute(source, "mode", &mode, error);
	if (r < 0)
		return r;
	if (mode && !strcmp(mode, "connect"))
		return xml_fail(error, -EINVAL,
				"channel %s has <source mode='connect'>: use mode='bind', "
				"vmpower does not listen for QEMU",
				name);
	r = xml_tree_attribute(source, "path", path, error);
	if (r < 0)
		return r;
	if (*path && !**path) {
		free(*path);
		*path = NULL;
	}
	if ((*path || mode) && (!mode || strcmp(mode, "bind") != 0))
		return xml_fail(error, -EINVAL,
				"channel %s has <source mode='%s'>: use mode='bind'", name,
				excerpt(mode ? mode : "").text);
	return 0;
}

static int check_path(const char *path, const char *name, struct xml_error *error)
{
	if (path[0] != '/')
		return xml_fail(error, -EINVAL,
				"channel %s has <source path='%s'>: the path must be absolute",
				name, excerpt(path).text);
	if (strlen(path) >= sizeof(((struct channel_description *)NULL)->path))
		return xml_fail(error, -EINVAL,
				"channel %s has a <source path='%s'> of %zu bytes: a socket's path "
				"has at most %zu",
				name, excerpt(path).text, strlen(path),
				sizeof(((struct channel_description *)NULL)->path) - 1);
	return 0;
}

/* @path has passed check_path(). */
static int add_channel(struct domain_description *domain, uint32_t number, const char *path,
		       struct xml_error *error)
{
	struct channel_description *channels = domain->channels;
	uint32_t at = domain->n_channels;

	while (at > 0 && channels[at - 1].number >= number)
		at--;
	if (at < domain->n_channels && channels[at].number == number)
		return xml_fail(error, -EINVAL,
				"channel " CHANNEL_NAME_PREFIX "%u appears twice: keep one",
				number);
	if (domain->n_channels == MAX_DOMAIN_CHANNELS)
		return xml_fail(error, -EINVAL,
				"domain has more than %d channels " CHANNEL_NAME_PREFIX
				"<n>: the first %d are served",
				MAX_DOMAIN_CHANNELS, MAX_DOMAIN_CHANNELS);
	memmove(&channels[at + 1], &channels[at], (domain->n_channels - at) * sizeof(channels[0]));
	channels[at].number = number;
	ASSERT(strlen(path) < sizeof(channels[at].path));
	memcpy(channels[at].path, path, strlen(path) + 1);
	domain->n_channels++;
	return 0;
}

static int read_channel(const xmlNode *channel, struct domain_description *domain,
			struct xml_error *error)
{
	char *full_name cleanup_free = NULL;
	char *path cleanup_free = NULL;
	struct excerpt name;
	uint32_t number;
	int r;

	r = our_name(channel, &full_name, domain, error);
	if (r < 0 || !full_name)
		return r;
	name = excerpt(full_name);
	if (parse_u32(full_name + strlen(CHANNEL_NAME_PREFIX), MAX_CHANNEL_NUMBER, &number) < 0)
		return xml_fail(error, -EINVAL,
				"channel %s must end in the number of a vCPU, 0 to %d", name.text,
				MAX_CHANNEL_NUMBER);
	r = check_type(channel, name.text, error);
	if (r < 0)
		return r;
	r = read_path(channel, name.text, &path, error);
	if (r < 0)
		return r;
	if (!path) {
		if (domain->id < 0)
			return 0;
		return xml_fail(
			error, -EINVAL,
			"channel %s has no <source path=>, which libvirt sets before 'started': "
			"update libvirt, or set the path in the domain's XML",
			name.text);
	}
	r = check_path(path, name.text, error);
	if (r < 0)
		return r;
	return add_channel(domain, number, path, error);
}

static int read_channels(const xmlNode *devices, struct domain_description *domain,
			 struct xml_error *error)
{
	const xmlNode *channel;
	int r;

	for (channel = xml_tree_first(devices, "channel"); channel;
	     channel = xml_tree_next(channel, "channel")) {
		r = domain_tolerate(domain, error, read_channel(channel, domain, error));
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_devices(const xmlNode *root, struct domain_description *domain,
			struct xml_error *error)
{
	const xmlNode *devices;
	int r;

	r = xml_tree_only_child(root, "devices", &devices, error);
	if (r < 0)
		return domain_tolerate(domain, error, r);
	r = read_channels(devices, domain, error);
	return r < 0 ? r : domain_read_interfaces(devices, domain, error);
}

/* --- the domain ------------------------------------------------------------------------- */

void domain_note_problem(struct domain_description *domain, struct xml_error *error)
{
	if (domain->n_problems++ == 0)
		memcpy(domain->problem, error->text, sizeof(domain->problem));
	error->text[0] = '\0';
}

/* "...; and 3 more"; a long first text is cut. */
static void count_problems(struct domain_description *domain)
{
	char more[32];
	size_t length = strlen(domain->problem), room;

	if (domain->n_problems < 2)
		return;
	(void)snprintf(more, sizeof(more), "; and %u more", domain->n_problems - 1);
	room = sizeof(domain->problem) - sizeof(more);
	if (length > room)
		length = room;
	while (length > 0 && ((unsigned char)domain->problem[length] & 0xc0) == 0x80)
		length--;
	memcpy(domain->problem + length, more, strlen(more) + 1);
}

static int read_domain(const xmlNode *root, struct domain_description *domain,
		       struct xml_error *error)
{
	int r;

	r = domain_tolerate(domain, error, read_name(root, domain, error));
	if (r < 0)
		return r;
	r = read_uuid(root, domain, error);
	if (r < 0)
		return r;
	if (!domain->name[0])
		memcpy(domain->name, domain->uuid, sizeof(domain->uuid));
	r = read_id(root, domain, error);
	if (r < 0)
		return r;
	r = domain_read_vcpus(root, domain, error);
	if (r < 0)
		return r;
	r = read_devices(root, domain, error);
	if (r < 0)
		return r;
	count_problems(domain);
	return domain_read_metadata(root, domain, error);
}

int domain_xml_parse(const char *xml, size_t size, struct domain_description **domain,
		     struct xml_error *error)
{
	struct domain_description *new;
	xmlDoc *document cleanup_xml_tree = NULL;
	const xmlNode *root;
	int r;

	error->text[0] = error->domain[0] = error->uuid[0] = '\0';
	r = xml_tree_read(xml, size, &document, error);
	if (r < 0)
		return r;
	root = xmlDocGetRootElement(document);
	if (!root || !xml_tree_is(root, "domain"))
		return xml_fail(error, -EINVAL, "root element is <%s>, not a libvirt <domain>",
				excerpt(root ? (const char *)root->name : "").text);
	new = calloc(1, sizeof(*new));
	if (!new)
		return xml_fail(error, -ENOMEM, "out of memory");
	r = read_domain(root, new, error);
	if (r < 0) {
		memcpy(error->domain, new->name, sizeof(error->domain));
		memcpy(error->uuid, new->uuid, sizeof(error->uuid));
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
