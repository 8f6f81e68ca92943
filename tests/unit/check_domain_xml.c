/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <libxml/xmlmemory.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "domain_xml.h"
#include "run_suite.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define NAME_UUID "<name>vm0</name><uuid>" UUID "</uuid>"
#define VCPU "<vcpu placement='static'>4</vcpu>"
#define RUNNING(x) "<domain type='kvm' id='3'>" NAME_UUID x "</domain>"
#define STOPPED(x) "<domain type='kvm'>" NAME_UUID x "</domain>"
#define DEVICES(x) RUNNING(VCPU "<devices>" x "</devices>")
#define TARGET(n) "<target type='virtio' name='virtio.serial.port.poweragent." n "'/>"
#define SOURCE(path) "<source mode='bind' path='" path "'/>"
#define CHANNEL(n, path) "<channel type='unix'>" SOURCE(path) TARGET(n) "</channel>"
#define TEN(x) x x x x x x x x x x

/* As the hook gets it at started. */
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

/* A copy that ends where it ends, so that the sanitizer sees a byte read behind it. */
static int parse_bytes(const char *xml, size_t size, struct domain_description **domain,
		       struct xml_error *error)
{
	char *copy = malloc(size ? size : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, xml, size);
	*domain = NULL;
	memset(error, 'x', sizeof(*error));
	r = domain_xml_parse(copy, size, domain, error);
	free(copy);
	ck_assert_ptr_nonnull(memchr(error->text, '\0', sizeof(error->text)));
	ck_assert(r == 0 ? *domain && !error->text[0] : !*domain && error->text[0]);
	return r;
}

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

START_TEST(started_domain)
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
END_TEST

START_TEST(stopped_domain)
{
	/* Of two channels the one without a path is one of a domain that never started. */
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
END_TEST

/* What looks like ours, or like an error, and is none of our business. */
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

START_TEST(others_are_passed_over)
{
	struct domain_description *domain = parse_good(passed_over[_i]);

	ck_assert_uint_eq(domain->n_channels, 0);
	ck_assert_uint_eq(domain->n_vcpus, 4);
	ck_assert_uint_eq(domain->n_online, 4);
	ck_assert(!domain->vcpus_vary);
	ck_assert_uint_eq(domain->n_affinities, 0);
	domain_description_free(domain);
}
END_TEST

START_TEST(names_that_are_almost_ours)
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
END_TEST

static const struct {
	const char *xml;
	int result;
	const char *text; /* in the error */
} bad[] = {
	/* not XML */
	{"", -EINVAL, "empty"},
	{"   ", -EINVAL, "'<'"},
	{"hello", -EINVAL, "'<'"},
	{"\x4c\x6f\xa7\x94", -EINVAL, "'<'"}, /* "<?xm" in EBCDIC */
	{"<", -EINVAL, "well-formed"},
	{"<domain", -EINVAL, "well-formed"},
	{"<domain>", -EINVAL, "well-formed"},
	{"<domain a='", -EINVAL, "well-formed"},
	{"<domain></domian>", -EINVAL, "line 1: Opening and ending tag mismatch"},
	{"<domain>\n\n<a b=></domain>", -EINVAL, "line 3"},
	{RUNNING(VCPU) "<domain/>", -EINVAL, "well-formed"},
	{RUNNING(VCPU "<a>\xff\xfe</a>"), -EINVAL, "UTF-8 in line 1"},
	{RUNNING(VCPU "<a b='\xc3'/>"), -EINVAL, "UTF-8"},
	{"<?xml version='1.0' encoding='ISO-8859-1'?>" RUNNING(VCPU "<a>\xe4</a>"), -EINVAL,
	 "UTF-8"},
	{RUNNING(VCPU "<a>\x01</a>"), -EINVAL, "well-formed"},
	{RUNNING(VCPU "<a>&unknown;</a>"), -EINVAL, "unknown"},
	{RUNNING(VCPU "<a>&#0;</a>"), -EINVAL, "well-formed"},
	/* declarations, entities */
	{"<!DOCTYPE domain>" RUNNING(VCPU), -EINVAL, "DOCTYPE"},
	{"<!DOCTYPE domain SYSTEM 'http://127.0.0.1/x.dtd'>" RUNNING(VCPU), -EINVAL, "DOCTYPE"},
	{"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" RUNNING(VCPU "<a>&a;</a>"),
	 -EINVAL, "DOCTYPE"},
	{"<!DOCTYPE d [<!ENTITY a 'lol'><!ENTITY b '" TEN("&a;") "'><!ENTITY c '" TEN(
		 "&b;") "'>"
			"<!ENTITY d '" TEN("&c;") "'><!ENTITY e '" TEN("&d;") "'><!ENTITY f '" TEN(
				"&e;") "'>"
				       "<!ENTITY g '" TEN("&f;") "'><!ENTITY h '" TEN(
					       "&g;") "'><!ENTITY i '" TEN("&h;") "'>]>"
										  "<domain><name>&"
										  "i;</name></"
										  "domain>",
	 -EINVAL, "DOCTYPE"},
	{RUNNING(VCPU "<!ENTITY a 'b'>"), -EINVAL, "DOCTYPE"},
	/* not a domain */
	{"<domainsnapshot>" RUNNING(VCPU) "</domainsnapshot>", -EINVAL, "<domainsnapshot>"},
	{"<d:domain xmlns:d='urn:d'/>", -EINVAL, "not of a libvirt <domain>"},
	/* name, UUID, id */
	{"<domain><uuid>" UUID "</uuid>" VCPU "</domain>", -EINVAL, "lacks <name>"},
	{"<domain><metadata><name>a</name></metadata></domain>", -EINVAL, "lacks <name>"},
	{"<domain><name/></domain>", -EINVAL, "<name> of the domain has 0 bytes"},
	{"<domain><name>a\nb</name></domain>", -EINVAL, "control"},
	{"<domain><name>a&#10;b</name></domain>", -EINVAL, "control"},
	{"<domain><name>a\x7f</name></domain>", -EINVAL, "control"},
	{"<domain><name>a<b/>c</name></domain>", -EINVAL, "<name> must hold text"},
	{"<domain><name>a</name><name>b</name></domain>", -EINVAL, "more than one <name>"},
	{"<domain><name>" TEN(TEN("abc")) "</name></domain>", -EINVAL, "300 bytes"},
	{"<domain><name>a</name></domain>", -EINVAL, "lacks <uuid>"},
	{"<domain><name>a</name><uuid/></domain>", -EINVAL, "<uuid></uuid>"},
	{"<domain><name>a</name><uuid>4dea22b31d52d8f32516782e98ab3fa0</uuid></domain>", -EINVAL,
	 "xxxxxxxx-"},
	{"<domain><name>a</name><uuid>" UUID "0</uuid></domain>", -EINVAL, UUID "0"},
	{"<domain><name>a</name><uuid> " UUID "</uuid></domain>", -EINVAL, "form"},
	{"<domain><name>a</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fag</uuid></domain>",
	 -EINVAL, "form"},
	{"<domain id='-1'>" NAME_UUID VCPU "</domain>", -EINVAL, "id='-1'"},
	{"<domain id='2147483648'>" NAME_UUID VCPU "</domain>", -EINVAL, "2147483647"},
	/* vCPUs */
	{RUNNING(""), -EINVAL, "lacks <vcpu>"},
	{RUNNING("<vcpu/>"), -EINVAL, "<vcpu></vcpu>"},
	{RUNNING("<vcpu>0</vcpu>"), -EINVAL, "1 to 1024"},
	{RUNNING("<vcpu>four</vcpu>"), -EINVAL, "<vcpu>four</vcpu>"},
	{RUNNING("<vcpu>4 4</vcpu>"), -EINVAL, "<vcpu>4 4</vcpu>"},
	{RUNNING("<vcpu>1025</vcpu>"), -E2BIG, "more than 1024 vCPUs"},
	{RUNNING("<vcpu>99999999999</vcpu>"), -E2BIG, "more than 1024 vCPUs"},
	{RUNNING("<vcpu current='5'>4</vcpu>"), -EINVAL, "current='5'"},
	{RUNNING("<vcpu current='0'>4</vcpu>"), -EINVAL, "1 to 4"},
	{RUNNING(VCPU VCPU), -EINVAL, "more than one <vcpu>"},
	{RUNNING(VCPU "<vcpus><vcpu enabled='yes'/></vcpus>"), -EINVAL, "lacks id="},
	{RUNNING(VCPU "<vcpus><vcpu id='4' enabled='yes'/></vcpus>"), -EINVAL, "<vcpu id='4'>"},
	{RUNNING(VCPU "<vcpus><vcpu id='1' enabled='yes'/><vcpu id='1' enabled='no'/></vcpus>"),
	 -EINVAL, "vCPU 1 twice"},
	{RUNNING(VCPU "<vcpus><vcpu id='1'/></vcpus>"), -EINVAL, "enabled='yes' or 'no'"},
	{RUNNING(VCPU "<vcpus><vcpu id='1' enabled='1'/></vcpus>"), -EINVAL, "enabled='1'"},
	/* pinning */
	{RUNNING("<vcpu cpuset='0-'>4</vcpu>"), -EINVAL, "<vcpu cpuset='0-'>"},
	{RUNNING("<vcpu cpuset=''>4</vcpu>"), -EINVAL, "<vcpu cpuset=''>"},
	{RUNNING("<vcpu cpuset='0-4096'>4</vcpu>"), -EINVAL,
	 "<vcpu cpuset='0-4096'> names a CPU over"},
	{RUNNING(VCPU "<cputune><vcpupin cpuset='1'/></cputune>"), -EINVAL,
	 "<vcpupin> lacks vcpu="},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='x' cpuset='1'/></cputune>"), -EINVAL, "vcpu='x'"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1'/></cputune>"), -EINVAL,
	 "<vcpupin vcpu='1'> lacks cpuset="},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='1;2'/></cputune>"), -EINVAL,
	 "<vcpupin cpuset='1;2'>"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='^1'/></cputune>"), -EINVAL,
	 "cpuset='^1'"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='5000'/></cputune>"), -EINVAL, "5000"},
	{RUNNING(VCPU
		 "<cputune><vcpupin vcpu='1' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>"),
	 -EINVAL, "<vcpupin vcpu='1'> twice"},
	{RUNNING(VCPU "<cputune/><cputune/>"), -EINVAL, "more than one <cputune>"},
	/* channels */
	{DEVICES(CHANNEL("", "/a")), -EINVAL, "channel virtio.serial.port.poweragent. must end in"},
	{DEVICES(CHANNEL("x", "/a")), -EINVAL, "poweragent.x must end in"},
	{DEVICES(CHANNEL("01", "/a")), -EINVAL, "poweragent.01 must end in"},
	{DEVICES(CHANNEL("1.", "/a")), -EINVAL, "poweragent.1. must end in"},
	{DEVICES(CHANNEL("-1", "/a")), -EINVAL, "must end in"},
	{DEVICES(CHANNEL("1024", "/a")), -EINVAL, "0 to 1023"},
	{DEVICES(CHANNEL("4294967296", "/a")), -EINVAL, "0 to 1023"},
	{STOPPED(VCPU "<devices><channel type='unix'>" TARGET("x") "</channel></devices>"), -EINVAL,
	 "must end in"},
	{DEVICES(CHANNEL("1", "/a") CHANNEL("0", "/b") CHANNEL("1", "/c")), -EINVAL,
	 "poweragent.1 is there twice"},
	{DEVICES("<channel type='pty'>" TARGET("1") "</channel>"), -EINVAL,
	 "poweragent.1 has type='pty': make it type='unix'"},
	{DEVICES("<channel>" SOURCE("/a") TARGET("1") "</channel>"), -EINVAL, "type='unix'"},
	{DEVICES("<channel type='unix'><source mode='connect' path='/a'/>" TARGET(
		 "1") "</channel>"),
	 -EINVAL, "use mode='bind'"},
	{DEVICES("<channel type='unix'><source path='/a'/>" TARGET("1") "</channel>"), -EINVAL,
	 "use mode='bind'"},
	{DEVICES("<channel type='unix'>" TARGET("1") "</channel>"), -EINVAL, "no <source path=>"},
	{DEVICES("<channel type='unix'><source mode='bind'/>" TARGET("1") "</channel>"), -EINVAL,
	 "no <source path=>"},
	{DEVICES(CHANNEL("1", "")), -EINVAL, "no <source path=>"},
	{DEVICES(CHANNEL("1", "a/b")), -EINVAL, "<source path='a/b'>: the path must be absolute"},
	{DEVICES(CHANNEL("1", "@abstract")), -EINVAL, "must be absolute"},
	{DEVICES(CHANNEL("1", "/" TEN("1234567890") "1234567")), -EINVAL, "of 108 bytes"},
	{DEVICES("<channel type='unix'>" SOURCE("/a") SOURCE("/b") TARGET("1") "</channel>"),
	 -EINVAL, "more than one <source>"},
	{RUNNING(VCPU "<devices/><devices/>"), -EINVAL, "more than one <devices>"},
};

START_TEST(errors_name_the_thing)
{
	struct domain_description *domain;
	struct xml_error error;
	int r = parse_bytes(bad[_i].xml, strlen(bad[_i].xml), &domain, &error);

	ck_assert_msg(r == bad[_i].result, "%d %s: %s", r, error.text, bad[_i].xml);
	ck_assert_msg(strstr(error.text, bad[_i].text), "'%s' does not say '%s'", error.text,
		      bad[_i].text);
	if (strstr(bad[_i].xml, "<devices>"))
		ck_assert_str_eq(error.domain, "vm0");
}
END_TEST

/* All beginnings of a good document are errors but those that lack only the last newline. */
START_TEST(truncated)
{
	struct domain_description *domain;
	struct xml_error error;
	size_t size, whole = strlen(started) - 1;

	for (size = 0; size < whole; size++)
		ck_assert_int_eq(parse_bytes(started, size, &domain, &error), -EINVAL);
	ck_assert_int_eq(parse_bytes(started, whole, &domain, &error), 0);
	domain_description_free(domain);
}
END_TEST

START_TEST(limits_are_reached)
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
END_TEST

START_TEST(nothing_is_printed)
{
	int file = memfd_create("stderr", MFD_CLOEXEC);
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	struct domain_description *domain;
	struct xml_error error;
	size_t i;

	ck_assert(file >= 0 && out >= 0 && err >= 0);
	(void)fflush(NULL);
	ck_assert(dup2(file, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0);
	for (i = 0; i < array_size(bad); i++)
		(void)parse_bytes(bad[i].xml, strlen(bad[i].xml), &domain, &error);
	(void)fflush(NULL);
	ck_assert(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	(void)close(out);
	(void)close(err);
	(void)close(file);
}
END_TEST

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

/* libxml2 leaves nodes out where it has no memory for them: half a domain must not pass. */
START_TEST(out_of_memory)
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
END_TEST

int main(void)
{
	Suite *suite = suite_create("domain_xml");
	TCase *tcase = tcase_create("domain_xml");

	tcase_add_test(tcase, started_domain);
	tcase_add_test(tcase, stopped_domain);
	tcase_add_loop_test(tcase, others_are_passed_over, 0, (int)array_size(passed_over));
	tcase_add_test(tcase, names_that_are_almost_ours);
	tcase_add_loop_test(tcase, errors_name_the_thing, 0, (int)array_size(bad));
	tcase_add_test(tcase, truncated);
	tcase_add_test(tcase, limits_are_reached);
	tcase_add_test(tcase, nothing_is_printed);
	tcase_add_test(tcase, out_of_memory);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
