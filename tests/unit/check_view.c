/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is to be told waits as a mark, and is formed in order while there is room. */
#include "helper/manager/domains/domains_private.h"
#include "tests/unit/domains_stage.h"
#include "tests/unit/run_turn.h"
#include "tests/unit/runner.h"

static void full(void)
{
	has_room = false;
	n_sent = 0;
}

static void room(void)
{
	has_room = true;
	handlers.room(handlers.context);
}

/* Are exactly these types sent, in this order? Clears the record. */
static void expect(const enum link_type *types, size_t n)
{
	for (size_t i = 0; i < n && i < n_sent; i++)
		ck_assert_str_eq(link_type_name(sent[i].type), link_type_name(types[i]));
	ck_assert_uint_eq(n_sent, n);
	n_sent = 0;
}

static void set_up_room(void)
{
	has_room = true;
	set_up();
}

FIXTURE(set_up_room, tear_down)

TEST(a_domain_waits_for_room)
{
	const enum link_type types[] = {LINK_DOMAIN_ADD, LINK_VCPUS_SET, LINK_VCPUS_SET};

	full();
	hook(XML("1", "vm", "yes"));
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), true);
	ck_assert_uint_eq(n_sent, 0);
	room();
	ck_assert_uint_eq(sent[1].vcpus.flags & VCPU_PAUSED, VCPU_PAUSED); /* as it is by then */
	expect(types, array_size(types));
	room();
	ck_assert_uint_eq(n_sent, 0);
}

TEST(what_the_monitor_never_heard_of_is_not_removed)
{
	full();
	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(ended(monotonic_ns()), 0);
	room();
	ck_assert_uint_eq(n_sent, 0);
}

TEST(a_removal_precedes_the_next_domain_with_its_id)
{
	const enum link_type types[] = {LINK_DOMAIN_REMOVE, LINK_DOMAIN_ADD, LINK_VCPUS_SET,
					LINK_VCPUS_SET};

	hook(XML("1", "vm", "yes"));
	full();
	hook(XML("2", "vm", "yes")); /* another run */
	hook(XML("3", "vm", "yes"));
	room();
	expect(types, array_size(types));
}

/* It may know the domain from a former manager, and is told of it only now. */
TEST(a_domain_is_silenced_at_once)
{
	const enum link_type types[] = {LINK_DOMAIN_SILENCE};
	const struct domain_report report = {
		.source = "libvirt", .uuid = UUID, .rebooted = true, .id = 1};

	full();
	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(domains_report(domains, &report), 0);
	expect(types, array_size(types));
}

TEST(overrides_come_with_their_vcpus)
{
	const enum link_type types[] = {LINK_DOMAIN_ADD, LINK_VCPUS_SET, LINK_OVERRIDE,
					LINK_VCPUS_SET};

	full();
	hook(XML("1", "vm", "yes"));
	ck_assert_int_eq(domains_set_override(domains, known(), 0, 1200000), 0);
	ck_assert_uint_eq(n_sent, 0);
	room();
	ck_assert_uint_eq(sent[2].override.khz, 1200000);
	expect(types, array_size(types));
}

TEST(channels_are_sent_as_they_are_by_then)
{
	const enum link_type types[] = {LINK_CHANNEL_ADD};
	struct channel channels[] = {{.id = 0, .fd = 5, .state = CHANNEL_CONNECTED},
				     {.id = 1, .number = 1, .fd = 6, .state = CHANNEL_CONNECTED}};
	struct monitor_view *view = &domains->view;

	hook(XML("1", "vm", "yes"));
	n_sent = 0;
	known()->channels = channels;
	known()->n_channels = 2;
	channels[0].domain = channels[1].domain = known();
	has_room = false;
	view_send_channel(view, &channels[0]);
	view_send_channel(view, &channels[1]);
	channels[1].enabled = true;
	view_send_enable(view, &channels[1]);	/* CHANNEL_ADD will say it */
	channels[0].state = CHANNEL_CONNECTING; /* it has hung up */
	ck_assert_uint_eq(n_sent, 0);
	room();
	ck_assert_uint_eq(sent[0].channel.number, 1);
	ck_assert_uint_eq(sent[0].channel.enabled, 1);
	expect(types, array_size(types));
	view_send_channel(view, &channels[1]);
	n_sent = 0;
	full();
	view_send_channel(view, &channels[1]);
	view_remove_channel(view, 1);
	room();
	ck_assert_uint_eq(sent[0].type, LINK_CHANNEL_REMOVE);
	ck_assert_uint_eq(n_sent, 1);
	known()->channels = NULL;
	known()->n_channels = 0;
}

TEST(a_new_monitor_is_told_everything_in_order)
{
	const enum link_type types[] = {LINK_LOG_LEVEL, LINK_SETTINGS,	LINK_DOMAIN_ADD,
					LINK_VCPUS_SET, LINK_VCPUS_SET, LINK_SYNCED};

	hook(XML("1", "vm", "yes"));
	n_sent = 0;
	handlers.started(handlers.context, true);
	expect(types, array_size(types));
}

/* However much there is to tell, a turn of the loop tells some of it. */
TEST(much_is_told_in_slices)
{
	struct monitor_view *view = &domains->view;
	size_t n_turns = 0, n = 0;

	for (uint32_t i = 0; i < MAX_DOMAINS / 4; i++) {
		char xml[1024], hex[8];

		(void)snprintf(xml, sizeof(xml), XML("1", "vm", "yes"));
		(void)snprintf(hex, sizeof(hex), "%04x", i);
		memcpy(strstr(xml, UUID), hex, 4);
		has_room = false;
		hook(xml);
	}
	n_sent = 0;
	ck_assert_uint_gt(registry_count(registry), 400);
	has_room = true;
	view_go_on(view);
	while (n_sent > 0) {
		ck_assert_uint_le(n_sent, 256);
		n += n_sent;
		n_sent = 0;
		n_turns++;
		run_turn(loop);
	}
	ck_assert_uint_eq(n, 3 * registry_count(registry));
	ck_assert_uint_gt(n_turns, 4);
}

TEST(a_reload_tells_what_has_changed)
{
	const enum link_type nothing[] = {LINK_SETTINGS};
	const enum link_type vcpus[] = {LINK_SETTINGS, LINK_VCPUS_SET, LINK_VCPUS_SET};
	const enum link_type rules[] = {LINK_SETTINGS, LINK_DOMAIN_ADD};

	hook(XML("1", "vm", "yes"));
	n_sent = 0;
	domains_reconfigure(domains);
	expect(nothing, array_size(nothing));
	config.allow_unpinned = true;
	domains_reconfigure(domains);
	expect(vcpus, array_size(vcpus));
	domains_reconfigure(domains);
	expect(nothing, array_size(nothing));
	config.channel_rate++;
	domains_reconfigure(domains);
	expect(rules, array_size(rules));
}
