/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a domain's XML that have a file of their own. For xml/ only. */
#ifndef VMPOWER_XML_DOMAIN_PARTS_H
#define VMPOWER_XML_DOMAIN_PARTS_H

#include <errno.h>

#include "xml/domain_description.h"
#include "xml/xml_tree.h"

/**
 * domain_note_problem() - what @error says is not served; the rest of the domain is
 *
 * The first text stays, with the number of further ones. Clears @error.
 */
void domain_note_problem(struct domain_description *domain, struct xml_error *error);

/* For what may be wrong without costing the domain the rest. Return: 0; -ENOMEM */
static inline int domain_tolerate(struct domain_description *domain, struct xml_error *error, int r)
{
	if (r == 0 || r == -ENOMEM)
		return r;
	domain_note_problem(domain, error);
	return 0;
}

/**
 * domain_read_vcpus() - <vcpu>, <vcpus> and <cputune>
 * @root:	<domain>
 * @domain:	gets n_vcpus, n_online, vcpus_vary, vcpus, affinities and n_affinities, and owns
 *		them on failure too; gets a problem if a vCPU or its pinning can't be read
 *
 * Return: 0; -EINVAL (the number of vCPUs is unknown); -ENOMEM.
 */
int domain_read_vcpus(const xmlNode *root, struct domain_description *domain,
		      struct xml_error *error);

/**
 * domain_read_interfaces() - the <interface> elements
 * @devices:	<devices>; NULL: there are none
 * @domain:	gets interfaces, n_interfaces and n_more_interfaces; gets a problem for each that
 *		can't be read
 *
 * Return: 0; -ENOMEM.
 */
int domain_read_interfaces(const xmlNode *devices, struct domain_description *domain,
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
