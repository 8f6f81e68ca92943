/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/commands/channel_elements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "common/value.h"
#include "xml/domain_xml.h"

char *channel_element_make(uint32_t number)
{
	return text_make("<channel type='unix'>\n"
			 "  <target type='virtio' name='" CHANNEL_NAME_PREFIX "%u'/>\n"
			 "</channel>\n",
			 number);
}

/* Return: is it a power channel? */
static bool number_of(const xmlNode *channel, uint32_t *number)
{
	cleanup_free char *type = NULL, *name = NULL;
	const xmlNode *target = xml_tree_first(channel, "target");
	struct xml_error error;

	return target && xml_tree_attribute(target, "type", &type, &error) == 0 && type &&
	       strcmp(type, "virtio") == 0 &&
	       xml_tree_attribute(target, "name", &name, &error) == 0 && name &&
	       strncmp(name, CHANNEL_NAME_PREFIX, strlen(CHANNEL_NAME_PREFIX)) == 0 &&
	       parse_u32(name + strlen(CHANNEL_NAME_PREFIX), MAX_CHANNEL_NUMBER, number) == 0;
}

static char *text_of(xmlDoc *document, const xmlNode *node)
{
	xmlBuffer *buffer = xmlBufferCreate();
	char *text = NULL;

	if (buffer && xmlNodeDump(buffer, document, (xmlNode *)node, 0, 0) >= 0)
		text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return text;
}

static int add(struct channel_elements *elements, uint32_t number, char *xml)
{
	struct channel_element *more =
		reallocarray(elements->elements, elements->n + 1, sizeof(*more));

	if (more)
		elements->elements = more;
	if (!xml || !more) {
		free(xml);
		return -ENOMEM;
	}
	more[elements->n++] = (struct channel_element){number, xml};
	return 0;
}

static int read_channels(xmlDoc *document, struct channel_elements *elements)
{
	const xmlNode *devices = xml_tree_first(xmlDocGetRootElement(document), "devices");
	uint32_t number;

	for (const xmlNode *c = xml_tree_first(devices, "channel"); c;
	     c = xml_tree_next(c, "channel")) {
		if (number_of(c, &number) && add(elements, number, text_of(document, c)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int channel_elements_read(const char *xml, size_t size, struct channel_elements *elements,
			  struct xml_error *error)
{
	cleanup(domain_description_freep) struct domain_description *domain = NULL;
	cleanup_xml_tree xmlDoc *document = NULL;
	int r = domain_xml_parse(xml, size, &domain, error);

	*elements = (struct channel_elements){0};
	if (r == 0 && domain->problem[0])
		r = xml_fail(error, -EINVAL, "%s", domain->problem);
	if (r == 0)
		r = xml_tree_read(xml, size, &document, error);
	if (r < 0)
		return r;
	elements->n_vcpus = domain->n_vcpus;
	r = read_channels(document, elements);
	if (r < 0) {
		xml_error_set(error, "out of memory");
		channel_elements_clear(elements);
	}
	return r;
}

void channel_elements_clear(struct channel_elements *elements)
{
	for (size_t i = 0; i < elements->n; i++)
		free(elements->elements[i].xml);
	free(elements->elements);
	*elements = (struct channel_elements){0};
}

const struct channel_element *channel_elements_find(const struct channel_elements *elements,
						    uint32_t number)
{
	for (size_t i = 0; i < elements->n; i++) {
		if (elements->elements[i].number == number)
			return &elements->elements[i];
	}
	return NULL;
}
