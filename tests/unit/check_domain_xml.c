/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read from a domain's XML. */
#include <errno.h>
#include <libxml/xmlmemory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/domain_xml_fixture.h"
#include "tests/unit/runner.h"

/* What the hook gets at "started". */
static const char started[] =
	"<domain type='kvm' id='12'>\n"
	"  <name>dpdk-0</name>\n"
	"  <uuid>4DEA22B3-1D52-D8F3-2516-782E98AB3FA0</uuid>\n"
	"  <metadata>\n"
	"    <nova:instance xmlns:nova=\"http://openstack.org/xmlns/libvirt/nova/1.1\">\n"
	"      <nova:name>tenant's</nova:name><name>not me</name>\n"
	"      <nova:flavor name=\"f\"><nova:vcpus>4</nova:vcpus></nova:flavor>\n"
	"    </nova:instance>\n"
	"    <domain xmlns='http://example.org/'><name>nor me</name><vcpu>9</vcpu></domain>\n"
	"  </metadata>\n"
	"  <memory unit='KiB'>4194304</memory>\n"
	"  <vcpu placement='static' cpuset='8-11,^10' current='3'>6</vcpu>\n"
	"  <vcpus>\n"
	"    <vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>\n"
	"    <vcpu id='1' enabled='no' hotpluggable='yes'/>\n"
	"    <vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/>\n"
	"    <vcpu id='3' enabled='no' hotpluggable='yes'/>\n"
	"    <vcpu id='4' enabled='yes' hotpluggable='yes' order='3'/>\n"
	"    <vcpu id='5' enabled='no' hotpluggable='yes'/>\n"
	"  </vcpus>\n"
	"  <cputune>\n"
	"    <shares>2048</shares>\n"
	"    <vcpupin vcpu='0' cpuset='2'/>\n"
	"    <vcpupin vcpu='1' cpuset='3,67'/>\n"
	"    <vcpupin vcpu='77' cpuset='5'/>\n"
	"    <emulatorpin cpuset='0-1'/>\n"
	"    <iothreadpin iothread='1' cpuset='0'/>\n"
	"  </cputune>\n"
	"  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>\n"
	"  <devices>\n"
	"    <graphics type='vnc' port='5900' passwd='secret'><listen type='address'/></graphics>\n"
	"    <channel type='unix'>\n"
	"      <source mode='bind' path='/run/libvirt/qemu/channel/12-dpdk-0/pa.10'/>\n"
	"      <target type='virtio' name='virtio.serial.port.poweragent.10' "
	"state='disconnected'/>\n"
	"      <alias name='channel0'/>\n"
	"      <address type='virtio-serial' controller='0' bus='0' port='1'/>\n"
	"    </channel>\n"
	"    <channel type='unix'>\n"
	"      <source mode='bind' path='/run/libvirt/qemu/channel/12-dpdk-0/pa.2'>\n"
	"        <seclabel model='dac' relabel='no'/>\n"
	"      </source>\n"
	"      <target type='virtio' name='virtio.serial.port.poweragent.2' state='connected'/>\n"
	"    </channel>\n"
	"    <channel type='unix'>\n"
	"      <source mode='bind' path='/run/libvirt/qemu/channel/12-dpdk-0/ga'/>\n"
	"      <target type='virtio' name='org.qemu.guest_agent.0'/>\n"
	"    </channel>\n"
	"    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>\n"
	"  </devices>\n"
	"  <seclabel type='dynamic' model='selinux' relabel='yes'>\n"
	"    <label>system_u:system_r:svirt_t:s0:c1,c2</label>\n"
	"  </seclabel>\n"
	"</domain>\n";

static struct domain_description *parse_good(const char *xml)
{
	struct domain_description *domain;
	struct xml_error error;
	int r = parse_bytes(xml, strlen(xml), &domain, &error);

	ck_assert_msg(r == 0, "%s", error.text);
	return domain;
}

static void check_affinity(const struct domain_description *domain, uint32_t vcpu,
			   const char *expected)
{
	char text[64];

	ck_assert_uint_lt(vcpu, domain->n_vcpus);
	ck_assert(domain->vcpus[vcpu].pinned == (expected != NULL));
	ck_assert((domain->vcpus[vcpu].affinity != NULL) == (expected != NULL));
	if (expected) {
		ck_assert_int_ge(cpuset_format(domain->vcpus[vcpu].affinity, text, sizeof(text)),
				 0);
		ck_assert_str_eq(text, expected);
	}
}

TEST(started_domain)
{
	struct domain_description *domain = parse_good(started);
	uint32_t i;

	ck_assert_str_eq(domain->name, "dpdk-0");
	ck_assert_str_eq(domain->uuid, UUID);
	ck_assert_int_eq(domain->id, 12);
	ck_assert_uint_eq(domain->n_vcpus, 6);
	ck_assert_uint_eq(domain->n_online, 3);
	ck_assert(domain->vcpus_vary);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(domain->vcpus[i].online, i % 2 == 0);
	check_affinity(domain, 0, "2");
	check_affinity(domain, 1, "3,67");
	for (i = 2; i < 6; i++) {
		check_affinity(domain, i, "8-9,11");
		ck_assert_ptr_eq(domain->vcpus[i].affinity, domain->vcpus[2].affinity);
	}
	ck_assert_uint_eq(domain->n_affinities, 3);
	ck_assert_uint_eq(domain->n_channels, 2);
	ck_assert_uint_eq(domain->channels[0].number, 2);
	ck_assert_str_eq(domain->channels[0].path, "/run/libvirt/qemu/channel/12-dpdk-0/pa.2");
	ck_assert_uint_eq(domain->channels[1].number, 10);
	ck_assert_str_eq(domain->channels[1].path, "/run/libvirt/qemu/channel/12-dpdk-0/pa.10");
	domain_description_free(domain);
}

TEST(stopped_domain)
{
	/* A channel without a path belongs to a domain that never started. */
	struct domain_description *domain =
		parse_good("<?xml version='1.0' encoding='UTF-8'?>\n<!-- virsh edit -->\n" STOPPED(
			"<vcpu current='1'> 2\n</vcpu><devices>" CHANNEL(
				"0", "/run/a/0") "<channel type='unix'><source "
						 "mode='bind'/>" TARGET("1") "</channel>"
									     "<channel "
									     "type='unix'>" TARGET(
										     "2") "</"
											  "channel>"
											  "</"
											  "devices"
											  ">"));

	ck_assert_int_eq(domain->id, -1);
	ck_assert_uint_eq(domain->n_vcpus, 2);
	ck_assert_uint_eq(domain->n_online, 1);
	ck_assert(domain->vcpus[0].online && !domain->vcpus[1].online);
	check_affinity(domain, 0, NULL);
	check_affinity(domain, 1, NULL);
	ck_assert_uint_eq(domain->n_affinities, 0);
	ck_assert_uint_eq(domain->n_channels, 1);
	ck_assert_str_eq(domain->channels[0].path, "/run/a/0");
	domain_description_free(domain);
	domain_description_free(NULL);
}

/* What resembles ours, or an error, and is neither. */
static const char *const passed_over[] = {
	RUNNING(VCPU),
	DEVICES(""),
	DEVICES("<channel type='pty'><target type='virtio' name='a.b'/></channel>"),
	DEVICES("<channel type='unix'><target type='xen' "
		"name='virtio.serial.port.poweragent.0'/></channel>"),
	DEVICES("<channel type='unix'><target type='virtio'/></channel>"),
	DEVICES("<channel type='unix'><target type='virtio' "
		"name='virtio.serial.port.poweragent'/></channel>"),
	DEVICES("<channel type='unix'><target type='virtio' "
		"name='virtio.serial.port.poweragentX.1'/></channel>"),
	DEVICES("<channel type='unix'><target type='virtio' "
		"name='x.virtio.serial.port.poweragent.1'/></channel>"),
	DEVICES("<channel/><channel type='udp'><source mode='bind'/><source mode='connect'/>"
		"<target type='guestfwd' address='10.0.2.1' port='4600'/></channel>"),
	/* not direct children of <devices>, or in a name space */
	DEVICES("<hub>" CHANNEL("x", "x") "</hub>"),
	DEVICES("<n:channel xmlns:n='urn:n' type='unix'>" TARGET("x") "</n:channel>"),
	RUNNING(VCPU "<metadata><devices>" CHANNEL("x", "x") "</devices></metadata>"),
	RUNNING(VCPU "<devices xmlns='urn:n'>" CHANNEL("x", "x") "</devices>"),
	DEVICES("<!-- " CHANNEL("x", "x") " -->"),
	DEVICES("<a><![CDATA[ " CHANNEL("x", "x") " <!DOCTYPE a> ]]></a>"),
	RUNNING(VCPU "<vcpus/><cputune/>"),
};

TEST_EACH(other_devices_are_ignored, passed_over)
{
	struct domain_description *domain = parse_good(passed_over[_i]);

	ck_assert_uint_eq(domain->n_channels, 0);
	ck_assert_uint_eq(domain->n_vcpus, 4);
	ck_assert_uint_eq(domain->n_online, 4);
	ck_assert(!domain->vcpus_vary);
	ck_assert_uint_eq(domain->n_affinities, 0);
	domain_description_free(domain);
}

TEST(names_that_are_almost_ours)
{
	static const struct {
		const char *target, *near_miss;
	} names[] = {
		{"virtio.serial.port.poweragnet.0", "virtio.serial.port.poweragnet.0"},
		{"virtio.serial.port.power.1", "virtio.serial.port.power.1"},
		{"virtio.serial.port.PowerAgent.1", "virtio.serial.port.PowerAgent.1"},
		{"my.poweragent.1", "my.poweragent.1"},
		{"org.qemu.guest_agent.0", ""},
		{"com.redhat.spice.0", ""},
		{"virtio.serial.port.poweragent.0", ""},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_free char *xml = NULL;
		struct domain_description *domain;

		ck_assert_int_gt(
			asprintf(&xml,
				 DEVICES("<channel type='unix'>" SOURCE(
					 "/a") "<target type='virtio' name='%s'/></channel>"),
				 names[i].target),
			0);
		domain = parse_good(xml);
		ck_assert_str_eq(domain->near_miss, names[i].near_miss);
		domain_description_free(domain);
	}
}

/* Every truncated document is an error, unless it lacks only the last newline. */
TEST(truncated)
{
	struct domain_description *domain;
	struct xml_error error;
	size_t size, whole = strlen(started) - 1;

	for (size = 0; size < whole; size++)
		ck_assert_int_eq(parse_bytes(started, size, &domain, &error), -EINVAL);
	ck_assert_int_eq(parse_bytes(started, whole, &domain, &error), 0);
	domain_description_free(domain);
}

TEST(limits_are_reached)
{
	/* 255 bytes of name, 107 of path */
	struct domain_description *domain = parse_good("<domain id='0'><name>" TEN(TEN("ab")) TEN(
		"12345") "\xc3\xa4&lt;<![CDATA[<]]>c</name>"
			 "<uuid>" UUID "</uuid><vcpu>1</vcpu><devices>" CHANNEL(
				 "1023", "/" TEN("1234567890") "123456") "</devices></domain>");

	ck_assert_uint_eq(strlen(domain->name), 255);
	ck_assert_str_eq(domain->name + 250, "\xc3\xa4<<c");
	ck_assert_int_eq(domain->id, 0);
	ck_assert_uint_eq(strlen(domain->channels[0].path), 107);
	ck_assert_uint_eq(domain->channels[0].number, 1023);
	domain_description_free(domain);
}

static long allocations_left = -1; /* of libxml2's; negative: any number */

static bool may_allocate(void)
{
	if (allocations_left > 0)
		allocations_left--;
	return allocations_left != 0;
}

static void *scarce_malloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *p, size_t size)
{
	return may_allocate() ? realloc(p, size) : NULL;
}

static char *scarce_strdup(const char *text)
{
	return may_allocate() ? strdup(text) : NULL;
}

/* libxml2 leaves out nodes when it is out of memory: half a domain must not pass. */
TEST(out_of_memory)
{
	long n;
	int r = -ENOMEM;

	ck_assert_int_eq(xmlMemSetup(free, scarce_malloc, scarce_realloc, scarce_strdup), 0);
	for (n = 1; n < 10000; n++) {
		struct domain_description *domain;
		struct xml_error error;

		allocations_left = n;
		r = parse_bytes(started, strlen(started), &domain, &error);
		if (r == 0) {
			ck_assert_uint_eq(domain->n_affinities, 3);
			ck_assert_uint_eq(domain->n_channels, 2);
			domain_description_free(domain);
			break;
		}
		ck_assert_msg(r == -ENOMEM, "%ld allocations: %s", n, error.text);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(n, 100);
	ck_assert_int_eq(xmlMemSetup(free, malloc, realloc, strdup), 0);
}
