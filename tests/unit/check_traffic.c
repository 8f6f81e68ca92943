/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots of interfaces, wishes, and the area: what the loop sees. */
#include <sys/mman.h>

#include "tests/unit/counters_fixture.h"

FIXTURE(traffic_set_up, traffic_tear_down)

TEST(nothing_is_open_while_nothing_is_wanted)
{
	const struct domain_interface interface = tap_of("vnet0");
	unsigned int before = n_fds();

	net_add("vnet0");
	set_domain(DOMAIN, &interface, 1);
	set_domain(DOMAIN, &interface, 1);
	ck_assert_int_eq(traffic_area_fd(traffic), -1);
	ck_assert_ptr_null(traffic_area(traffic));
	ck_assert_uint_eq(n_threads(), 1);
	ck_assert_uint_eq(n_fds(), before);
	want(DOMAIN, false);
	want(DOMAIN + 1, false);
	traffic_forget_domain(traffic, DOMAIN + 1);
	ck_assert_uint_eq(n_fds(), before);
	ck_assert_int_eq(traffic_want(traffic, DOMAIN + 1, true), -ENOENT);
}

TEST(an_interface_keeps_its_slot)
{
	struct domain_interface interfaces[] = {tap_of("vnet0"), tap_of("vnet1"), tap_of("vnet2")};

	set_domain(DOMAIN, interfaces, 3);
	ck_assert_str_eq(target_in(DOMAIN, 1), "vnet1");
	/* the first one is unplugged */
	set_domain(DOMAIN, interfaces + 1, 2);
	ck_assert_str_eq(target_in(DOMAIN, 0), "none");
	ck_assert_str_eq(target_in(DOMAIN, 1), "vnet1");
	ck_assert_str_eq(target_in(DOMAIN, 2), "vnet2");
	/* another one is plugged; the XML has it first */
	interfaces[0] = tap_of("vnet3");
	set_domain(DOMAIN, interfaces, 3);
	ck_assert_str_eq(target_in(DOMAIN, 0), "vnet3");
	ck_assert_str_eq(target_in(DOMAIN, 1), "vnet1");
	ck_assert_str_eq(target_in(DOMAIN, 2), "vnet2");
	/* the same device with another MAC is another interface */
	interfaces[1].mac[5] = 9;
	set_domain(DOMAIN, interfaces, 3);
	ck_assert_str_eq(target_in(DOMAIN, 1), "vnet1");
	traffic_forget_domain(traffic, DOMAIN);
	ck_assert_str_eq(target_in(DOMAIN, 1), "none");
}

TEST(as_many_as_there_are_slots)
{
	struct domain_interface interfaces[MAX_DOMAIN_INTERFACES];

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++)
		interfaces[i] = interface_of(INTERFACE_USER, "");
	set_domain(DOMAIN, interfaces, MAX_DOMAIN_INTERFACES);
	set_domain(DOMAIN, interfaces, MAX_DOMAIN_INTERFACES);
	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++)
		ck_assert_int_eq(why(DOMAIN, i), NO_COUNTER_USER);
	set_domain(DOMAIN, interfaces, 0);
	ck_assert_str_eq(target_in(DOMAIN, 0), "none");
}

static const struct {
	enum interface_kind kind;
	const char *target;
	enum no_counter why;
} kinds[] = {
	{INTERFACE_TAP, "vnet0", NO_COUNTER_NONE},
	{INTERFACE_UNMANAGED, "vnet0", NO_COUNTER_NONE},
	{INTERFACE_DIRECT, "vnet0", NO_COUNTER_NONE},
	{INTERFACE_TAP, "vnet1", NO_COUNTER_DEVICE},
	{INTERFACE_TAP, "", NO_COUNTER_TARGET},
	{INTERFACE_HOSTDEV, "", NO_COUNTER_TARGET},
	{INTERFACE_VHOSTUSER, "vnet0", NO_COUNTER_VHOSTUSER},
	{INTERFACE_USER, "", NO_COUNTER_USER},
	{INTERFACE_VDPA, "", NO_COUNTER_VDPA},
	{INTERFACE_OTHER, "vnet0", NO_COUNTER_KIND},
};

TEST_EACH(it_is_known_at_once_what_can_be_counted, kinds)
{
	const struct domain_interface interface = interface_of(kinds[_i].kind, kinds[_i].target);

	net_add("vnet0");
	set_domain(DOMAIN, &interface, 1);
	ck_assert_int_eq(why(DOMAIN, 0), kinds[_i].why);
	/* a thread finds the same */
	want(DOMAIN, true);
	if (kinds[_i].why == NO_COUNTER_NONE)
		(void)await_samples(DOMAIN, 0, 1);
	ck_assert_int_eq(why(DOMAIN, 0), kinds[_i].why);
}

TEST(a_function_is_looked_up_at_once)
{
	const struct domain_interface interfaces[] = {function_of(2), function_of(9)};

	net_add_physical("3b", "i40e", 3);
	set_domain(DOMAIN, interfaces, 2);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
	ck_assert_int_eq(why(DOMAIN, 1), NO_COUNTER_FUNCTION);
}

TEST_RANGE(each_reason_has_a_name_and_a_text, 0, N_NO_COUNTERS)
{
	ck_assert_uint_gt(strlen(no_counter_name((enum no_counter)_i)), 0);
	ck_assert_uint_gt(strlen(no_counter_text((enum no_counter)_i)), 10);
}

TEST(the_area_is_read_only_for_others)
{
	const struct domain_interface interface = tap_of("vnet0");
	const struct traffic_area *area;
	struct stat st;
	int fd;

	set_domain(DOMAIN, &interface, 1);
	want(DOMAIN, true);
	fd = traffic_area_fd(traffic);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), TRAFFIC_AREA_SEALS);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, sizeof(*area));
	ck_assert(mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
		  MAP_FAILED);
	ck_assert_int_lt(ftruncate(fd, 4096), 0);
	ck_assert_int_lt(ftruncate(fd, sizeof(*area) * 2), 0);
	ck_assert_int_lt(pwrite(fd, "x", 1, 0), 0);
	area = mmap(NULL, sizeof(*area), PROT_READ, MAP_SHARED, fd, 0);
	ck_assert(area != MAP_FAILED);
	ck_assert_uint_eq(area->magic, TRAFFIC_AREA_MAGIC);
	ck_assert_uint_eq(area->version, TRAFFIC_AREA_VERSION);
	ck_assert_uint_eq(area->size, sizeof(*area));
	/* sparse: one page of a domain, and the first */
	ck_assert_int_le(st.st_blocks * 512, 4 * 4096);
	ck_assert_int_eq(munmap((void *)area, sizeof(*area)), 0);
	/* it stays */
	want(DOMAIN, false);
	want(DOMAIN, true);
	ck_assert_int_eq(traffic_area_fd(traffic), fd);
}
