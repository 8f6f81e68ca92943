/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a domain's XML that have a file of their own. For xml/ only. */
#ifndef VMPOWER_XML_DOMAIN_PARTS_H
#define VMPOWER_XML_DOMAIN_PARTS_H

#include "xml/domain_description.h"
#include "xml/xml_tree.h"

/**
 * domain_read_vcpus() - <vcpu>, <vcpus> and <cputune>
 * @root:	<domain>
 * @domain:	gets n_vcpus, n_online, vcpus_vary, vcpus, affinities and n_affinities, and owns
 *		them on failure too
 *
 * Return: 0; -EINVAL; -E2BIG (more than MAX_DOMAIN_VCPUS); -ENOMEM.
 */
int domain_read_vcpus(const xmlNode *root, struct domain_description *domain,
		      struct xml_error *error);

/**
 * domain_read_metadata() - the domain's settings, <domain> of DOMAIN_NAMESPACE in <metadata>
 * @root:	<domain>
 * @domain:	gets metadata; if a setting is wrong, gets metadata_error and no settings
 *
 * Return: 0; -ENOMEM.
 */
int domain_read_metadata(const xmlNode *root, struct domain_description *domain,
			 struct xml_error *error);

#endif
