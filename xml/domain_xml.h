/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's XML, as libvirt's hook and virDomainGetXMLDesc() give it, to the few facts that
 * vmpower acts on. Pure: text in, description out. Bounded in size, depth and time; no
 * network, no entities, no DTD.
 */
#ifndef VMPOWER_XML_DOMAIN_XML_H
#define VMPOWER_XML_DOMAIN_XML_H

#include <stddef.h>

#include "xml/domain_description.h"
#include "xml/xml_tree.h"

/**
 * domain_xml_parse() - read a domain's XML
 * @xml:	bytes, not necessarily NUL-terminated
 * @size:	at most MAX_DOMAIN_XML
 * @domain:	set to a new description, owned by the caller (domain_description_free())
 * @error:	text where the result is negative, and the domain's name, if that could be read
 *
 * Channels that are not ours (another target type or name) are passed over; ours that can't be
 * served (mode='connect', no path, a path over sun_path, a number that isn't one or is there
 * twice, more than MAX_DOMAIN_CHANNELS) are errors. Wrong settings in <metadata> are not: the
 * description says what is wrong with them.
 *
 * Return: 0; -EINVAL (not a domain, or as above); -E2BIG (size, depth, vCPUs); -ENOMEM.
 */
int domain_xml_parse(const char *xml, size_t size, struct domain_description **domain,
		     struct xml_error *error);

#endif
