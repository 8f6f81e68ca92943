/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounded access to the few parts of libxml2's tree that vmpower needs, with errors that a person
 * can act on. Elements and attributes are found by name, only among direct children and only
 * without a namespace: what users put into <metadata> is never mistaken for libvirt's own elements.
 */
#ifndef VMPOWER_XML_XML_TREE_H
#define VMPOWER_XML_XML_TREE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/bounds.h"
#include "common/cleanup.h"

/* --- errors ----------------------------------------------------------------------------- */

/* What is wrong with the XML, for a person: names the element and the remedy. */
struct xml_error {
	char text[512];
	char domain[MAX_DOMAIN_NAME]; /* whose XML it is; "": unknown */
	char uuid[UUID_SIZE];	      /* of that domain; "": unknown */
};

/* Foreign text for an error: the first line, whole characters. */
struct excerpt {
	char text[MAX_EXCERPT];
};

struct excerpt excerpt(const char *text);

/** xml_error_set() - write an error text; wrap foreign text in excerpt(x).text */
void xml_error_set(struct xml_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same as an expression with the value of @result, a negative errno. */
#define xml_fail(error, result, ...) (xml_error_set((error), __VA_ARGS__), (result))

/* --- documents -------------------------------------------------------------------------- */

/*
 * 1,024 vCPUs with a pin each and all devices take some 10,000 elements, 30,000 attributes. libvirt
 * nests the layers of a disk's chain, at most 200; libxml2 stops at 256 elements.
 */
#define MAX_XML_DEPTH 240	      /* nested elements */
#define MAX_XML_ELEMENTS 32768	      /* per document */
#define MAX_XML_ATTRIBUTES 65536      /* per document */
#define MAX_XML_ELEMENT_ATTRIBUTES 64 /* per element: libvirt's largest have some 20 */
#define MAX_XML_NAMESPACES 256	      /* "xmlns" in a document, wherever it stands */

/**
 * xml_tree_read() - check a document against the bounds and parse it
 * @xml:	bytes, not necessarily NUL-terminated
 * @size:	any
 * @document:	set to a document that has a root, owned by the caller (xmlFreeDoc())
 * @error:	text on failure: the line and libxml2's reason
 *
 * libxml2 prints nothing, opens nothing, expands nothing.
 *
 * Return: 0; -EINVAL (not well-formed, not UTF-8, NUL bytes, DOCTYPE); -E2BIG (MAX_DOMAIN_XML or
 * one of the above); -ENOMEM.
 */
int xml_tree_read(const char *xml, size_t size, xmlDoc **document, struct xml_error *error);

static inline void xml_tree_freep(xmlDoc **document)
{
	xmlFreeDoc(*document);
}

#define cleanup_xml_tree cleanup(xml_tree_freep)

/* --- elements, text, attributes --------------------------------------------------------- */

/** xml_tree_is() - is @node an element @name without a namespace? */
bool xml_tree_is(const xmlNode *node, const char *name);

/** xml_tree_find() - the first element @name among @node and its following siblings, or NULL */
const xmlNode *xml_tree_find(const xmlNode *node, const char *name);

/* For loops over the children @name; a @parent of NULL has none. */
static inline const xmlNode *xml_tree_first(const xmlNode *parent, const char *name)
{
	return parent ? xml_tree_find(parent->children, name) : NULL;
}

static inline const xmlNode *xml_tree_next(const xmlNode *child, const char *name)
{
	return xml_tree_find(child->next, name);
}

/**
 * xml_tree_only_child() - the single element @name of @parent
 * @parent:	NULL has no children
 * @child:	set to the element, or to NULL if there is none
 *
 * Return: 0; -EINVAL if there are several.
 */
int xml_tree_only_child(const xmlNode *parent, const char *name, const xmlNode **child,
			struct xml_error *error);

/**
 * xml_tree_text() - text of an element that holds nothing else
 * @text:	set to a string owned by the caller (free())
 *
 * Return: 0; -EINVAL if the element has child elements; -ENOMEM.
 */
int xml_tree_text(const xmlNode *element, char **text, struct xml_error *error);

/**
 * xml_tree_attribute() - value of an attribute
 * @value:	set to a string owned by the caller (free()), or to NULL if there is none
 *
 * Return: 0; -ENOMEM.
 */
int xml_tree_attribute(const xmlNode *element, const char *name, char **value,
		       struct xml_error *error);

#endif
