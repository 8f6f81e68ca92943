/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains whose vCPUs may be plugged are asked about, all of them, however few questions fit. */
#include "helper/manager/sources/libvirt_sync.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/unit/run_turn.h"
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define N 600u	/* domains */
#define FITS 20 /* questions that can wait */

struct virt {
	struct virt_handlers handlers;
};

static struct virt the_virt;
static struct loop *loop;
static struct registry *registry;
static struct libvirt_sync *sync_;
static uint64_t now_ns = NS_PER_S;
static char waiting[FITS][UUID_SIZE];
static unsigned int first, n_waiting, n_reports, n_asked[N];

/* --- stand-ins ------------------------------------------------------------------------ */

uint64_t monotonic_ns(void)
{
	return now_ns;
}

int virt_new(struct loop *on, const char *uri, const struct virt_handlers *handlers,
	     struct virt **virt)
{
	(void)on;
	(void)uri;
	the_virt.handlers = *handlers;
	*virt = &the_virt;
	return 0;
}

void virt_free(struct virt *virt)
{
	(void)virt;
}

bool virt_refresh(struct virt *virt, const char *uuid)
{
	unsigned int number;

	(void)virt;
	if (n_waiting == FITS)
		return false;
	memcpy(waiting[(first + n_waiting++) % FITS], uuid, UUID_SIZE);
	ck_assert_int_eq(sscanf(uuid, "%8x", &number), 1);
	n_asked[number]++;
	return true;
}

int domains_report(struct domains *domains, const struct domain_report *report)
{
	(void)domains;
	domain_description_free(report->running);
	n_reports++;
	return 0;
}

void domains_report_listing(struct domains *domains, const char (*uuids)[37], size_t n,
			    uint64_t asked_ns)
{
	(void)domains;
	(void)uuids;
	(void)n;
	(void)asked_ns;
}

/* --- the stage ------------------------------------------------------------------------ */

static void form(char *xml, size_t size, const char *uuid)
{
	(void)snprintf(xml, size,
		       "<domain id='1'><name>%s</name><uuid>%s</uuid><vcpu>2</vcpu><vcpus>"
		       "<vcpu id='0' enabled='yes' hotpluggable='no'/>"
		       "<vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus></domain>",
		       uuid, uuid);
}

static void report(const char *uuid)
{
	const struct virt_about about = {.asked_ns = now_ns};
	char xml[1024];

	form(xml, sizeof(xml), uuid);
	the_virt.handlers.running(the_virt.handlers.context, &about, xml, strlen(xml));
}

static void set_up(void)
{
	first = n_waiting = n_reports = 0;
	memset(n_asked, 0, sizeof(n_asked));
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(libvirt_sync_new(&(struct libvirt_sync_parts){.loop = loop,
								       .registry = registry,
								       .uri = "test:///"},
					  &sync_),
			 0);
	for (unsigned int i = 0; i < N; i++) {
		struct domain_description *description;
		struct xml_error error;
		struct domain *domain;
		char uuid[UUID_SIZE], xml[1024];

		(void)snprintf(uuid, sizeof(uuid), "%08x-0000-0000-0000-000000000000", i);
		form(xml, sizeof(xml), uuid);
		ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
		ck_assert(description->vcpus_vary);
		ck_assert_int_eq(registry_add(registry, description, &domain), 0);
	}
}

static void tear_down(void)
{
	libvirt_sync_free(sync_);
	registry_free(registry);
	loop_free(loop);
}

static void pass(uint64_t ns)
{
	now_ns += ns;
	run_turn(loop);
}

static void answer_one(void)
{
	char uuid[UUID_SIZE];

	memcpy(uuid, waiting[first], UUID_SIZE);
	first = (first + 1) % FITS;
	n_waiting--;
	report(uuid);
}

static unsigned int count(unsigned int times)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < N; i++)
		n += n_asked[i] == times;
	return n;
}

FIXTURE(set_up, tear_down)

TEST(all_are_asked_about)
{
	report("00000000-0000-0000-0000-000000000000");
	pass(11 * NS_PER_S);
	ck_assert_uint_gt(n_waiting, 0);
	while (n_waiting > 0)
		answer_one();
	ck_assert_uint_eq(count(1), N);
	pass(11 * NS_PER_S); /* again */
	while (n_waiting > 0)
		answer_one();
	ck_assert_uint_eq(count(2), N);
}

TEST(a_libvirt_that_hangs_is_asked_little)
{
	unsigned int n;

	report("00000000-0000-0000-0000-000000000000");
	pass(11 * NS_PER_S);
	n = n_waiting;
	for (int i = 0; i < 5; i++)
		pass(60 * NS_PER_S);
	ck_assert_uint_eq(n_waiting, n);
}

/* Their questions get no answer, which must not hold up the others for ever. */
TEST(domains_that_are_gone)
{
	report("00000000-0000-0000-0000-000000000000");
	pass(11 * NS_PER_S);
	n_waiting = 0;
	for (int i = 0; i < 100 && count(0) > 0; i++) {
		report("00000000-0000-0000-0000-000000000000"); /* of another event */
		pass(11 * NS_PER_S);
		while (n_waiting > 0)
			answer_one();
	}
	ck_assert_uint_eq(count(0), 0);
}
