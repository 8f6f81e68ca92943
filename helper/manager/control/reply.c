/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/reply.h"

#include <errno.h>
#include <string.h>

#include "common/json/build.h"
#include "helper/manager/control/domain_json.h"

const char *control_domain_name(struct varlink_call *call)
{
	const char *name = json_string_value(json_object_get(varlink_parameters(call), "domain"));

	if (name && *name && strlen(name) < MAX_DOMAIN_NAME)
		return name;
	varlink_invalid(call, "domain");
	return NULL;
}

struct domain *control_find_domain(struct varlink_call *call, struct registry *registry)
{
	const char *name = control_domain_name(call);
	struct domain *domain;

	if (!name)
		return NULL;
	domain = registry_find(registry, name);
	if (!domain)
		control_no_domain(call, name);
	return domain;
}

static void domain_error(struct varlink_call *call, const char *error, const char *domain)
{
	varlink_error(call, error, json_pack("{s:o}", "domain", json_text(domain)));
}

void control_no_domain(struct varlink_call *call, const char *domain)
{
	domain_error(call, "NoSuchDomain", domain);
}

void control_no_channel(struct varlink_call *call, const char *domain, json_int_t number)
{
	varlink_error(call, "NoSuchChannel",
		      json_pack("{s:o, s:I}", "domain", json_text(domain), "number", number));
}

static void libvirt_unavailable(struct varlink_call *call, const struct virt *virt,
				const char *reason)
{
	varlink_error(call, "LibvirtUnavailable",
		      json_pack("{s:o, s:s}", "uri", json_text(virt_uri(virt)), "reason", reason));
}

void control_virt_error(struct varlink_call *call, const struct virt *virt, const char *domain,
			int error)
{
	switch (-error) {
	case ENOENT:
		control_no_domain(call, domain);
		return;
	case ESRCH:
		domain_error(call, "DomainNotRunning", domain);
		return;
	case ENOTCONN:
		libvirt_unavailable(call, virt, "not connected");
		return;
	case ETIMEDOUT:
		libvirt_unavailable(call, virt, "it did not answer in time");
		return;
	case ENOSPC:
		varlink_error(call, "OutOfResources",
			      json_pack("{s:s}", "reason", "no more domains can be registered"));
		return;
	default:
		varlink_error(call, "OutOfResources",
			      json_pack("{s:o}", "reason", control_json_error(error)));
	}
}
