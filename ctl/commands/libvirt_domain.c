/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/commands/libvirt_domain.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "ctl/common/print.h"

const char *scope_name(enum scope scope)
{
	return scope == SCOPE_LIVE ? "live" : "config";
}

/* Keep libvirt from printing errors itself. */
static void on_error(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

/* Valid until the next call into libvirt. */
static const char *last_error(void)
{
	const virError *error = virGetLastError();

	return error && error->message ? error->message : "unknown error";
}

/*
 * The result of a look-up. Only "there is none" lets another look-up follow: after any other error
 * that could find somebody else's domain.
 *
 * Return: CTL_OK, also if there is none; else an exit code, error printed
 */
static int checked(virDomainPtr domain, const char *typed)
{
	const virError *error = domain ? NULL : virGetLastError();

	if (domain || (error && error->code == VIR_ERR_NO_DOMAIN))
		return CTL_OK;
	ctl_error("domain \"%s\": %s", typed, last_error());
	return CTL_FAILED;
}

static bool is_same(virDomainPtr a, virDomainPtr b)
{
	unsigned char uuid_a[VIR_UUID_BUFLEN], uuid_b[VIR_UUID_BUFLEN];

	return virDomainGetUUID(a, uuid_a) == 0 && virDomainGetUUID(b, uuid_b) == 0 &&
	       memcmp(uuid_a, uuid_b, sizeof(uuid_a)) == 0;
}

/* Who chooses a domain's name may choose the UUID of another domain: we can't know who is meant. */
static int choose(struct libvirt_domain *domain, virDomainPtr by_uuid, virDomainPtr by_name,
		  const char *typed)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";

	if (!by_uuid && !by_name) {
		ctl_error("libvirt has no domain \"%s\": \"virsh list --all\" shows all", typed);
		return CTL_FAILED;
	}
	if (by_uuid && by_name && !is_same(by_uuid, by_name)) {
		(void)virDomainGetUUIDString(by_name, uuid);
		ctl_error("\"%s\" is the UUID of domain \"%s\", and the name of the domain with "
			  "UUID %s: use that name or that UUID",
			  typed, virDomainGetName(by_uuid), uuid);
		return CTL_FAILED;
	}
	domain->domain = by_uuid ? by_uuid : by_name;
	(void)virDomainRef(domain->domain);
	return CTL_OK;
}

static void release(virDomainPtr *domain)
{
	if (*domain)
		(void)virDomainFree(*domain);
}

static int look_up(struct libvirt_domain *domain, const char *typed)
{
	cleanup(release) virDomainPtr by_uuid = NULL, by_name = NULL;
	char uuid[UUID_SIZE];
	int r = CTL_OK;

	if (value_uuid(typed, uuid)) {
		by_uuid = virDomainLookupByUUIDString(domain->connection, uuid);
		r = checked(by_uuid, typed);
	}
	if (r == CTL_OK) {
		by_name = virDomainLookupByName(domain->connection, typed);
		r = checked(by_name, typed);
	}
	return r == CTL_OK ? choose(domain, by_uuid, by_name, typed) : r;
}

static int find(struct libvirt_domain *domain, const char *typed)
{
	int active, persistent, r = look_up(domain, typed);

	if (r != CTL_OK)
		return r;
	active = virDomainIsActive(domain->domain);
	persistent = virDomainIsPersistent(domain->domain);
	if (active < 0 || persistent < 0 ||
	    virDomainGetUUIDString(domain->domain, domain->uuid) < 0) {
		ctl_error("domain \"%s\": %s", typed, last_error());
		return CTL_FAILED;
	}
	domain->active = active;
	domain->persistent = persistent;
	return CTL_OK;
}

/* libvirt's default for users other than root is a session with domains of its own. */
static const char *uri_of(const struct ctl *ctl)
{
	if (ctl->connect)
		return ctl->connect;
	return getenv("LIBVIRT_DEFAULT_URI") ? NULL : "qemu:///system";
}

int libvirt_domain_open(struct libvirt_domain *domain, const struct ctl *ctl, const char *name,
			bool read_only)
{
	const char *uri = uri_of(ctl);
	int r;

	*domain = (struct libvirt_domain){.name = name};
	virSetErrorFunc(NULL, on_error);
	domain->connection = read_only ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
	if (!domain->connection) {
		ctl_error("can't connect to libvirt%s%s: %s. Check that libvirtd or virtqemud "
			  "runs; use sudo; --connect names another URI",
			  uri ? " at " : "", uri ? uri : "", last_error());
		return CTL_UNREACHABLE;
	}
	r = find(domain, name);
	if (r != CTL_OK)
		libvirt_domain_close(domain);
	return r;
}

void libvirt_domain_close(struct libvirt_domain *domain)
{
	if (domain->domain)
		(void)virDomainFree(domain->domain);
	if (domain->connection)
		(void)virConnectClose(domain->connection);
	*domain = (struct libvirt_domain){0};
}

int libvirt_domain_channels(const struct libvirt_domain *domain, enum scope scope,
			    struct channel_elements *elements)
{
	cleanup_free char *xml = virDomainGetXMLDesc(
		domain->domain, scope == SCOPE_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
	struct xml_error error;

	if (!xml) {
		ctl_error("domain \"%s\": can't get its XML from libvirt: %s", domain->name,
			  last_error());
		return CTL_FAILED;
	}
	if (channel_elements_read(xml, strlen(xml), elements, &error) == 0)
		return CTL_OK;
	ctl_error("domain \"%s\": %s", domain->name, error.text);
	return CTL_FAILED;
}

static unsigned int flags_of(enum scope scope)
{
	return scope == SCOPE_LIVE ? VIR_DOMAIN_AFFECT_LIVE : VIR_DOMAIN_AFFECT_CONFIG;
}

/* @what: "attach", "detach". Return: CTL_OK; else an exit code, error printed */
static int finish(const struct libvirt_domain *domain, enum scope scope, const char *what, int r)
{
	if (r == 0)
		return CTL_OK;
	ctl_error("domain \"%s\": libvirt refused to %s the channel (%s): %s%s", domain->name, what,
		  scope_name(scope), last_error(),
		  scope == SCOPE_LIVE ? ". With --config it takes effect at the next start" : "");
	return CTL_FAILED;
}

int libvirt_domain_attach(const struct libvirt_domain *domain, enum scope scope, const char *xml)
{
	return finish(domain, scope, "attach",
		      virDomainAttachDeviceFlags(domain->domain, xml, flags_of(scope)));
}

int libvirt_domain_detach(const struct libvirt_domain *domain, enum scope scope, const char *xml)
{
	return finish(domain, scope, "detach",
		      virDomainDetachDeviceFlags(domain->domain, xml, flags_of(scope)));
}
