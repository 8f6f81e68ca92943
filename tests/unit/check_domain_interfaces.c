/* SPDX-License-Identifier: BSD-3-Clause */
/* The interfaces of a domain, as libvirt writes them in the XML of a running one. */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "tests/unit/domain_xml_fixture.h"
#include "tests/unit/runner.h"

#define MAC "<mac address='52:54:00:1a:2B:3c'/>"
#define PCI(x)                                                                                     \
	"<interface type='hostdev' managed='yes'>" MAC "<source>" x "</source>"                    \
	"<address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></interface>"

static struct domain_description *parse(const char *xml)
{
	struct domain_description *domain;
	struct xml_error error;

	ck_assert_int_eq(parse_bytes(xml, strlen(xml), &domain, &error), 0);
	return domain;
}

static const struct {
	const char *xml;
	struct domain_interface expected;
} kinds[] = {
	{"<interface type='bridge'>" MAC "<source bridge='br0'/><virtualport type='openvswitch'>"
	 "<parameters interfaceid='a'/></virtualport><target dev='vnet3'/><model type='virtio'/>"
	 "<driver name='vhost' queues='4'/><alias name='net0'/></interface>",
	 {.kind = INTERFACE_TAP, .target = "vnet3", .model = "virtio"}},
	{"<interface type='network'>" MAC "<source network='default' portid='x' bridge='virbr0'/>"
	 "<target dev='vnet4'/><model type='e1000e'/></interface>",
	 {.kind = INTERFACE_TAP, .target = "vnet4", .model = "e1000e"}},
	{"<interface type='ethernet'>" MAC "<target dev='tapf00'/></interface>",
	 {.kind = INTERFACE_TAP, .target = "tapf00"}},
	{"<interface type='ethernet'>" MAC "<target dev='mv0' managed='no'/></interface>",
	 {.kind = INTERFACE_UNMANAGED, .target = "mv0"}},
	{"<interface type='ethernet'>" MAC "<target dev='tap9' managed='yes'/></interface>",
	 {.kind = INTERFACE_TAP, .target = "tap9"}},
	{"<interface type='direct'>" MAC "<source dev='eth0' mode='passthrough'/>"
	 "<target dev='macvtap0'/><model type='virtio'/></interface>",
	 {.kind = INTERFACE_DIRECT, .target = "macvtap0", .model = "virtio"}},
	{"<interface type='vhostuser'>" MAC "<source type='unix' path='/run/vhu0' mode='server'/>"
	 "<target dev='vhu0'/><model type='virtio'/></interface>",
	 {.kind = INTERFACE_VHOSTUSER, .target = "vhu0", .model = "virtio"}},
	{"<interface type='user'>" MAC "<model type='virtio-net-pci-of-some-kind'/></interface>",
	 {.kind = INTERFACE_USER}},
	{"<interface type='vdpa'>" MAC "<source dev='/dev/vhost-vdpa-0'/></interface>",
	 {.kind = INTERFACE_VDPA}},
	{"<interface type='null'>" MAC "</interface>", {.kind = INTERFACE_OTHER}},
	{"<interface>" MAC "</interface>", {.kind = INTERFACE_OTHER}},
	{PCI("<address type='pci' domain='0x0000' bus='0x3b' slot='0x1f' function='0x7'/>"),
	 {.kind = INTERFACE_HOSTDEV, .has_source = true, .source = {0, 0x3b, 0x1f, 7}}},
	{PCI("<address type='pci' domain='0x10001' bus='59' slot='2' function='1'/>"),
	 {.kind = INTERFACE_HOSTDEV, .has_source = true, .source = {0x10001, 59, 2, 1}}},
	{PCI("<address type='usb' bus='1' device='2'/>"), {.kind = INTERFACE_HOSTDEV}},
	{PCI(""), {.kind = INTERFACE_HOSTDEV}},
	/* no names of devices */
	{"<interface type='bridge'>" MAC "<target dev='../../lo'/></interface>",
	 {.kind = INTERFACE_TAP}},
	{"<interface type='bridge'>" MAC "<target dev='sixteen-letters-'/></interface>",
	 {.kind = INTERFACE_TAP}},
	{"<interface type='bridge'>" MAC "<target dev='..'/></interface>", {.kind = INTERFACE_TAP}},
	{"<interface type='bridge'>" MAC "<target dev=''/></interface>", {.kind = INTERFACE_TAP}},
	{"<interface type='bridge'>" MAC "</interface>", {.kind = INTERFACE_TAP}},
};

TEST_EACH(is_read, kinds)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0x1a, 0x2b, 0x3c};
	const struct domain_interface *expected = &kinds[_i].expected, *read;
	struct domain_description *domain;
	char xml[2048];

	(void)snprintf(xml, sizeof(xml), DEVICES("%s"), kinds[_i].xml);
	domain = parse(xml);
	ck_assert_str_eq(domain->problem, "");
	ck_assert_uint_eq(domain->n_interfaces, 1);
	read = &domain->interfaces[0];
	ck_assert_int_eq(read->kind, expected->kind);
	ck_assert_mem_eq(read->mac, mac, sizeof(mac));
	ck_assert_str_eq(read->target, expected->target);
	ck_assert_str_eq(read->model, expected->model);
	ck_assert_int_eq(read->has_source, expected->has_source);
	ck_assert_uint_eq(read->source.domain, expected->source.domain);
	ck_assert_uint_eq(read->source.bus, expected->source.bus);
	ck_assert_uint_eq(read->source.slot, expected->source.slot);
	ck_assert_uint_eq(read->source.function, expected->source.function);
	domain_description_free(domain);
}

static const struct {
	const char *xml, *problem;
} bad[] = {
	{"<interface type='bridge'/>", "<mac address=''>"},
	{"<interface type='bridge'><mac address='52:54:00:00:00'/></interface>", "52:54:00:00:00"},
	{"<interface type='bridge'><mac address='52:54:00:00:00:0'/></interface>", "must have"},
	{"<interface type='bridge'><mac address='52:54:00:00:00:000'/></interface>", "must have"},
	{"<interface type='bridge'><mac address='52-54-00-00-00-00'/></interface>", "must have"},
	{"<interface type='bridge'><mac address='52:54:00:00:00:0g'/></interface>", "must have"},
	{"<interface type='bridge'>" MAC MAC "</interface>", "<mac>"},
	{"<interface type='bridge'>" MAC "<target/><target/></interface>", "<target>"},
	{PCI("<address type='pci' bus='0x100'/>"), "up to 0xff"},
	{PCI("<address type='pci' slot='0x20'/>"), "up to 0x1f"},
	{PCI("<address type='pci' function='8'/>"), "up to 0x7"},
	{PCI("<address type='pci' domain='0x100000000'/>"), "up to 0xffffffff"},
	{PCI("<address type='pci' bus='-1'/>"), "bus='-1'"},
	{PCI("<address type='pci' bus=''/>"), "bus=''"},
	{PCI("<address type='pci' bus='0x3b '/>"), "bus='0x3b '"},
};

TEST_EACH(costs_only_itself, bad)
{
	struct domain_description *domain;
	char xml[2048];

	(void)snprintf(xml, sizeof(xml),
		       DEVICES("%s<interface type='user'>" MAC "</interface>"
			       "%s" CHANNEL("1", "/run/1")),
		       bad[_i].xml, bad[_i].xml);
	domain = parse(xml);
	ck_assert_msg(strstr(domain->problem, bad[_i].problem), "%s", domain->problem);
	ck_assert_uint_eq(domain->n_problems, 2);
	ck_assert_uint_eq(domain->n_interfaces, 1);
	ck_assert_int_eq(domain->interfaces[0].kind, INTERFACE_USER);
	ck_assert_uint_eq(domain->n_channels, 1);
	domain_description_free(domain);
}

TEST(the_first_ones_are_kept)
{
	struct domain_description *domain =
		parse(DEVICES(TEN("<interface type='user'>" MAC "</interface>")
				      TEN("<interface type='vdpa'>" MAC "</interface>")));

	ck_assert_str_eq(domain->problem, "");
	ck_assert_uint_eq(domain->n_interfaces, MAX_DOMAIN_INTERFACES);
	ck_assert_uint_eq(domain->n_more_interfaces, 20 - MAX_DOMAIN_INTERFACES);
	ck_assert_int_eq(domain->interfaces[9].kind, INTERFACE_USER);
	ck_assert_int_eq(domain->interfaces[10].kind, INTERFACE_VDPA);
	domain_description_free(domain);
}

TEST(none_without_devices)
{
	struct domain_description *domain = parse(RUNNING(VCPU));

	ck_assert_uint_eq(domain->n_interfaces, 0);
	domain_description_free(domain);
}
