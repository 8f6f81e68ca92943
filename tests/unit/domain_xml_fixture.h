/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of domain XML, and a parser whose promises are checked each time. */
#ifndef VMPOWER_TESTS_UNIT_DOMAIN_XML_FIXTURE_H
#define VMPOWER_TESTS_UNIT_DOMAIN_XML_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "xml/domain_xml.h"

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

/* A copy of exact size, so that the sanitizer sees a read beyond its end. */
static inline int parse_bytes(const char *xml, size_t size, struct domain_description **domain,
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

#endif
