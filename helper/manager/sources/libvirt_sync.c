/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/libvirt_sync.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/manager/domains/domain_change.h"
#include "xml/domain_xml.h"

/*
 * libvirt has no event for vCPU hotplug: poll the domains that may have it. A vCPU that was plugged
 * in may vote and protects; one that was unplugged loses its vote.
 */
#define ASK_INTERVAL_NS (10 * NS_PER_S)

struct libvirt_sync {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	struct virt *virt;
	struct loop_timer ask;
	bool asking; /* the timer is armed */
};

/* The answer arms the timer again: a libvirt that hangs is asked only once. */
static void on_ask(struct loop_timer *timer)
{
	struct libvirt_sync *sync = container_of(timer, struct libvirt_sync, ask);

	sync->asking = false;
	registry_for_each (d, sync->registry) {
		if (d->description->vcpus_vary)
			virt_refresh(sync->virt, d->description->uuid);
	}
}

static void on_running(void *context, const char *xml, size_t size, uint64_t asked_ns, bool paused)
{
	struct libvirt_sync *sync = context;
	struct domain_description *description;
	struct xml_error error;
	int r = domain_xml_parse(xml, size, &description, &error);

	if (r < 0) {
		domain_log_unreadable(error.domain, "libvirt", r, &error);
		return;
	}
	if (description->vcpus_vary && !sync->asking) {
		sync->asking = true;
		loop_timer_set(sync->loop, &sync->ask, ASK_INTERVAL_NS);
	}
	(void)domains_report(sync->domains, &(struct domain_report){
						    .source = "libvirt",
						    .asked_ns = asked_ns,
						    .tells_paused = true,
						    .paused = paused,
						    .running = description,
					    });
}

static void on_stopped(void *context, const char *uuid, uint64_t asked_ns)
{
	struct libvirt_sync *sync = context;

	(void)domains_report(
		sync->domains,
		&(struct domain_report){.source = "libvirt", .asked_ns = asked_ns, .uuid = uuid});
}

static void on_listed(void *context, const char (*uuids)[37], size_t n, uint64_t asked_ns)
{
	struct libvirt_sync *sync = context;

	domains_report_listing(sync->domains, uuids, n, asked_ns);
}

int libvirt_sync_new(const struct libvirt_sync_parts *parts, struct libvirt_sync **out)
{
	struct libvirt_sync *sync = calloc(1, sizeof(*sync));
	int r;

	if (!sync)
		return -ENOMEM;
	sync->loop = parts->loop;
	sync->registry = parts->registry;
	sync->domains = parts->domains;
	sync->ask.on_expiry = on_ask;
	r = virt_new(parts->loop, parts->uri,
		     &(struct virt_handlers){
			     .running = on_running,
			     .stopped = on_stopped,
			     .listed = on_listed,
			     .context = sync,
		     },
		     &sync->virt);
	if (r < 0) {
		free(sync);
		return r;
	}
	*out = sync;
	return 0;
}

void libvirt_sync_free(struct libvirt_sync *sync)
{
	if (!sync)
		return;
	loop_timer_cancel(sync->loop, &sync->ask);
	virt_free(sync->virt);
	free(sync);
}

struct virt *libvirt_sync_virt(struct libvirt_sync *sync)
{
	return sync->virt;
}
