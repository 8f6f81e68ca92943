/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a document must not exceed before libxml2 gets to see it. libxml2 compares each
 * attribute of an element with all others and looks namespaces up in lists, so a few MB can
 * cost it minutes; and a document without a DOCTYPE has no entities to expand and nothing to
 * load. Time linear in the size, no allocation. Pure.
 *
 * This holds only as long as libxml2 splits the text into tags as this does, which is up to
 * the first thing that is not well-formed. xml_tree.c therefore uses libxml2's push parser,
 * which stops there; the other one goes on to look for more errors.
 */
#ifndef VMPOWER_XML_XML_BOUNDS_H
#define VMPOWER_XML_XML_BOUNDS_H

#include <stddef.h>

#include "xml/xml_error.h"

/* 1,024 vCPUs with a pin each and all devices take some 10,000 elements, 30,000 attributes. */
#define MAX_XML_DEPTH 64	      /* elements within each other */
#define MAX_XML_ELEMENTS 32768	      /* of a document */
#define MAX_XML_ATTRIBUTES 65536      /* of a document */
#define MAX_XML_ELEMENT_ATTRIBUTES 64 /* of an element: libvirt's largest have some 20 */
#define MAX_XML_NAMESPACES 256	      /* "xmlns" in a document, wherever it stands */

/**
 * xml_bounds_check() - measure a document
 * @xml:	bytes, not necessarily NUL-terminated
 * @size:	any
 * @error:	text where the result is negative
 *
 * Return: 0 (it may still not be well-formed); -EINVAL (empty, NUL bytes, no '<' at
 * its beginning, DOCTYPE); -E2BIG (MAX_DOMAIN_XML or one of the above).
 */
int xml_bounds_check(const char *xml, size_t size, struct xml_error *error);

#endif
