/* SPDX-License-Identifier: BSD-3-Clause */
/* A libvirt domain, for the subcommands about its XML. Each function prints its errors. */
#ifndef VMPOWER_CTL_COMMANDS_LIBVIRT_DOMAIN_H
#define VMPOWER_CTL_COMMANDS_LIBVIRT_DOMAIN_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "ctl/commands/channel_elements.h"
#include "ctl/common/ctl.h"

struct libvirt_domain {
	virConnectPtr connection;
	virDomainPtr domain;
	const char *name; /* as given by the user: a name or UUID */
	bool active, persistent;
	char uuid[VIR_UUID_STRING_BUFLEN];
};

/* The XML of the running domain, or that of its next start. */
enum scope { SCOPE_LIVE, SCOPE_CONFIG };

const char *scope_name(enum scope scope);

/**
 * libvirt_domain_open() - connect to libvirt and find a domain
 * @name:	as typed: a UUID in any form that value_uuid() knows, or a name; refused if it is
 *		the UUID of one domain and the name of another
 *
 * Return, here and below: CTL_OK; else another exit code.
 */
int libvirt_domain_open(struct libvirt_domain *domain, const struct ctl *ctl, const char *name,
			bool read_only);
void libvirt_domain_close(struct libvirt_domain *domain);

/** libvirt_domain_channels() - find its power channels; channel_elements_clear() them */
int libvirt_domain_channels(const struct libvirt_domain *domain, enum scope scope,
			    struct channel_elements *elements);

/** libvirt_domain_attach(), libvirt_domain_detach() - a device, as XML */
int libvirt_domain_attach(const struct libvirt_domain *domain, enum scope scope, const char *xml);
int libvirt_domain_detach(const struct libvirt_domain *domain, enum scope scope, const char *xml);

#endif
