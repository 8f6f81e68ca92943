/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libxml2's tree, as little of it as vmpower needs. Elements and attributes are found by name
 * among direct children only, and only without a namespace: what users put into <metadata>
 * is never taken for libvirt's own.
 */
#ifndef VMPOWER_XML_XML_TREE_H
#define VMPOWER_XML_XML_TREE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "xml/xml_error.h"

/**
 * xml_tree_read() - check the bounds of a document and parse it
 * @xml:	bytes, not necessarily NUL-terminated
 * @size:	any
 * @document:	set to a document that has a root, owned by the caller (xmlFreeDoc())
 * @error:	text where the result is negative: a line and what libxml2 says of it
 *
 * libxml2 prints nothing, opens nothing, expands nothing.
 *
 * Return: 0; -EINVAL; -E2BIG; -ENOMEM.
 */
int xml_tree_read(const char *xml, size_t size, xmlDoc **document, struct xml_error *error);

static inline void xml_tree_freep(xmlDoc **document)
{
	xmlFreeDoc(*document);
}

#define cleanup_xml_tree cleanup(xml_tree_freep)

/** xml_tree_is() - true where @node is an element @name without a namespace */
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
 * xml_tree_only_child() - the element @name of @parent
 * @parent:	NULL has no children
 * @child:	set to the element, or to NULL where there is none
 *
 * Return: 0; -EINVAL where there are two.
 */
int xml_tree_only_child(const xmlNode *parent, const char *name, const xmlNode **child,
			struct xml_error *error);

/**
 * xml_tree_text() - text of an element that holds nothing else
 * @text:	set to a string owned by the caller (free())
 *
 * Return: 0; -EINVAL where there are elements in it; -ENOMEM.
 */
int xml_tree_text(const xmlNode *element, char **text, struct xml_error *error);

/**
 * xml_tree_attribute() - value of an attribute
 * @value:	set to a string owned by the caller (free()), or to NULL where there is none
 *
 * Return: 0; -ENOMEM.
 */
int xml_tree_attribute(const xmlNode *element, const char *name, char **value,
		       struct xml_error *error);

#endif
