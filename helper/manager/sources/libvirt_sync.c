/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/libvirt_sync.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "xml/domain_xml.h"

/*
 * libvirt has no event for vCPU hotplug: poll the domains that may have it. A vCPU that was plugged
 * in may vote and protects; one that was unplugged loses its vote.
 */
#define ASK_INTERVAL_NS (10 * NS_PER_S)
#define ASK_AT_ONCE 32 /* what is asked later waits for answers, and does not hold up the rest */

struct libvirt_sync {
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	struct virt *virt;
	struct loop_timer ask;
	bool asking;	   /* the timer is armed */
	uint32_t ask_next; /* id of the domain to ask about next; MAX_DOMAINS: none is left */
};

/* Ask about up to @n of the domains that are left. */
static void ask_some(struct libvirt_sync *sync, unsigned int n)
{
	for (; sync->ask_next < MAX_DOMAINS && n > 0; sync->ask_next++) {
		const struct domain *domain = registry_get(sync->registry, sync->ask_next);

		if (!domain || !domain->description->vcpus_vary)
			continue;
		if (!virt_refresh(sync->virt, domain->description->uuid))
			return;
		n--;
	}
}

/* The answer arms the timer again: a libvirt that hangs is asked only once. */
static void on_ask(struct loop_timer *timer)
{
	struct libvirt_sync *sync = container_of(timer, struct libvirt_sync, ask);

	sync->asking = false;
	if (sync->ask_next == MAX_DOMAINS)
		sync->ask_next = 0;
	ask_some(sync, ASK_AT_ONCE);
}

static void report_unreadable(struct libvirt_sync *sync, const struct virt_about *about,
			      const char *name, const char *reason)
{
	(void)domains_report(sync->domains, &(struct domain_report){
						    .source = "libvirt",
						    .asked_ns = about->asked_ns,
						    .uuid = about->uuid,
						    .name = name,
						    .unreadable = reason,
					    });
}

static void on_running(void *context, const struct virt_about *about, const char *xml, size_t size)
{
	struct libvirt_sync *sync = context;
	struct domain_description *description;
	struct xml_error error;
	int r = domain_xml_parse(xml, size, &description, &error);

	if (r < 0) {
		report_unreadable(sync, about, error.domain, error.text);
		return;
	}
	if (description->vcpus_vary)
		ask_some(sync, 1); /* perhaps this was an answer */
	if (description->vcpus_vary && !sync->asking) {
		sync->asking = true;
		loop_timer_set(sync->loop, &sync->ask, ASK_INTERVAL_NS);
	}
	(void)domains_report(sync->domains, &(struct domain_report){
						    .source = "libvirt",
						    .asked_ns = about->asked_ns,
						    .tells_paused = true,
						    .paused = about->paused,
						    .running = description,
					    });
}

static void on_unreadable(void *context, const struct virt_about *about, const char *reason)
{
	report_unreadable(context, about, NULL, reason);
}

static void on_rebooted(void *context, const struct virt_about *about)
{
	struct libvirt_sync *sync = context;

	(void)domains_report(sync->domains, &(struct domain_report){
						    .source = "libvirt",
						    .asked_ns = about->asked_ns,
						    .uuid = about->uuid,
						    .rebooted = true,
						    .id = about->id,
					    });
}

static void on_stopped(void *context, const struct virt_about *about)
{
	struct libvirt_sync *sync = context;

	(void)domains_report(sync->domains, &(struct domain_report){
						    .source = "libvirt",
						    .asked_ns = about->asked_ns,
						    .uuid = about->uuid,
					    });
}

static void on_listed(void *context, const char (*uuids)[UUID_SIZE], size_t n, uint64_t asked_ns)
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
	sync->ask_next = MAX_DOMAINS;
	sync->ask = (struct loop_timer){.on_expiry = on_ask, .name = "question to libvirt"};
	r = virt_new(parts->loop, parts->uri,
		     &(struct virt_handlers){
			     .running = on_running,
			     .unreadable = on_unreadable,
			     .rebooted = on_rebooted,
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
