/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/xml_tree.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <string.h>

#include "common/cleanup.h"
#include "xml/xml_bounds.h"

static void free_parser(xmlParserCtxt **parser)
{
	if (*parser)
		xmlFreeDoc((*parser)->myDoc);
	xmlFreeParserCtxt(*parser);
}

#if LIBXML_VERSION < 21200
typedef xmlError reported_error;
#else
typedef const xmlError reported_error;
#endif

/* Says nothing, but the tree's builder reports here alone that it left something out. */
static void see_no_memory(void *no_memory, reported_error *error)
{
	if (error && error->code == XML_ERR_NO_MEMORY)
		*(bool *)no_memory = true;
}

static int fail_no_memory(struct xml_error *error)
{
	return xml_fail(error, -ENOMEM, "no memory for reading the domain XML");
}

static int parser_failed(xmlParserCtxt *parser, struct xml_error *error)
{
	const xmlError *last = xmlCtxtGetLastError(parser);

	if (parser->errNo == XML_ERR_NO_MEMORY)
		return fail_no_memory(error);
	/* libxml2's own text quotes bytes, and asks for a declaration that would be ignored. */
	if (last && last->message && strstr(last->message, "not proper UTF-8"))
		return xml_fail(error, -EINVAL, "domain XML is not UTF-8 in line %d", last->line);
	if (last && last->message)
		return xml_fail(error, -EINVAL, "domain XML is not well-formed in line %d: %s",
				last->line, excerpt(last->message).text);
	return xml_fail(error, -EINVAL, "domain XML is not well-formed");
}

static int parse(const char *xml, size_t size, xmlDoc **document, struct xml_error *error)
{
	xmlParserCtxt *parser cleanup(free_parser) =
		xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);

	if (!parser)
		return fail_no_memory(error);
	/* libvirt writes UTF-8; another name in the declaration would bring iconv in. */
	(void)xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
						XML_PARSE_IGNORE_ENC | XML_PARSE_COMPACT);
	(void)xmlParseChunk(parser, xml, (int)size, 1);
	if (!parser->wellFormed || !parser->myDoc)
		return parser_failed(parser, error);
	if (parser->myDoc->intSubset || parser->myDoc->extSubset)
		return xml_fail(error, -EINVAL, "domain XML has a DOCTYPE, which is refused");
	*document = take_ptr(parser->myDoc);
	return 0;
}

int xml_tree_read(const char *xml, size_t size, xmlDoc **document, struct xml_error *error)
{
	xmlStructuredErrorFunc handler;
	void *context;
	bool no_memory = false;
	int r;

	r = xml_bounds_check(xml, size, error);
	if (r < 0)
		return r;
	/* Of the thread. Without it, what has no parser at hand would go to stderr. */
	handler = xmlStructuredError;
	context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(&no_memory, see_no_memory);
	xmlInitParser();
	r = parse(xml, size, document, error);
	xmlSetStructuredErrorFunc(context, handler);
	return no_memory ? fail_no_memory(error) : r;
}

bool xml_tree_is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns &&
	       !strcmp((const char *)node->name, name);
}

const xmlNode *xml_tree_find(const xmlNode *node, const char *name)
{
	while (node && !xml_tree_is(node, name))
		node = node->next;
	return node;
}

int xml_tree_only_child(const xmlNode *parent, const char *name, const xmlNode **child,
			struct xml_error *error)
{
	*child = xml_tree_first(parent, name);
	if (*child && xml_tree_next(*child, name))
		return xml_fail(error, -EINVAL, "<%s> has more than one <%s>: leave one",
				parent->name, name);
	return 0;
}

static bool is_text(const xmlNode *node)
{
	return node->content &&
	       (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE);
}

static int join_text(const xmlNode *list, char **text, struct xml_error *error)
{
	const xmlNode *node;
	size_t size = 1;
	char *p;

	for (node = list; node; node = node->next) {
		if (is_text(node))
			size += strlen((const char *)node->content);
	}
	p = *text = malloc(size);
	if (!p)
		return fail_no_memory(error);
	for (node = list; node; node = node->next) {
		if (is_text(node))
			p = stpcpy(p, (const char *)node->content);
	}
	*p = '\0';
	return 0;
}

int xml_tree_text(const xmlNode *element, char **text, struct xml_error *error)
{
	const xmlNode *node;

	for (node = element->children; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE)
			return xml_fail(error, -EINVAL, "<%s> must hold text, not elements",
					element->name);
	}
	return join_text(element->children, text, error);
}

int xml_tree_attribute(const xmlNode *element, const char *name, char **value,
		       struct xml_error *error)
{
	const xmlAttr *attribute;

	*value = NULL;
	for (attribute = element->properties; attribute; attribute = attribute->next) {
		if (!attribute->ns && !strcmp((const char *)attribute->name, name))
			return join_text(attribute->children, value, error);
	}
	return 0;
}
