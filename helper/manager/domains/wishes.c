/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose packets are counted: the monitor wishes it for domains with a policy that goes by traffic.
 * A wish outlives the monitor, whose successor says of each domain anew what it wishes.
 */
#include <string.h>

#include "common/log.h"
#include "helper/manager/domains/domains_private.h"
#include "helper/manager/traffic/traffic.h"

static void on_changed(void *context, uint32_t domain)
{
	struct domains *domains = context;
	const struct domain *known = registry_get(domains->registry, domain);

	if (known)
		view_send_interfaces(&domains->view, known);
}

static struct traffic_intervals intervals_of(const struct config *config)
{
	return (struct traffic_intervals){
		.interval_ms = config->traffic_interval_ms,
		.vf_interval_ms = config->traffic_vf_interval_ms,
	};
}

int wishes_new(struct domains *domains, const struct config *config)
{
	const struct traffic_parts traffic = {
		.loop = domains->loop,
		.sysfs = config->sysfs,
		.intervals = intervals_of(config),
		.changed = on_changed,
		.context = domains,
	};
	int r = traffic_new(&traffic, &domains->traffic);

	domains->view.traffic = domains->traffic;
	return r;
}

void wishes_reconfigure(struct domains *domains)
{
	const struct traffic_intervals intervals = intervals_of(domains->view.config);

	traffic_set_intervals(domains->traffic, &intervals);
}

static void send_area(struct domains *domains)
{
	int fd = traffic_area_fd(domains->traffic);

	if (fd < 0 || domains->area_sent)
		return;
	view_send_traffic_area(&domains->view, fd);
	domains->area_sent = true;
}

void wishes_begin(struct domains *domains)
{
	domains->area_sent = false;
	send_area(domains);
}

void wishes_set(struct domains *domains, const struct link_traffic_wanted *wanted)
{
	/* an old message: the domain is gone */
	if (!registry_get(domains->registry, wanted->domain))
		return;
	/* it logs errors; without an area the policy has no vote */
	(void)traffic_want(domains->traffic, wanted->domain, wanted->wanted != 0);
	send_area(domains);
}

void wishes_update(struct domains *domains, const struct domain *domain)
{
	const struct domain_description *description = domain->description;
	int r = traffic_set_domain(domains->traffic, domain->id, description->interfaces,
				   description->n_interfaces);

	if (r < 0)
		log_error("domain \"%s\": its interfaces are not counted: %s", description->name,
			  strerror(-r));
	view_send_interfaces(&domains->view, domain);
}
