/* SPDX-License-Identifier: BSD-3-Clause */
/* The same on the kernel's own devices, in a private network: where that is not allowed, nothing.
 */
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "helper/manager/traffic/vf_query.h"
#include "tests/unit/counters_fixture.h"

#define QUEUE 50 /* packets that a device keeps for a guest that does not read */
#define SENT 300

static bool allowed;
static int control = -1; /* any socket, for requests about devices */

/* The host has nothing to say on these devices. */
static void keep_quiet(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ck_assert_int_eq(write(fd, "1", 1), 1);
	(void)close(fd);
}

/* sysfs shows the devices of the network in which it is mounted. */
static void set_up(void)
{
	char path[96];

	net_tree_set_up();
	(void)snprintf(path, sizeof(path), "%s/sys", net_root);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	allowed = access("/dev/net/tun", R_OK | W_OK) == 0 &&
		  unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
		  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		  mount("sysfs", path, "sysfs", 0, NULL) == 0;
	if (allowed) {
		keep_quiet();
		control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ck_assert_int_ge(control, 0);
	}
	traffic_make(path);
}

static void tear_down(void)
{
	char path[96];

	traffic_free(traffic);
	loop_free(loop);
	(void)snprintf(path, sizeof(path), "%s/sys", net_root);
	if (allowed)
		ck_assert_int_eq(umount(path), 0);
	net_tree_tear_down();
}

static struct ifreq request_for(const char *device)
{
	struct ifreq request = {.ifr_flags = 0};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	return request;
}

static void bring_up(const char *device)
{
	struct ifreq request = request_for(device);

	request.ifr_qlen = QUEUE;
	ck_assert_int_eq(ioctl(control, SIOCSIFTXQLEN, &request), 0);
	request = request_for(device);
	request.ifr_flags = IFF_UP;
	ck_assert_int_eq(ioctl(control, SIOCSIFFLAGS, &request), 0);
}

/* Return: QEMU's end of it. */
static int make_tap(const char *device)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = request_for(device);

	ck_assert_int_ge(fd, 0);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	ck_assert_int_eq(ioctl(fd, TUNSETIFF, &request), 0);
	bring_up(device);
	return fd;
}

static void send_packets(const char *device, int n)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to,
					sizeof(to)),
				 sizeof(frame));
	(void)close(fd);
}

static void count_tap(const char *device)
{
	const struct domain_interface interface = tap_of(device);

	set_domain(DOMAIN, &interface, 1);
	want(DOMAIN, true);
	(void)await_samples(DOMAIN, 0, 1);
}

FIXTURE(set_up, tear_down)
TIMEOUT(20)

/* The load that a guest at its lowest frequency can't take must be seen. */
TEST(packets_that_the_guest_does_not_read)
{
	int guest;

	if (!allowed)
		return;
	guest = make_tap("vnet0");
	count_tap("vnet0");
	send_packets("vnet0", SENT);
	wait_for(sample_in(DOMAIN, 0).drops >= SENT - QUEUE);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
	(void)close(guest);
}

static void read_packets(int guest, int n)
{
	char frame[256];

	for (int i = 0; i < n; i++)
		ck_assert_int_gt(read(guest, frame, sizeof(frame)), 0);
}

TEST(packets_that_the_guest_reads)
{
	uint64_t dropped;
	int guest;

	if (!allowed)
		return;
	guest = make_tap("vnet0");
	count_tap("vnet0");
	dropped = sample_in(DOMAIN, 0).drops;
	send_packets("vnet0", QUEUE);
	read_packets(guest, QUEUE);
	wait_for(sample_in(DOMAIN, 0).pps > 0);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).drops, dropped);
	(void)close(guest);
}

TEST(a_device_that_is_gone)
{
	int guest;

	if (!allowed)
		return;
	guest = make_tap("vnet0");
	count_tap("vnet0");
	(void)close(guest);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(changed_domain, DOMAIN);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_DEVICE);
	ck_assert_uint_eq(sample_in(DOMAIN, 0).valid_until_ns, 0);
	/* one of the same name may be anybody's, until the domain's XML is read again */
	guest = make_tap("vnet0");
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_DEVICE);
	count_tap("vnet0");
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
	(void)close(guest);
}

/* The XML with the new device may be read before it is noticed that the old one is gone. */
TEST(a_device_that_was_replaced)
{
	int guest;

	if (!allowed)
		return;
	traffic_set_intervals(traffic, &(struct traffic_intervals){300, 300});
	guest = make_tap("vnet0");
	count_tap("vnet0");
	(void)close(guest);
	guest = make_tap("vnet0");
	count_tap("vnet0");
	send_packets("vnet0", SENT);
	wait_for(sample_in(DOMAIN, 0).drops > 0);
	ck_assert_int_eq(why(DOMAIN, 0), NO_COUNTER_NONE);
	(void)close(guest);
}

TEST(a_macvtap_device_is_counted)
{
	const struct domain_interface interfaces[] = {
		interface_of(INTERFACE_DIRECT, "macvtap0"),
		interface_of(INTERFACE_UNMANAGED, "macvtap0")};

	if (!allowed || system("exec 2>&-; PATH=$PATH:/sbin:/usr/sbin; "
			       "ip link add va type veth peer name vb && "
			       "ip link add link vb name macvtap0 type macvtap mode bridge") != 0)
		return;
	bring_up("va");
	bring_up("vb");
	bring_up("macvtap0");
	set_domain(DOMAIN, interfaces, 2);
	want(DOMAIN, true);
	(void)await_samples(DOMAIN, 0, 1);
	(void)await_samples(DOMAIN, 1, 1);
	send_packets("va", SENT);
	wait_for(sample_in(DOMAIN, 0).pps > 0);
	for (int slot = 0; slot < 2; slot++) {
		send_packets("va", SENT);
		wait_for(sample_in(DOMAIN, slot).pps > 0);
	}
}

TEST(the_kernel_answers_about_functions)
{
	struct vf_stats stats;

	if (!allowed)
		return;
	ck_assert_int_eq(vf_query((int)if_nametoindex("lo"), &stats), 0);
	ck_assert_uint_eq(stats.n_vfs, 0);
	ck_assert(!stats.vfs[0].present);
	ck_assert_int_eq(vf_query(12345, &stats), -ENODEV);
}
