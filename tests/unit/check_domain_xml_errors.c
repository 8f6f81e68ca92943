/* SPDX-License-Identifier: BSD-3-Clause */
/* Domain XML that is refused or served in part, and what is said about it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/domain_xml_fixture.h"
#include "tests/unit/runner.h"

static const struct {
	const char *xml;
	int result;	  /* 0: what is wrong is left out */
	const char *text; /* in the error, or in the problem */
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
	{"<d:domain xmlns:d='urn:d'/>", -EINVAL, "not a libvirt <domain>"},
	/* name, UUID, id */
	{"<domain><uuid>" UUID "</uuid>" VCPU "</domain>", 0, "lacks <name>"},
	{"<domain><metadata><name>a</name></metadata><uuid>" UUID "</uuid>" VCPU "</domain>", 0,
	 "lacks <name>"},
	{"<domain><name/><uuid>" UUID "</uuid>" VCPU "</domain>", 0,
	 "the domain's <name> has 0 bytes"},
	{"<domain><name>a\nb</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0, "control"},
	{"<domain><name>a&#10;b</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0, "control"},
	{"<domain><name>a\x7f</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0, "control"},
	{"<domain><name>a<b/>c</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0,
	 "<name> must hold text"},
	{"<domain><name>a</name><name>b</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0,
	 "more than one <name>"},
	{"<domain><name>" TEN(TEN("abc")) "</name><uuid>" UUID "</uuid>" VCPU "</domain>", 0,
	 "300 bytes"},
	{"<domain><name>a</name></domain>", -EINVAL, "lacks <uuid>"},
	{"<domain><name>a</name><uuid/></domain>", -EINVAL, "<uuid></uuid>"},
	{"<domain><name>a</name><uuid>4dea22b3-1d52d8f3-2516-782e98ab3fa0</uuid></domain>", -EINVAL,
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
	{RUNNING("<vcpu>0</vcpu>"), -EINVAL, "must be a number"},
	{RUNNING("<vcpu>four</vcpu>"), -EINVAL, "<vcpu>four</vcpu>"},
	{RUNNING("<vcpu>4 4</vcpu>"), -EINVAL, "<vcpu>4 4</vcpu>"},
	{RUNNING("<vcpu>1025</vcpu>"), 0, "only the first 1024 vCPUs"},
	{RUNNING("<vcpu>99999999999</vcpu>"), 0, "only the first 1024 vCPUs"},
	{RUNNING("<vcpu current='5'>4</vcpu>"), 0, "current='5'"},
	{RUNNING("<vcpu current='0'>4</vcpu>"), 0, "1 to 4"},
	{RUNNING(VCPU VCPU), -EINVAL, "more than one <vcpu>"},
	{RUNNING(VCPU "<vcpus><vcpu enabled='yes'/></vcpus>"), 0, "lacks id="},
	{RUNNING(VCPU "<vcpus><vcpu id='4' enabled='yes'/></vcpus>"), 0, "<vcpu id='4'>"},
	{RUNNING(VCPU "<vcpus><vcpu id='1' enabled='yes'/><vcpu id='1' enabled='no'/></vcpus>"), 0,
	 "vCPU 1 twice"},
	{RUNNING(VCPU "<vcpus><vcpu id='1'/></vcpus>"), 0, "enabled='yes' or 'no'"},
	{RUNNING(VCPU "<vcpus><vcpu id='1' enabled='1'/></vcpus>"), 0, "enabled='1'"},
	/* pinning */
	{RUNNING("<vcpu cpuset='0-'>4</vcpu>"), 0, "<vcpu cpuset='0-'>"},
	{RUNNING("<vcpu cpuset=''>4</vcpu>"), 0, "<vcpu cpuset=''>"},
	{RUNNING(VCPU "<cputune><vcpupin cpuset='1'/></cputune>"), 0, "<vcpupin> lacks vcpu="},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='x' cpuset='1'/></cputune>"), 0, "vcpu='x'"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1'/></cputune>"), 0,
	 "<vcpupin vcpu='1'> lacks cpuset="},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='1;2'/></cputune>"), 0,
	 "<vcpupin cpuset='1;2'>"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='^1'/></cputune>"), 0, "cpuset='^1'"},
	{RUNNING(VCPU "<cputune><vcpupin vcpu='1' cpuset='5000'/></cputune>"), 0, "5000"},
	{RUNNING(VCPU
		 "<cputune><vcpupin vcpu='1' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>"),
	 0, "<vcpupin vcpu='1'> twice"},
	{RUNNING(VCPU "<cputune/><cputune/>"), -EINVAL, "more than one <cputune>"},
	/* channels */
	{DEVICES(CHANNEL("", "/a")), 0, "channel virtio.serial.port.poweragent. must end in"},
	{DEVICES(CHANNEL("x", "/a")), 0, "poweragent.x must end in"},
	{DEVICES(CHANNEL("01", "/a")), 0, "poweragent.01 must end in"},
	{DEVICES(CHANNEL("1.", "/a")), 0, "poweragent.1. must end in"},
	{DEVICES(CHANNEL("-1", "/a")), 0, "must end in"},
	{DEVICES(CHANNEL("1024", "/a")), 0, "0 to 1023"},
	{DEVICES(CHANNEL("4294967296", "/a")), 0, "0 to 1023"},
	{STOPPED(VCPU "<devices><channel type='unix'>" TARGET("x") "</channel></devices>"), 0,
	 "must end in"},
	{DEVICES(CHANNEL("1", "/a") CHANNEL("0", "/b") CHANNEL("1", "/c")), 0,
	 "poweragent.1 appears twice"},
	{DEVICES("<channel type='pty'>" TARGET("1") "</channel>"), 0,
	 "poweragent.1 has type='pty': make it type='unix'"},
	{DEVICES("<channel>" SOURCE("/a") TARGET("1") "</channel>"), 0, "type='unix'"},
	{DEVICES("<channel type='unix'><source mode='connect' path='/a'/>" TARGET(
		 "1") "</channel>"),
	 0, "use mode='bind'"},
	{DEVICES("<channel type='unix'><source path='/a'/>" TARGET("1") "</channel>"), 0,
	 "use mode='bind'"},
	{DEVICES("<channel type='unix'>" TARGET("1") "</channel>"), 0, "no <source path=>"},
	{DEVICES("<channel type='unix'><source mode='bind'/>" TARGET("1") "</channel>"), 0,
	 "no <source path=>"},
	{DEVICES(CHANNEL("1", "")), 0, "no <source path=>"},
	{DEVICES(CHANNEL("1", "a/b")), 0, "<source path='a/b'>: the path must be absolute"},
	{DEVICES(CHANNEL("1", "@abstract")), 0, "must be absolute"},
	{DEVICES(CHANNEL("1", "/" TEN("1234567890") "1234567")), 0, "of 108 bytes"},
	{DEVICES("<channel type='unix'>" SOURCE("/a") SOURCE("/b") TARGET("1") "</channel>"), 0,
	 "more than one <source>"},
	{RUNNING(VCPU "<devices/><devices/>"), 0, "more than one <devices>"},
};

TEST_EACH(errors_name_the_thing, bad)
{
	struct domain_description *domain;
	struct xml_error error;
	int r = parse_bytes(bad[_i].xml, strlen(bad[_i].xml), &domain, &error);
	const char *said;

	ck_assert_msg(r == bad[_i].result, "%d %s: %s", r, error.text, bad[_i].xml);
	said = r < 0 ? error.text : domain->problem;
	ck_assert_msg(strstr(said, bad[_i].text), "'%s' does not say '%s'", said, bad[_i].text);
	if (r < 0 && strstr(bad[_i].xml, VCPU VCPU)) {
		ck_assert_str_eq(error.domain, "vm0");
		ck_assert_str_eq(error.uuid, UUID);
	}
	domain_description_free(domain);
}

TEST(nothing_is_printed)
{
	int file = memfd_create("stderr", MFD_CLOEXEC);
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	struct domain_description *domain;
	struct xml_error error;
	size_t i;

	ck_assert(file >= 0 && out >= 0 && err >= 0);
	(void)fflush(NULL);
	ck_assert(dup2(file, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0);
	for (i = 0; i < array_size(bad); i++) {
		(void)parse_bytes(bad[i].xml, strlen(bad[i].xml), &domain, &error);
		domain_description_free(domain);
	}
	(void)fflush(NULL);
	ck_assert(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	(void)close(out);
	(void)close(err);
	(void)close(file);
}

#define PINNED(devices)                                                                            \
	RUNNING("<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='4'/><vcpupin vcpu='1' "          \
		"cpuset='5,9999'/></cputune><devices>" devices "</devices>")

/* Whatever is wrong with channels, the pinning is known and the other channels are served. */
TEST(bad_channels_cost_only_themselves)
{
	static const char xml[] = PINNED(CHANNEL("x", "/a") "<channel type='pty'>" TARGET(
		"3") "</channel>" CHANNEL("1", "/1") CHANNEL("1", "/2") CHANNEL("2", "relative"));
	struct domain_description *domain;
	struct xml_error error;

	ck_assert_int_eq(parse_bytes(xml, strlen(xml), &domain, &error), 0);
	ck_assert_uint_eq(domain->n_channels, 1);
	ck_assert_uint_eq(domain->channels[0].number, 1);
	ck_assert_str_eq(domain->channels[0].path, "/1");
	ck_assert(domain->vcpus[0].pinned && !domain->vcpus[0].uncertain);
	ck_assert(cpuset_has(domain->vcpus[0].affinity, 4));
	/* CPUs that no host has are ignored */
	ck_assert(domain->vcpus[1].pinned && !domain->vcpus[1].uncertain);
	ck_assert_uint_eq(cpuset_count(domain->vcpus[1].affinity), 1);
	ck_assert_str_eq(domain->problem, "channel virtio.serial.port.poweragent.x must end in the "
					  "number of a vCPU, 0 to 1023; and 3 more");
	domain_description_free(domain);
}

/* A vCPU whose pinning can't be read must not vote for CPUs that it may not run on. */
TEST(bad_pinning_costs_only_its_vcpu)
{
	static const char xml[] =
		RUNNING("<vcpu cpuset='1-3'>3</vcpu><cputune><vcpupin vcpu='0' cpuset='?'/>"
			"<vcpupin vcpu='1' cpuset='5'/></cputune>");
	static const char shared[] =
		RUNNING("<vcpu cpuset='?'>2</vcpu><cputune><vcpupin vcpu='1' cpuset='5'/>"
			"</cputune>");
	struct domain_description *domain;
	struct xml_error error;

	ck_assert_int_eq(parse_bytes(xml, strlen(xml), &domain, &error), 0);
	ck_assert(domain->vcpus[0].pinned && domain->vcpus[0].uncertain);
	ck_assert(domain->vcpus[1].pinned && !domain->vcpus[1].uncertain);
	ck_assert(domain->vcpus[2].pinned && !domain->vcpus[2].uncertain);
	domain_description_free(domain);
	ck_assert_int_eq(parse_bytes(shared, strlen(shared), &domain, &error), 0);
	ck_assert(!domain->vcpus[0].pinned && domain->vcpus[0].uncertain);
	ck_assert(domain->vcpus[1].pinned && !domain->vcpus[1].uncertain);
	domain_description_free(domain);
}

/* A name that can't be used: its UUID stands in. */
TEST(bad_name)
{
	static const char xml[] = "<domain><name>a\tb</name><uuid>" UUID "</uuid>" VCPU "</domain>";
	struct domain_description *domain;
	struct xml_error error;

	ck_assert_int_eq(parse_bytes(xml, strlen(xml), &domain, &error), 0);
	ck_assert_str_eq(domain->name, UUID);
	domain_description_free(domain);
}
