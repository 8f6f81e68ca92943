/* SPDX-License-Identifier: BSD-3-Clause */
/* Domain XML that is refused, and the error texts. */
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
	{"<d:domain xmlns:d='urn:d'/>", -EINVAL, "not a libvirt <domain>"},
	/* name, UUID, id */
	{"<domain><uuid>" UUID "</uuid>" VCPU "</domain>", -EINVAL, "lacks <name>"},
	{"<domain><metadata><name>a</name></metadata></domain>", -EINVAL, "lacks <name>"},
	{"<domain><name/></domain>", -EINVAL, "the domain's <name> has 0 bytes"},
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
	 "<vcpu cpuset='0-4096'> names a CPU above"},
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
	 "poweragent.1 appears twice"},
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

TEST_EACH(errors_name_the_thing, bad)
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
	for (i = 0; i < array_size(bad); i++)
		(void)parse_bytes(bad[i].xml, strlen(bad[i].xml), &domain, &error);
	(void)fflush(NULL);
	ck_assert(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	(void)close(out);
	(void)close(err);
	(void)close(file);
}
