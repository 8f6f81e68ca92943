/* SPDX-License-Identifier: BSD-3-Clause */
#include "xml/xml_bounds.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/bounds.h"

struct scan {
	const char *p, *end;
	unsigned int depth, elements, attributes;
};

static bool starts_with(const struct scan *scan, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(scan->end - scan->p) >= length && !memcmp(scan->p, text, length);
}

/* Behind the next @text, or to the end: libxml2 has the better words for what is missing. */
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

/* At the name of a start tag; '>' may stand in its attribute values. */
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
		return too_many(error, "elements within each other", MAX_XML_DEPTH);
	return 0;
}

static int count_namespaces(const char *xml, size_t size, struct xml_error *error)
{
	static const char word[] = "xmlns";
	const char *p = xml, *end = xml + size;
	unsigned int count = 0;

	while ((p = memmem(p, (size_t)(end - p), word, sizeof(word) - 1))) {
		if (++count > MAX_XML_NAMESPACES)
			return too_many(error, "name spaces", MAX_XML_NAMESPACES);
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
				"domain XML has a DOCTYPE or declarations; libvirt writes none, "
				"and they are refused");
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

int xml_bounds_check(const char *xml, size_t size, struct xml_error *error)
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
	while (scan.p < scan.end && strchr(" \t\r\n", *scan.p))
		scan.p++;
	/* libxml2 guesses UTF-16, EBCDIC and others by the first bytes: none of them pass here. */
	if (!starts_with(&scan, "<"))
		return xml_fail(error, -EINVAL, "this is not XML: it does not begin with '<'");
	while ((scan.p = memchr(scan.p, '<', (size_t)(scan.end - scan.p)))) {
		int r = scan_markup(&scan, error);

		if (r < 0)
			return r;
	}
	return count_namespaces(xml, size, error);
}
