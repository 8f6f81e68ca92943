/* SPDX-License-Identifier: BSD-3-Clause */
#include "libvirt_follow.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "domain_log.h"
#include "domain_xml.h"

/*
 * vCPUs that are plugged or unplugged are what libvirt has no event for: where that can happen it
 * is asked. What depends on it: whether a vCPU that came may vote and protects, and that the
 * vote of one that went does not stay.
 */
#define ASK_INTERVAL_NS UINT64_C(10000000000)

struct libvirt_follow {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	struct virt *virt;
	struct loop_timer ask;
	bool asking; /* the timer runs */
};

/* The answer starts the timer again, so a libvirt that hangs is not asked again and again. */
static void on_ask(struct loop_timer *timer)
{
	struct libvirt_follow *follow = container_of(timer, struct libvirt_follow, ask);

	follow->asking = false;
	for (struct domain *d = registry_next(follow->registry, NULL); d;
	     d = registry_next(follow->registry, d)) {
		if (d->description->vcpus_vary)
			virt_refresh(follow->virt, d->description->uuid);
	}
}

static void on_running(void *context, const char *xml, size_t size, uint64_t asked_ns, bool paused)
{
	struct libvirt_follow *follow = context;
	struct domain_description *description;
	struct xml_error error;
	int r = domain_xml_parse(xml, size, &description, &error);

	if (r < 0) {
		domain_log_unreadable(error.domain, "libvirt", r, &error);
		return;
	}
	if (description->vcpus_vary && !follow->asking) {
		follow->asking = true;
		loop_timer_set(follow->loop, &follow->ask, ASK_INTERVAL_NS);
	}
	(void)domains_report(follow->domains, &(struct domain_report){
						      .source = "libvirt",
						      .asked_ns = asked_ns,
						      .tells_paused = true,
						      .paused = paused,
						      .running = description,
					      });
}

static void on_stopped(void *context, const char *uuid, uint64_t asked_ns)
{
	struct libvirt_follow *follow = context;

	(void)domains_report(
		follow->domains,
		&(struct domain_report){.source = "libvirt", .asked_ns = asked_ns, .uuid = uuid});
}

static void on_listed(void *context, const char (*uuids)[37], size_t n, uint64_t asked_ns)
{
	struct libvirt_follow *follow = context;

	domains_report_listing(follow->domains, uuids, n, asked_ns);
}

int libvirt_follow_new(const struct libvirt_follow_parts *parts, struct libvirt_follow **out)
{
	struct libvirt_follow *follow = calloc(1, sizeof(*follow));
	int r;

	if (!follow)
		return -ENOMEM;
	follow->loop = parts->loop;
	follow->registry = parts->registry;
	follow->domains = parts->domains;
	follow->ask.on_expiry = on_ask;
	r = virt_new(parts->loop, parts->uri,
		     &(struct virt_handlers){
			     .running = on_running,
			     .stopped = on_stopped,
			     .listed = on_listed,
			     .context = follow,
		     },
		     &follow->virt);
	if (r < 0) {
		free(follow);
		return r;
	}
	*out = follow;
	return 0;
}

void libvirt_follow_free(struct libvirt_follow *follow)
{
	if (!follow)
		return;
	loop_timer_cancel(follow->loop, &follow->ask);
	virt_free(follow->virt);
	free(follow);
}

struct virt *libvirt_follow_virt(struct libvirt_follow *follow)
{
	return follow->virt;
}
