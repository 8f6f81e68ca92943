/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is told of interfaces, and whose packets are counted for it. */
#include "helper/manager/domains/domains_private.h"
#include "helper/manager/traffic/link_interfaces.h"
#include "tests/unit/domains_stage.h"
#include "tests/unit/run_turn.h"
#include "tests/unit/runner.h"

#define TAP(device, mac)                                                                           \
	"<interface type='bridge'><mac address='" mac "'/><target dev='" device "'/></interface>"
#define DOMAIN(interfaces)                                                                         \
	"<domain id='1'><name>vm</name><uuid>" UUID "</uuid><vcpu>1</vcpu><devices>" interfaces    \
	"</devices></domain>"
#define FIRST TAP("vnet0", "52:54:00:00:00:01")
#define SECOND TAP("vnet1", "52:54:00:00:00:02")

static void make_device(const char *device)
{
	static const char *const parts[] = {"/class", "/class/net", "/class/net/%s",
					    "/class/net/%s/statistics"};
	static const char *const files[] = {"tx_packets", "tx_dropped", "rx_packets", "rx_dropped"};
	char path[512];
	FILE *file;

	for (size_t i = 0; i < array_size(parts); i++) {
		int n = snprintf(path, sizeof(path), "%s", config.sysfs);

		(void)snprintf(path + n, sizeof(path) - (size_t)n, parts[i], device);
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
	}
	for (size_t i = 0; i < array_size(files); i++) {
		char name[600];

		(void)snprintf(name, sizeof(name), "%s/%s", path, files[i]);
		file = fopen(name, "we");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_gt(fprintf(file, "5\n"), 0);
		ck_assert_int_eq(fclose(file), 0);
	}
}

static void begin(void)
{
	has_room = true;
	set_up();
	make_device("vnet0");
	make_device("vnet1");
	n_sent = 0;
}

FIXTURE(begin, tear_down)

static const struct link_message *last(enum link_type type)
{
	for (size_t i = n_sent; i-- > 0;)
		if (sent[i].type == type)
			return &sent[i];
	return NULL;
}

static void wish(uint32_t domain, bool wanted)
{
	const struct link_message message = {
		.type = LINK_TRAFFIC_WANTED,
		.traffic_wanted = {.domain = domain, .wanted = wanted},
	};

	handlers.message(handlers.context, &message);
}

TEST(interfaces_come_with_their_domain)
{
	const uint8_t counted = INTERFACE_PRESENT | INTERFACE_COUNTED;
	const struct link_message *told;

	hook(DOMAIN(FIRST TAP("vnet7", "52:54:00:00:00:07")));
	ck_assert_uint_eq(sent[0].type, LINK_DOMAIN_ADD);
	ck_assert_uint_eq(sent[1].type, LINK_VCPUS_SET);
	ck_assert_uint_eq(sent[2].type, LINK_INTERFACES);
	told = &sent[2];
	ck_assert_uint_eq(told->interfaces.slots[0].flags & counted, counted);
	ck_assert_uint_eq(told->interfaces.slots[0].mac[5], 1);
	/* there is no such device */
	ck_assert_uint_eq(told->interfaces.slots[1].flags & counted, INTERFACE_PRESENT);
	ck_assert_uint_eq(told->interfaces.slots[2].flags, 0);
	n_sent = 0;
	hook(DOMAIN("")); /* all are unplugged */
	told = last(LINK_INTERFACES);
	ck_assert_ptr_nonnull(told);
	ck_assert_uint_eq(told->interfaces.slots[0].flags, 0);
}

TEST(without_interfaces_nothing_is_told)
{
	hook(DOMAIN(""));
	ck_assert_ptr_null(last(LINK_INTERFACES));
	wish(0, true);
	wish(0, false);
	ck_assert_int_eq(traffic_area_fd(domains->traffic) < 0 || last(LINK_TRAFFIC_AREA), 1);
}

TEST(the_area_follows_the_first_wish)
{
	hook(DOMAIN(FIRST));
	ck_assert_ptr_null(last(LINK_TRAFFIC_AREA));
	wish(0, true);
	ck_assert_ptr_nonnull(last(LINK_TRAFFIC_AREA));
	ck_assert_int_ge(traffic_area_fd(domains->traffic), 0);
	n_sent = 0;
	wish(0, true);
	ck_assert_ptr_null(last(LINK_TRAFFIC_AREA));
	/* the next monitor gets it before it hears of domains */
	handlers.started(handlers.context, true);
	ck_assert_uint_eq(sent[0].type, LINK_TRAFFIC_AREA);
	ck_assert_ptr_nonnull(last(LINK_INTERFACES));
	wish(0, false);
	wish(MAX_DOMAINS - 1, true); /* of one that is gone */
}

TEST(names_of_interfaces)
{
	struct domain_interface interface = {.target = "vnet1", .mac = {0x52, 0x54, 0, 0xa, 0, 1}};

	ck_assert(interface_is_named(&interface, "all"));
	ck_assert(interface_is_named(&interface, "vnet1"));
	ck_assert(interface_is_named(&interface, "vnet0 52:54:00:0a:00:01"));
	ck_assert(!interface_is_named(&interface, "vnet11 vnet vnet0"));
	ck_assert(!interface_is_named(&interface, "52:54:00:0a:00:02"));
	ck_assert(!interface_is_named(&interface, ""));
	interface.target[0] = '\0';
	ck_assert(!interface_is_named(&interface, "vnet1 "));
}
