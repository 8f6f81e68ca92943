/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies by traffic that guests send: what they go by, when they vote, who is refused. */
#include "tests/unit/runner.h"
#include "tests/unit/traffic_fixture.h"

FIXTURE(start_traffic, end_guests)

TEST(it_follows_the_rate)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	ck_assert(said(0).policy);
	ck_assert_uint_eq(voted(0), 0); /* nothing is known yet */
	ck_assert_uint_eq(host.n_traffic_wanted, 1);
	ck_assert(host.traffic_wanted[0]);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(HIGH_PPS - MEDIUM_PPS, MEDIUM_PPS, 0); /* all of its interfaces together */
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(level_of_guest()->level, LEVEL_HIGH);
	ck_assert_uint_eq(level_of_guest()->pps, HIGH_PPS);
	counted(MEDIUM_PPS, 0, 0);
	counted(MEDIUM_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_gt(level_of_guest()->below_since_ns, 0);
	counted(MEDIUM_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	for (int i = 0; i < 3; i++)
		counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(voted(1), 0); /* a neighbour has no part in it */
	ck_assert_uint_eq(host.n_traffic_wanted, 1);
}

TEST(drops_alone_take_it_to_the_top)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(100, 0, 5); /* before it looked first: anybody's */
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(100, 0, 1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	counted(100, 0, 0);
	counted(100, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	counted(100, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

/* DPDK's host reads the port of a MAC's index, and shares counts between policies. */
TEST(it_goes_by_the_interfaces_that_it_names)
{
	ck_assert_uint_eq(send_traffic(guest, 1, &macs[1]), GUEST_ACK);
	counted(HIGH_PPS, 0, 3);
	counted(HIGH_PPS, 0, 3);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(0, HIGH_PPS, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

/* DPDK's host counts a shared port against whichever policy looked last: wrong rates for both. */
TEST(two_policies_share_an_interface)
{
	static struct shared_traffic *second_vcpu;

	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 0;
	send_message(NULL, 0);
	close_fd(&guest);
	close_fd(&second);
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = (struct link_domain){
		.n_vcpus = 2, .settings.commands = COMMANDS_ALL, .name = "two"};
	send_message(NULL, 0);
	for (uint32_t v = 0; v < 2; v++) {
		host.message.type = LINK_VCPUS_SET;
		host.message.vcpus =
			(struct link_vcpus){.first = v, .n = 1, .flags = VCPU_MAY_VOTE};
		cpuset_add(&host.message.vcpus.frequency_domains, v);
		send_message(NULL, 0);
	}
	guest = add_channel(0);
	tell_interfaces(0, COUNTED, COUNTED);
	for (uint32_t v = 0; v < 2; v++) {
		const struct sent sent = {.type = GUEST_POLICY_TRAFFIC,
					  .n_vcpus = 1,
					  .vcpu = v,
					  .medium_pps = MEDIUM_PPS,
					  .high_pps = HIGH_PPS,
					  .n_macs = 1 + v,
					  .macs = macs};

		ck_assert_uint_eq(send_policy(guest, &sent, GUEST_POLICY), GUEST_ACK);
	}
	second_vcpu = &host.monitor->shared->traffic[0][1];
	for (int i = 0; i < 6; i++)
		counted(MEDIUM_PPS, HIGH_PPS - MEDIUM_PPS, 0);
	ck_assert_uint_eq(level_of_guest()->pps, MEDIUM_PPS);
	ck_assert_uint_eq(second_vcpu->now.pps, HIGH_PPS);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(voted(1), HIGH_KHZ);
}

/* What the host forbids is no longer counted. */
TEST(the_host_forbids_policies)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = (struct link_domain){
		.n_vcpus = 1, .settings.commands = COMMAND_SCALE, .name = "guest"};
	send_message(NULL, 0);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	counted(HIGH_PPS, 0, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert(!host.traffic_wanted[0]);
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_DENIED), 1);
}

TEST(what_it_can_not_go_by_is_refused_whole)
{
	const struct sent both = {.type = GUEST_POLICY_TRAFFIC,
				  .n_vcpus = 1,
				  .high_pps = 1,
				  .n_macs = 3,
				  .macs = macs}; /* the third is a neighbour's */

	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_MEDIUM), GUEST_ACK);
	ck_assert_uint_eq(send_policy(guest, &both, GUEST_POLICY), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_INTERFACE), 1);
	tell_interfaces(0, INTERFACE_PRESENT, COUNTED);
	ck_assert_uint_eq(send_traffic(guest, 2, macs), GUEST_NACK); /* of one nothing is known */
	ck_assert_uint_eq(refused(0, REFUSAL_NO_COUNTER), 1);
	tell_interfaces(0, INTERFACE_PRESENT, 0);
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_NO_COUNTER), 2);
	/* a bad one leaves the former in force */
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert(said(0).policy);
	ck_assert_uint_eq(host.n_traffic_wanted, 0);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
}

/* Without new samples there is no vote, and without a manager no look. */
TEST(samples_end)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	for (int i = 0; i < 20 && voted(0) > 0; i++)
		pass_turn(20 * NS_PER_MS);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert(said(0).policy);
	for (int i = 0; i < 10; i++)
		pass_turn(20 * NS_PER_MS);
	ck_assert(timer_is_set(&host.monitor->traffic.timer)); /* it may come yet */
	ck_assert_uint_ge(host.monitor->traffic.timer.due_ns, fake_now_ns + NS_PER_S / 2);
	for (int i = 0; i < 20; i++) {
		sample(0, 0, HIGH_PPS, 0);
		sample(0, 1, 0, 0);
		pass_turn(INTERVAL_NS);
	}
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

/* A thread that is late is looked for again, soon. */
TEST(a_late_sample)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	pass_turn(30 * NS_PER_MS); /* looks, in vain */
	pass_turn(1);
	sample(0, 0, HIGH_PPS, 0);
	pass_turn(INTERVAL_NS / 10 + 1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

TEST(the_wish_ends_with_the_policy)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ); /* suspended */
	ck_assert_uint_eq(host.n_traffic_wanted, 2);
	ck_assert(!host.traffic_wanted[0]);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK); /* sent again */
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert(host.traffic_wanted[0]);
	new_session(guest);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert(!host.traffic_wanted[0]);
}

TEST(traffic_hours)
{
	static const uint32_t list[] = {10, 24};
	const struct sent sent = {.type = GUEST_POLICY_TIME,
				  .quiet = quiet,
				  .traffic = list,
				  .n_vcpus = 1,
				  .medium_pps = MEDIUM_PPS,
				  .high_pps = HIGH_PPS};

	ck_assert_uint_eq(send_policy(guest, &sent, GUEST_POLICY), GUEST_ACK);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(host.n_traffic_wanted, 0);
	tell_hour(10, HOUR_NS);
	ck_assert(host.traffic_wanted[0]);
	counted(HIGH_PPS, 0, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	tell_hour(11, HOUR_NS); /* in no list */
	ck_assert_uint_eq(voted(0), 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert(!host.traffic_wanted[0]);
	pass_turn(NS_PER_S);
	tell_hour(10, HOUR_NS); /* it begins anew */
	counted(0, 0, 0);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

/* guest_cli always sends some, of an interface that it made up. */
TEST(traffic_hours_without_a_counter_are_no_vote)
{
	static const uint32_t list[] = {10, 24};
	const struct sent sent = {.type = GUEST_POLICY_TIME,
				  .quiet = quiet,
				  .traffic = list,
				  .n_vcpus = 1,
				  .n_macs = 1,
				  .macs = &macs[2]};

	log_set_level(LOG_ERR);
	ck_assert_uint_eq(send_policy(guest, &sent, GUEST_POLICY), GUEST_ACK);
	tell_hour(10, HOUR_NS);
	counted(HIGH_PPS, HIGH_PPS, 1);
	counted(HIGH_PPS, HIGH_PPS, 1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert(host.monitor->domains[0]->told_uncounted);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

/* Plugged and unplugged: what is not there has no part, and its drops are not a neighbour's. */
TEST(interfaces_come_and_go)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(0, HIGH_PPS, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	tell_interfaces(0, COUNTED, 0);
	counted(0, HIGH_PPS, 0); /* the thread has not heard of it yet */
	for (int i = 0; i < 3; i++)
		counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	area->samples[0][1].drops += 1000;
	tell_interfaces(0, COUNTED, COUNTED);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	tell_interfaces(0, INTERFACE_PRESENT, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), 0); /* nothing is counted */
	ck_assert(said(0).policy);
	tell_interfaces(0, COUNTED, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

/* The manager's successor brings its own: what is known holds meanwhile. */
TEST(another_area)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(HIGH_PPS, 0, 7);
	counted(HIGH_PPS, 0, 7);
	give_area();
	pass_turn(INTERVAL_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	for (int i = 0; i < 3; i++)
		counted(0, 0, i == 0 ? 3 : 0); /* its drops begin anew */
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

/* A manager whose predecessor knew interfaces that are gone by now. */
TEST(interfaces_that_a_new_manager_does_not_name)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	traffic_greet(host.monitor);
	tell_interfaces(1, COUNTED, 0);
	traffic_synced(host.monitor);
	ck_assert_uint_eq(host.monitor->domains[0]->traffic->slots.present, 0);
	ck_assert_uint_eq(host.monitor->domains[1]->traffic->slots.present, 1);
	pass_turn(3 * INTERVAL_NS);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
}

static void give(int fd, bool seal)
{
	static struct link_message message;
	int fds[1] = {fd};

	if (seal)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, TRAFFIC_AREA_SEALS), 0);
	message.type = LINK_TRAFFIC_AREA;
	ck_assert_int_eq(link_send(host.link, &message, fds, 1), 0);
	close_fd(&fds[0]);
	ck_assert_int_eq(turn(host.monitor), -EPROTO);
}

/* One that could be cut off below the monitor, or that is none. */
TEST_RANGE(what_is_no_area_ends_the_monitor, 0, 5)
{
	int fd = new_area();

	log_set_level(LOG_CRIT);
	switch (_i) {
	case 0:
		give(fd, false);
		return;
	case 1:
		ck_assert_int_eq(ftruncate(fd, sizeof(*area) - 1), 0);
		break;
	case 2:
		ck_assert_int_eq(ftruncate(fd, sizeof(*area) + 4096), 0);
		break;
	case 3:
		area->version++;
		break;
	default:
		close_fd(&fd);
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		give(fd, false);
		return;
	}
	give(fd, true);
}

TEST(nothing_ticks_without_a_policy)
{
	counted(HIGH_PPS, 0, 0);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_LOW), GUEST_ACK);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
	ck_assert_uint_eq(host.n_traffic_wanted, 0);
}

TEST(a_domain_that_ends_wants_nothing)
{
	ck_assert_uint_eq(send_traffic(guest, 0, NULL), GUEST_ACK);
	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(INTERVAL_NS);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
	ck_assert_uint_eq(host.n_traffic_wanted, 1); /* the manager knows */
	/* another one with its id: what the manager may have heard meanwhile is set right */
	add_domain(0, 0, 1);
	tell_interfaces(0, COUNTED, 0);
	ck_assert_uint_eq(host.n_traffic_wanted, 2);
	ck_assert(!host.traffic_wanted[0]);
}
