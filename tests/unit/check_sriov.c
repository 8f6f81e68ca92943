/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a virtual function is, by trees as sysfs has them. */
#include "helper/manager/traffic/sriov.h"

#include "tests/unit/net_tree.h"
#include "tests/unit/runner.h"

static const struct pci_address third = {.bus = 0x3b, .slot = 0x10, .function = 2};
static struct virtual_function function;

static enum no_counter find(const struct pci_address *address)
{
	memset(&function, 0xff, sizeof(function));
	return sriov_find(net_root, address, &function);
}

FIXTURE(net_tree_set_up, net_tree_tear_down)

TEST(a_function_of_i40e)
{
	net_add_physical("3b", "i40e", 11);
	net_add_device("3b", "enp59s0f0", "7", NULL);
	ck_assert_int_eq(sriov_can_count(net_root, &third), NO_COUNTER_NONE);
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert_uint_eq(function.vf, 2);
	ck_assert_int_eq(function.ifindex, 7);
	ck_assert_str_eq(function.physical, "0000:3b:00.0");
	ck_assert_str_eq(function.driver, "i40e");
	ck_assert(function.counts);
	ck_assert_str_eq(function.representor, "");
	ck_assert_uint_eq(function.least_ms, 0);
	ck_assert_int_eq(find(&(struct pci_address){.bus = 0x3b, .slot = 0x11, .function = 1}),
			 NO_COUNTER_NONE);
	ck_assert_uint_eq(function.vf, 9);
}

TEST(a_driver_that_is_not_known_to_count)
{
	net_add_physical("3b", "igb", 3);
	net_add_device("3b", "enp59s0f0", "7", NULL);
	ck_assert_int_eq(sriov_can_count(net_root, &third), NO_COUNTER_DRIVER);
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert(!function.counts);
	ck_assert_int_eq(function.ifindex, 7);
}

TEST(a_driver_whose_counters_move_seldom)
{
	net_add_physical("3b", "ixgbe", 3);
	net_add_device("3b", "enp59s0f0", "7", NULL);
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert_uint_eq(function.least_ms, 4000);
}

/* mlx5 in switchdev mode: representors are devices of the physical function as well. */
static void add_switchdev(const char *driver)
{
	net_add_physical("3b", driver, 4);
	net_add_device("3b", "pf0vf2", "3", "pf0vf2"); /* a lower index than the port's */
	net_add_device("3b", "ens1np0", "7", "p0");
	net_add_device("3b", "eth5", "8", "pf0vf12");
	net_add_device("3b", "eth6", "2", "pf0sf2");
	net_add_device("3b", "eth7", "1", "c1pf0vf2");
	net_add_device("3b", "eth8", "9", "pf0vf1");
}

TEST(a_representor_of_mlx5)
{
	add_switchdev("mlx5_core");
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert_str_eq(function.representor, "pf0vf2");
	ck_assert_int_eq(function.view, VIEW_SWAPPED);
	ck_assert_int_eq(function.ifindex, 7);
}

TEST(a_representor_of_ice)
{
	add_switchdev("ice");
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert_str_eq(function.representor, "pf0vf2");
	ck_assert_int_eq(function.view, VIEW_SAME);
}

/* Those of bnxt count only what passes through the host. */
TEST(a_representor_that_does_not_count)
{
	add_switchdev("bnxt_en");
	ck_assert_int_eq(find(&third), NO_COUNTER_NONE);
	ck_assert_str_eq(function.representor, "");
	ck_assert_int_eq(function.ifindex, 7);
	ck_assert(!function.counts);
}

TEST(a_physical_function_without_a_device)
{
	net_add_physical("3b", "vfio-pci", 3);
	ck_assert_int_eq(sriov_can_count(net_root, &third), NO_COUNTER_DRIVER);
	ck_assert_int_eq(find(&third), NO_COUNTER_PHYSICAL);
}

TEST(no_virtual_function)
{
	const struct pci_address physical = {.bus = 0x3b};

	ck_assert_int_eq(find(&third), NO_COUNTER_FUNCTION);
	ck_assert_int_eq(sriov_can_count(net_root, &third), NO_COUNTER_FUNCTION);
	net_add_physical("3b", "i40e", 2);
	net_add_device("3b", "enp59s0f0", "7", NULL);
	ck_assert_int_eq(find(&third), NO_COUNTER_FUNCTION);
	ck_assert_int_eq(find(&physical), NO_COUNTER_FUNCTION);
	ck_assert_int_eq(sriov_can_count(net_root, &physical), NO_COUNTER_FUNCTION);
}

TEST(a_domain_of_five_digits)
{
	const struct pci_address address = {.domain = 0x10000, .bus = 1, .slot = 2, .function = 3};

	net_link("bus/pci/devices/10000:01:02.3/physfn", "../10000:01:00.0");
	net_link("bus/pci/devices/10000:01:00.0/virtfn0", "../10000:01:02.3");
	net_link("bus/pci/devices/10000:01:00.0/driver", "../drivers/ice");
	net_put("bus/pci/devices/10000:01:00.0/net/eth0/ifindex", "12");
	ck_assert_int_eq(find(&address), NO_COUNTER_NONE);
	ck_assert_str_eq(function.physical, "10000:01:00.0");
	ck_assert_int_eq(function.ifindex, 12);
}

/* --- files of counters ------------------------------------------------------------------ */

static struct statistics statistics = NO_STATISTICS;

static struct packet_counts read_view(enum statistics_view view)
{
	struct packet_counts counts;

	ck_assert_int_eq(statistics_open(&statistics, net_root, "vnet0", view), 0);
	ck_assert_int_eq(statistics_read(&statistics, true, &counts), 0);
	statistics_close(&statistics);
	ck_assert(!statistics_are_open(&statistics));
	return counts;
}

static void add_counted(void)
{
	net_count("vnet0", "rx_packets", 1000);
	net_count("vnet0", "rx_dropped", 1);
	net_count("vnet0", "tx_packets", 200);
	net_count("vnet0", "tx_dropped", 3);
}

static const struct {
	enum statistics_view view;
	uint64_t to_guest, drops, from_guest;
} views[] = {
	{VIEW_SWAPPED, 203, 3, 1000},
	{VIEW_MACVTAP, 1000, 1, 200},
	{VIEW_SAME, 1001, 1, 200},
};

TEST_EACH(a_view_is_the_guests, views)
{
	struct packet_counts counts;

	add_counted();
	counts = read_view(views[_i].view);
	ck_assert_uint_eq(counts.to_guest, views[_i].to_guest);
	ck_assert_uint_eq(counts.drops, views[_i].drops);
	ck_assert_uint_eq(counts.from_guest, views[_i].from_guest);
}

static const struct {
	const char *text;
	uint64_t value;
	int error;
} numbers[] = {
	{"18446744073709551615", UINT64_MAX, 0},
	{"0", 0, 0},
	{"18446744073709551616", 0, -EBADMSG},
	{"99999999999999999999", 0, -EBADMSG},
	{"", 0, -EBADMSG},
	{"-1", 0, -EBADMSG},
	{"1 ", 0, -EBADMSG},
	{"0x10", 0, -EBADMSG},
	{"00000000000000000000000000000000007", 0, -EBADMSG},
};

TEST_EACH(a_counter_is_a_number, numbers)
{
	struct packet_counts counts;

	net_count("vnet1", "tx_packets", 0);
	net_count("vnet1", "tx_dropped", 0);
	net_put("class/net/vnet1/statistics/rx_packets", numbers[_i].text);
	ck_assert_int_eq(statistics_open(&statistics, net_root, "vnet1", VIEW_SWAPPED), 0);
	ck_assert_int_eq(statistics_read(&statistics, true, &counts), numbers[_i].error);
	if (numbers[_i].error == 0)
		ck_assert_uint_eq(counts.from_guest, numbers[_i].value);
	statistics_close(&statistics);
}

TEST(a_device_that_is_not_there)
{
	ck_assert(!statistics_exist(net_root, "vnet0"));
	ck_assert_int_eq(statistics_open(&statistics, net_root, "vnet0", VIEW_SWAPPED), -ENOENT);
	ck_assert(!statistics_are_open(&statistics));
	net_count("vnet0", "tx_packets", 1); /* others are missing */
	ck_assert(statistics_exist(net_root, "vnet0"));
	ck_assert_int_eq(statistics_open(&statistics, net_root, "vnet0", VIEW_SWAPPED), -ENOENT);
	ck_assert(!statistics_are_open(&statistics));
	ck_assert_int_eq(statistics.drops, -1);
}

TEST(a_tap_device_has_flags)
{
	add_counted();
	ck_assert(!device_is_tap(net_root, "vnet0"));
	net_put("class/net/vnet0/tun_flags", "0x1002");
	ck_assert(device_is_tap(net_root, "vnet0"));
}
