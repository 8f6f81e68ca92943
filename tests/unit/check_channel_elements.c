/* SPDX-License-Identifier: BSD-3-Clause */
/* Power channels in a domain's XML are found verbatim; other channels are ignored. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/commands/channel_elements.h"
#include "tests/unit/runner.h"

#define OURS(n, inside)                                                                            \
	"<channel type='unix'>" inside                                                             \
	"<target type='virtio' name='virtio.serial.port.poweragent." n "'/></channel>"
#define DOMAIN(attributes, devices)                                                                \
	"<domain type='kvm'" attributes "><name>a</name>"                                          \
	"<uuid>11111111-1111-1111-1111-111111111111</uuid><vcpu>4</vcpu>"                          \
	"<metadata><x xmlns='urn:x'><channel>" OURS(                                               \
		"9", "") "</channel></x></metadata><devices>" devices "</devices></domain>"

static struct channel_elements elements;
static struct xml_error error;

static int read_text(const char *xml)
{
	return channel_elements_read(xml, strlen(xml), &elements, &error);
}

TEST(channels_are_found_unchanged)
{
	static const char live[] = OURS("2", "<source mode='bind' path='/run/2'/>");

	ck_assert_int_eq(
		read_text(DOMAIN(" id='3'",
				 "<channel type='unix'><source mode='bind' path='/a'/>"
				 "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
				 "<channel type='pty'><target type='guestfwd' port='1'/></channel>"
				 "<channel type='unix'><target type='xen' "
				 "name='virtio.serial.port.poweragent.1'/></channel>"
				 "<serial type='pty'><target port='0'/></serial>" OURS(
					 "2", "<source mode='bind' path='/run/2'/>"))),
		0);
	ck_assert_uint_eq(elements.n_vcpus, 4);
	ck_assert_uint_eq(elements.n, 1);
	ck_assert_ptr_nonnull(channel_elements_find(&elements, 2));
	ck_assert_ptr_null(channel_elements_find(&elements, 9));
	/* libxml2 writes other quotes */
	for (char *c = elements.elements[0].xml; *c; c++)
		*c = *c == '"' ? '\'' : *c;
	ck_assert_str_eq(elements.elements[0].xml, live);
	channel_elements_clear(&elements);
}

TEST(inactive_ones_have_no_path)
{
	ck_assert_int_eq(read_text(DOMAIN("", OURS("0", "") OURS("3", "<source mode='bind'/>"))),
			 0);
	ck_assert_uint_eq(elements.n, 2);
	ck_assert_ptr_nonnull(channel_elements_find(&elements, 0));
	ck_assert_ptr_nonnull(channel_elements_find(&elements, 3));
	channel_elements_clear(&elements);
}

TEST(unservable_channel_is_an_error)
{
	ck_assert_int_eq(read_text(DOMAIN("", OURS("x", ""))), -EINVAL);
	ck_assert_int_eq(read_text(DOMAIN("", OURS("1", "<source mode='connect' path='/a'/>"))),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "mode='bind'"));
	ck_assert_int_eq(read_text("<domain"), -EINVAL);
	ck_assert_int_eq(read_text(""), -EINVAL);
	ck_assert_uint_eq(elements.n, 0);
}

TEST(new_channel_is_found_again)
{
	cleanup_free char *xml = channel_element_make(7), *all = NULL;

	ck_assert_ptr_nonnull(xml);
	ck_assert_int_gt(asprintf(&all,
				  "<domain type='kvm'><name>a</name>"
				  "<uuid>11111111-1111-1111-1111-111111111111</uuid>"
				  "<vcpu>8</vcpu><devices>%s</devices></domain>",
				  xml),
			 0);
	ck_assert_int_eq(read_text(all), 0);
	ck_assert_ptr_nonnull(channel_elements_find(&elements, 7));
	channel_elements_clear(&elements);
}
