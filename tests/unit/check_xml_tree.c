/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents made to cost time and memory, and excerpts of them in error texts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/domain_xml_fixture.h"
#include "tests/unit/runner.h"

TEST(nul_bytes)
{
	static const char inside[] = RUNNING(VCPU "<a>\0</a>");
	static const char behind[] = RUNNING(VCPU);
	static const char utf16[] = "\xff\xfe<\0d\0o\0m\0a\0i\0n\0/\0>";
	struct domain_description *domain;
	struct xml_error error;

	ck_assert_int_eq(parse_bytes(inside, sizeof(inside) - 1, &domain, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "NUL"));
	ck_assert_int_eq(parse_bytes(behind, sizeof(behind), &domain, &error), -EINVAL);
	ck_assert_int_eq(parse_bytes(utf16, sizeof(utf16), &domain, &error), -EINVAL);
}

/* A document: @head, @n times @unit with its number as %u, @tail. */
static char *repeat(const char *head, const char *unit, size_t n, const char *tail, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);
	size_t i;

	ck_assert_ptr_nonnull(f);
	(void)fputs(head, f);
	for (i = 0; i < n; i++) {
		const char *at = strstr(unit, "%u");

		if (at)
			(void)fprintf(f, "%.*s%zu%s", (int)(at - unit), unit, i, at + 2);
		else
			(void)fputs(unit, f);
	}
	(void)fputs(tail, f);
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

#define OPEN "<domain id='1'>" NAME_UUID VCPU
#define CLOSE "</domain>"

static const struct {
	const char *head, *unit;
	size_t n;
	const char *tail;
	long result;
	const char *text;
} repeated[] = {
	{OPEN, "<a>", 239, "", -EINVAL, "well-formed"}, /* deep, but not too deep to look at */
	{OPEN, "<a>", 240, "", -E2BIG, "more than 240 nested elements"},
	{OPEN, "<a>", 1000000, "", -E2BIG, "nested elements"},
	{OPEN, "<a b='/>'>", 240, "", -E2BIG, "nested elements"},
	{OPEN, "<a></a><a/>", 1000, CLOSE, 0, NULL},
	{OPEN, "<a/>", 32768, CLOSE, -E2BIG, "more than 32768 elements"},
	{OPEN "<a", " a%u='>'", 64, "/>" CLOSE, 0, NULL},
	{OPEN "<a", " a%u='>'", 65, "/>" CLOSE, -E2BIG, "more than 64 attributes in an element"},
	{OPEN "<a", " a%u=\"'\"", 300000, "/>" CLOSE, -E2BIG,
	 "more than 64 attributes in an element"},
	{OPEN, "<a b='' c='' d=''/>", 22000, CLOSE, -E2BIG, "more than 65536 attributes"},
	{OPEN, "<n:a xmlns:n='urn:n'/>", 256, CLOSE, 0, NULL},
	{OPEN, "<n:a xmlns:n='urn:n'/>", 257, CLOSE, -E2BIG, "more than 256 namespaces"},
	/* libxml2 and the bounds see different tags here: parsing must stop at the error */
	{OPEN "<a b\"><x", " a%u=''", 300000, "/>\"/>" CLOSE, -EINVAL, "well-formed"},
	{OPEN "<!--", "0123456789", 400000, "-->" CLOSE, 0, NULL},
	{OPEN "<a>", "0123456789", 400000, "</a>" CLOSE, 0, NULL},
	{OPEN "<a><![CDATA[", "<<<<<<<<<<", 400000, "]]></a>" CLOSE, 0, NULL},
	{OPEN "<a b='", "0123456789", 400000, "'/>" CLOSE, 0, NULL},
	{OPEN "<a>", "&amp;", 400000, "</a>" CLOSE, 0, NULL},
	{OPEN "<a>", "0123456789", 500000, "</a>" CLOSE, -E2BIG, "bytes, more than 4194304"},
	{"<domain id='1'>" NAME_UUID "<vcpu cpuset='0", ",0-4095", 500000, "'>1</vcpu></domain>", 0,
	 NULL},
	{OPEN "<devices>", CHANNEL("%u", "/a"), 64, "</devices>" CLOSE, 0, NULL},
	{OPEN "<devices>", CHANNEL("%u", "/a"), 65, "</devices>" CLOSE, 0,
	 "more than 64 channels virtio.serial.port.poweragent.<n>: the first 64 are served"},
	{"<domain>" NAME_UUID "<vcpu cpuset='7'>1024</vcpu><cputune>",
	 "<vcpupin vcpu='%u' cpuset='3'/>", 1024, "</cputune>" CLOSE, 0, NULL},
	{"<domain>" NAME_UUID "<vcpu cpuset='7'>2</vcpu><cputune>",
	 "<vcpupin vcpu='%u' cpuset='3'/>", 10000, "</cputune>" CLOSE, 0, NULL},
};

TEST_EACH(large_documents, repeated)
{
	struct domain_description *domain;
	struct xml_error error;
	size_t size;
	char *xml = repeat(repeated[_i].head, repeated[_i].unit, repeated[_i].n, repeated[_i].tail,
			   &size);
	int r = parse_bytes(xml, size, &domain, &error);

	free(xml);
	ck_assert_msg(r == repeated[_i].result, "%d %s", r, error.text);
	if (repeated[_i].text)
		ck_assert_msg(strstr(r < 0 ? error.text : domain->problem, repeated[_i].text), "%s",
			      error.text);
	domain_description_free(domain);
}

/* libvirt allows 200 layers in a disk's chain, each an element inside the one above. */
TEST(disk_chain)
{
	static const char layer[] =
		"<backingStore type='file' index='%u'><format type='qcow2'/><source file='/a'>"
		"<reservations managed='yes'><source type='unix' "
		"path='/p'/></reservations></source>";
	struct domain_description *domain;
	struct xml_error error;
	char *head, *tail, *xml;
	size_t size;
	int r;

	head = repeat(OPEN "<devices><disk type='file'>", layer, 200, "", &size);
	tail = repeat("", "</backingStore>", 200, "</disk>" CHANNEL("0", "/a") "</devices>" CLOSE,
		      &size);
	ck_assert_int_gt(asprintf(&xml, "%s%s", head, tail), 0);
	r = parse_bytes(xml, strlen(xml), &domain, &error);
	ck_assert_msg(r == 0, "%s", error.text);
	ck_assert_uint_eq(domain->n_channels, 1);
	domain_description_free(domain);
	free(head);
	free(tail);
	free(xml);
}

/* Foreign text in an error is cut between characters: the error may end up in JSON. */
TEST(excerpts_are_whole_characters)
{
	struct domain_description *domain;
	struct xml_error error;
	size_t size;
	unsigned int shift;

	for (shift = 0; shift < 3; shift++) {
		static const char *const heads[] = {OPEN "<devices><channel type='",
						    OPEN "<devices><channel type='a",
						    OPEN "<devices><channel type='ab"};
		char *xml = repeat(heads[shift], "\xe2\x82\xac", 100,
				   "'>" TARGET("1") "</channel></devices></domain>", &size);
		const char *dots;

		ck_assert_int_eq(parse_bytes(xml, size, &domain, &error), 0);
		free(xml);
		dots = strstr(domain->problem, "\xe2\x82\xac...': make it type='unix'");
		ck_assert_msg(dots, "%s", domain->problem);
		domain_description_free(domain);
	}
}
