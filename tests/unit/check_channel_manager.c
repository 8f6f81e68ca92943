/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/channel_manager.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

#define MANY 20 /* domains with all possible channels: more than one turn attempts */
#define ALL_CHANNELS (MANY * MAX_DOMAIN_CHANNELS)

static struct loop *loop;
static struct registry *registry;
static struct channel_manager *manager;

static void never_connected(void *context, struct channel *channel)
{
	(void)context;
	ck_abort_msg("channel %u connected to a path that is not there", channel->number);
}

static void setup(void)
{
	struct config config;

	config_defaults(&config);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(registry_new(&registry), 0);
	ck_assert_int_eq(
		channel_manager_new(loop, registry, &config, 0, never_connected, NULL, &manager),
		0);
}

static void teardown(void)
{
	channel_manager_free(manager);
	registry_free(registry);
	loop_free(loop);
}

static struct domain *add_domain(unsigned int n, uint32_t n_channels)
{
	struct domain_description *d = calloc(1, sizeof(*d));
	struct domain *domain;

	ck_assert_ptr_nonnull(d);
	(void)snprintf(d->name, sizeof(d->name), "vm%u", n);
	(void)snprintf(d->uuid, sizeof(d->uuid), "00000000-0000-0000-0000-%012x", n);
	d->n_channels = n_channels;
	for (uint32_t i = 0; i < n_channels; i++) {
		d->channels[i].number = i;
		(void)snprintf(d->channels[i].path, sizeof(d->channels[i].path), "/nowhere/%u.%u",
			       n, i);
	}
	ck_assert_int_eq(registry_add(registry, d, &domain), 0);
	return domain;
}

/* Return: how many channels were attempted. */
static unsigned int attempted(void)
{
	unsigned int n = 0;

	registry_for_each (d, registry) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			n += d->channels[i].attempts > 0;
	}
	return n;
}

/* Count the attempts every millisecond, until there are all. */
static void on_look(struct loop_timer *timer)
{
	if (attempted() == registry_count(registry) * MAX_DOMAIN_CHANNELS)
		loop_quit(loop, 0);
	else
		loop_timer_set(loop, timer, 1000000);
}

FIXTURE(setup, teardown)

TEST(a_turn_is_bounded_and_the_rest_follows)
{
	struct loop_timer look = {.on_expiry = on_look};
	unsigned int first;

	for (unsigned int n = 0; n < MANY; n++)
		(void)add_domain(n, MAX_DOMAIN_CHANNELS);
	channel_manager_kick(manager);
	first = attempted();
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_lt(first, ALL_CHANNELS);
	loop_timer_set(loop, &look, 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(attempted(), ALL_CHANNELS);
}

TEST(a_hangup_is_no_reason_to_look_at_all_channels)
{
	struct loop_timer look = {.on_expiry = on_look};
	struct domain *waits = add_domain(1, MAX_DOMAIN_CHANNELS);
	struct domain *hung_up = add_domain(2, MAX_DOMAIN_CHANNELS);

	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
		channel_manager_kick_later(manager, &hung_up->channels[i]);
	ck_assert_uint_eq(attempted(), 0);
	loop_timer_set(loop, &look, 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_gt(hung_up->channels[MAX_DOMAIN_CHANNELS - 1].attempts, 0);
	ck_assert_uint_gt(waits->channels[0].attempts, 0);
}
