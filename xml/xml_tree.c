/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/xml_tree.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* --- errors ----------------------------------------------------------------------------- */

struct excerpt excerpt(const char *text)
{
	struct excerpt e;
	size_t n = strcspn(text, "\n");
	bool cut = text[n] && text[n + 1];

	if (n > sizeof(e.text) - sizeof("...")) {
		n = sizeof(e.text) - sizeof("...");
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		cut = true;
	}
	memcpy(e.text, text, n);
	memcpy(e.text + n, cut ? "..." : "", cut ? sizeof("...") : 1);
	return e;
}

void xml_error_set(struct xml_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(error->text, sizeof(error->text), format, args) < 0)
		error->text[0] = '\0';
	va_end(args);
}

/* --- bounds ----------------------------------------------------------------------------- */

/*
 * Checked before libxml2 sees the document: it compares each attribute of an element with all
 * others and looks namespaces up in lists, so a few MB can cost it minutes. Without a DOCTYPE there
 * are no entities to expand and nothing to load. The scan takes linear time and no memory.
 *
 * The bounds hold only while libxml2 splits the text into tags as this scan does: up to the first
 * error in the markup. parse() therefore uses the push parser, which stops there; the ordinary
 * parser goes on and looks for more errors.
 */
struct scan {
	const char *p, *end;
	unsigned int depth, elements, attributes;
};

static bool starts_with(const struct scan *scan, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(scan->end - scan->p) >= length && !memcmp(scan->p, text, length);
}

/* Skip past the next @text, or to the end: then libxml2 reports what is missing. */
static void skip_past(struct scan *scan, const char *text)
{
	size_t length = strlen(text);
	const char *found = memmem(scan->p, (size_t)(scan->end - scan->p), text, length);

	scan->p = found ? found + length : scan->end;
}

static int too_many(struct xml_error *error, const char *what, unsigned int limit)
{
	return xml_fail(error, -E2BIG, "domain XML has more than %u %s", limit, what);
}

/* At the name of a start tag; its attribute values may contain '>'. */
static int scan_start_tag(struct scan *scan, struct xml_error *error)
{
	unsigned int attributes = 0;

	if (++scan->elements > MAX_XML_ELEMENTS)
		return too_many(error, "elements", MAX_XML_ELEMENTS);
	for (; scan->p < scan->end && *scan->p != '>'; scan->p++) {
		char quote = *scan->p;

		if (quote != '"' && quote != '\'')
			continue;
		if (++attributes > MAX_XML_ELEMENT_ATTRIBUTES)
			return too_many(error, "attributes in an element",
					MAX_XML_ELEMENT_ATTRIBUTES);
		scan->p = memchr(scan->p + 1, quote, (size_t)(scan->end - scan->p - 1));
		if (!scan->p) {
			scan->p = scan->end;
			return 0;
		}
	}
	scan->attributes += attributes;
	if (scan->attributes > MAX_XML_ATTRIBUTES)
		return too_many(error, "attributes", MAX_XML_ATTRIBUTES);
	if (scan->p < scan->end && scan->p[-1] != '/' && ++scan->depth > MAX_XML_DEPTH)
		return too_many(error, "nested elements", MAX_XML_DEPTH);
	return 0;
}

static int count_namespaces(const char *xml, size_t size, struct xml_error *error)
{
	static const char word[] = "xmlns";
	const char *p = xml, *end = xml + size;
	unsigned int count = 0;

	while ((p = memmem(p, (size_t)(end - p), word, sizeof(word) - 1))) {
		if (++count > MAX_XML_NAMESPACES)
			return too_many(error, "namespaces", MAX_XML_NAMESPACES);
		p += sizeof(word) - 1;
	}
	return 0;
}

/* At a '<'. */
static int scan_markup(struct scan *scan, struct xml_error *error)
{
	if (starts_with(scan, "<!--")) {
		scan->p += 4;
		skip_past(scan, "-->");
	} else if (starts_with(scan, "<![CDATA[")) {
		scan->p += 9;
		skip_past(scan, "]]>");
	} else if (starts_with(scan, "<!")) {
		return xml_fail(error, -EINVAL,
				"domain XML has a DOCTYPE or declarations, which are refused "
				"(libvirt writes none)");
	} else if (starts_with(scan, "<?")) {
		scan->p += 2;
		skip_past(scan, "?>");
	} else if (starts_with(scan, "</")) {
		if (scan->depth > 0)
			scan->depth--;
		skip_past(scan, ">");
	} else {
		scan->p++;
		return scan_start_tag(scan, error);
	}
	return 0;
}

static int check_bounds(const char *xml, size_t size, struct xml_error *error)
{
	struct scan scan = {.p = xml, .end = xml + size};

	if (size == 0)
		return xml_fail(error, -EINVAL, "domain XML is empty");
	if (size > MAX_DOMAIN_XML)
		return xml_fail(error, -E2BIG, "domain XML has %zu bytes, more than %u", size,
				MAX_DOMAIN_XML);
	if (memchr(xml, '\0', size))
		return xml_fail(error, -EINVAL, "domain XML has NUL bytes: it must be UTF-8");
	if (starts_with(&scan, "\xef\xbb\xbf"))
		scan.p += 3;
	while (scan.p < scan.end && strchr(BLANKS, *scan.p))
		scan.p++;
	/* libxml2 guesses UTF-16, EBCDIC and others from the first bytes: refuse them all here. */
	if (!starts_with(&scan, "<"))
		return xml_fail(error, -EINVAL, "not XML: it does not begin with '<'");
	while ((scan.p = memchr(scan.p, '<', (size_t)(scan.end - scan.p)))) {
		int r = scan_markup(&scan, error);

		if (r < 0)
			return r;
	}
	return count_namespaces(xml, size, error);
}

/* --- parsing ---------------------------------------------------------------------------- */

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

/* Prints nothing. Notes lack of memory: the tree builder reports a lost node only here. */
static void see_no_memory(void *no_memory, reported_error *error)
{
	if (error && error->code == XML_ERR_NO_MEMORY)
		*(bool *)no_memory = true;
}

static int fail_no_memory(struct xml_error *error)
{
	return xml_fail(error, -ENOMEM, "out of memory while reading the domain XML");
}

static int parser_failed(xmlParserCtxt *parser, struct xml_error *error)
{
	const xmlError *last = xmlCtxtGetLastError(parser);

	if (parser->errNo == XML_ERR_NO_MEMORY)
		return fail_no_memory(error);
	/* libxml2's own text quotes bytes and recommends a declaration that we ignore. */
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
	/* libvirt writes UTF-8; any other encoding declared would pull in iconv. */
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

	r = check_bounds(xml, size, error);
	if (r < 0)
		return r;
	/* Per thread. Without it, errors outside a parser context go to stderr. */
	handler = xmlStructuredError;
	context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(&no_memory, see_no_memory);
	xmlInitParser();
	r = parse(xml, size, document, error);
	xmlSetStructuredErrorFunc(context, handler);
	return no_memory ? fail_no_memory(error) : r;
}

/* --- elements, text, attributes --------------------------------------------------------- */

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
		return xml_fail(error, -EINVAL, "<%s> has more than one <%s>: keep one",
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
