/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/virt_events.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/domain_settings.h"
#include "common/log.h"

_Static_assert(VIR_UUID_STRING_BUFLEN == UUID_SIZE, "UUIDs as text");

const char *virt_last_error(void)
{
	const char *text = virGetLastErrorMessage();

	return text ? text : "unknown error";
}

/* May block while the loop is busy: only this thread waits. */
void virt_events_send(struct virt_events *events, struct virt_message *message)
{
	if (!message) {
		log_error("libvirt: out of memory: a change of a domain was missed; connecting "
			  "anew");
		events->missed = true;
	} else if (virt_message_send(events->fd, message, 0) < 0) {
		events->closed = true;
	}
}

static void report(struct virt_events *events, enum virt_kind kind, const struct virt_about *about,
		   const void *text, size_t size)
{
	struct virt_message *message = virt_message_new(kind, text, size);

	if (message)
		message->about = *about;
	virt_events_send(events, message);
}

/* Which domain, and the time before it is asked about. Return: false: libvirt can't say */
static bool about_domain(virDomainPtr domain, struct virt_about *about)
{
	*about = (struct virt_about){.id = -1, .asked_ns = monotonic_ns()};
	return virDomainGetUUIDString(domain, about->uuid) == 0;
}

/* Are its vCPUs stopped while QEMU runs? */
static bool is_paused(int state)
{
	return state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_PMSUSPENDED ||
	       state == VIR_DOMAIN_CRASHED;
}

/* Without VIR_DOMAIN_XML_SECURE the XML has no passwords. */
void virt_events_running(struct virt_events *events, virDomainPtr domain)
{
	cleanup_free char *xml = NULL;
	cleanup_free char *reason = NULL;
	struct virt_about about;
	int state;

	if (!about_domain(domain, &about))
		return;
	xml = virDomainGetXMLDesc(domain, 0);
	if (!xml)
		reason = strdup(virt_last_error());
	/* If it has stopped since, an event follows; if the connection is lost, a listing. */
	if (virDomainGetState(domain, &state, NULL, 0) < 0 || virDomainIsActive(domain) != 1)
		return;
	about.paused = is_paused(state);
	if (xml)
		report(events, VIRT_RUNNING, &about, xml, strlen(xml));
	else if (reason)
		report(events, VIRT_UNREADABLE, &about, reason, strlen(reason));
	else
		virt_events_send(events, NULL);
}

bool virt_events_list(struct virt_events *events, virConnectPtr connection)
{
	const struct virt_about about = {.asked_ns = monotonic_ns()};
	char(*uuids)[UUID_SIZE] = NULL;
	virDomainPtr *list = NULL;
	int n;

	n = virConnectListAllDomains(connection, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (n < 0) {
		log_warning("libvirt (%s): can't list the domains: %s", events->uri,
			    virt_last_error());
		return false;
	}
	uuids = calloc((size_t)n + 1, sizeof(*uuids));
	for (int i = 0; i < n; i++) {
		if (uuids)
			(void)virDomainGetUUIDString(list[i], uuids[i]);
		virt_events_running(events, list[i]);
		(void)virDomainFree(list[i]);
	}
	free(list);
	if (!uuids)
		return false;
	report(events, VIRT_LISTED, &about, uuids, (size_t)n * sizeof(*uuids));
	free(uuids);
	return true;
}

/* --- events ------------------------------------------------------------------------- */

static void stopped(struct virt_events *events, virDomainPtr domain)
{
	struct virt_about about;
	int active;

	if (!about_domain(domain, &about))
		return;
	active = virDomainIsActive(domain);
	/* It may already run again, and the hook may have reported that. */
	if (active == 1) {
		virt_events_running(events, domain);
		return;
	}
	/*
	 * libvirt no longer knows a transient domain that has ended. On any other error the
	 * connection is about to be lost: the next listing will show.
	 */
	if (active == 0 || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		report(events, VIRT_STOPPED, &about, NULL, 0);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	(void)connection;
	(void)detail;
	switch (event) {
	case VIR_DOMAIN_EVENT_STARTED:
	case VIR_DOMAIN_EVENT_RESUMED:
	case VIR_DOMAIN_EVENT_SUSPENDED:
	case VIR_DOMAIN_EVENT_PMSUSPENDED:
	case VIR_DOMAIN_EVENT_CRASHED:
		/* Events may lag behind: report the present state. */
		virt_events_running(opaque, domain);
		break;
	case VIR_DOMAIN_EVENT_STOPPED:
		stopped(opaque, domain);
		break;
	default:
		break;
	}
	return 0;
}

/* A reset, by the operator or the guest itself. The event has the id of the run that it is about.
 */
static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *opaque)
{
	struct virt_about about;

	(void)connection;
	if (!about_domain(domain, &about))
		return;
	about.id = (int32_t)virDomainGetID(domain);
	report(opaque, VIRT_REBOOTED, &about, NULL, 0);
}

static void on_tunable(virConnectPtr connection, virDomainPtr domain,
		       virTypedParameterPtr parameters, int n, void *opaque)
{
	(void)connection;
	(void)parameters;
	(void)n;
	virt_events_running(opaque, domain);
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias,
		      void *opaque)
{
	(void)connection;
	(void)alias;
	virt_events_running(opaque, domain);
}

static void on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *uri,
			void *opaque)
{
	(void)connection;
	if (type == VIR_DOMAIN_METADATA_ELEMENT && uri && strstr(uri, DOMAIN_NAMESPACE_FAMILY))
		virt_events_running(opaque, domain);
}

bool virt_events_watch(struct virt_events *events, virConnectPtr connection)
{
	const struct {
		int id;
		virConnectDomainEventGenericCallback callback;
	} kinds[] = {
		{VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
		{VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot)},
		{VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata)},
	};
	bool all = true;

	_Static_assert(array_size(kinds) == array_size(events->callbacks), "one callback each");
	for (size_t i = 0; i < array_size(kinds); i++) {
		events->callbacks[i] = virConnectDomainEventRegisterAny(
			connection, NULL, kinds[i].id, kinds[i].callback, events, NULL);
		all = all && events->callbacks[i] >= 0;
	}
	if (!all)
		log_warning("libvirt (%s): can't watch its events: %s", events->uri,
			    virt_last_error());
	return all;
}

void virt_events_unwatch(struct virt_events *events, virConnectPtr connection)
{
	for (size_t i = 0; i < array_size(events->callbacks); i++) {
		if (events->callbacks[i] >= 0)
			(void)virConnectDomainEventDeregisterAny(connection, events->callbacks[i]);
	}
}
