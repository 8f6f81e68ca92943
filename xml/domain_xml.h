/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns a domain's XML, from libvirt's hook or virDomainGetXMLDesc(), into a domain_description.
 * Pure: text in, description out. Bounded in size, depth and time; no network, entities or DTD.
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
 * @error:	text on failure, and the domain's name and UUID if they could be read
 *
 * Channels of another target type or name are skipped. Whatever else can't be served is left out
 * and noted in the description's problem, so that the rest keeps its protection: a power channel
 * (mode='connect', no path, a path too long for sun_path, a bad or repeated number, all after the
 * first MAX_DOMAIN_CHANNELS), a vCPU above MAX_DOMAIN_VCPUS, a pinning that is not a list of CPUs.
 * A domain whose name is unusable gets its UUID as name. Wrong settings in <metadata>: see
 * metadata_error.
 *
 * Return: 0; -EINVAL (not a domain, or no UUID or number of vCPUs); -E2BIG (size, depth); -ENOMEM.
 */
int domain_xml_parse(const char *xml, size_t size, struct domain_description **domain,
		     struct xml_error *error);

#endif
