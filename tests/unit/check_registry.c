/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "helper/manager/registry/refusal_names.h"
#include "tests/unit/runner.h"

static struct registry *registry;

static void setup(void)
{
	ck_assert_int_eq(registry_new(&registry), 0);
}

static void teardown(void)
{
	registry_free(registry);
}

/* Domain number @n with @n_channels channels, numbered from @first. */
static struct domain_description *describe(unsigned int n, uint32_t first, uint32_t n_channels)
{
	struct domain_description *d = calloc(1, sizeof(*d));

	ck_assert_ptr_nonnull(d);
	(void)snprintf(d->name, sizeof(d->name), "vm%u", n);
	(void)snprintf(d->uuid, sizeof(d->uuid), "00000000-0000-0000-0000-%012x", n);
	d->id = 1;
	d->n_channels = n_channels;
	for (uint32_t i = 0; i < n_channels; i++) {
		d->channels[i].number = first + i;
		(void)snprintf(d->channels[i].path, sizeof(d->channels[i].path), "/run/%u.%u", n,
			       first + i);
	}
	return d;
}

FIXTURE(setup, teardown)

TEST(add_find_remove)
{
	struct domain *a, *b;
	struct domain_description *twin = describe(1, 0, 0);

	ck_assert_int_eq(registry_add(registry, describe(1, 0, 3), &a), 0);
	ck_assert_int_eq(registry_add(registry, describe(2, 0, 64), &b), 0);
	ck_assert_int_eq(registry_add(registry, twin, &a), -EEXIST);
	domain_description_free(twin);
	ck_assert_uint_eq(registry_count(registry), 2);
	ck_assert_ptr_eq(registry_find(registry, "vm2"), b);
	ck_assert_ptr_eq(registry_find(registry, "00000000-0000-0000-0000-000000000002"), b);
	ck_assert_ptr_null(registry_find(registry, "vm3"));
	ck_assert_uint_eq(domain_channel(b, 63)->number, 63);
	ck_assert_ptr_null(domain_channel(b, 64));
	ck_assert_ptr_eq(registry_channel(registry, domain_channel(b, 5)->id),
			 domain_channel(b, 5));
	ck_assert_ptr_null(registry_channel(registry, UINT32_MAX));
	ck_assert_ptr_eq(registry_next(registry, NULL), a);
	ck_assert_ptr_eq(registry_next(registry, a), b);
	ck_assert_ptr_null(registry_next(registry, b));
	registry_remove(registry, a);
	ck_assert_ptr_null(registry_find(registry, "vm1"));
	ck_assert_uint_eq(registry_count(registry), 1);
}

/* A tenant may choose another domain's UUID as the name of his own. */
TEST(a_name_that_is_a_uuid)
{
	struct domain_description *description = describe(1, 0, 0);
	struct domain *liar, *domain;

	(void)strcpy(description->name, "00000000-0000-0000-0000-00000000000a");
	ck_assert_int_eq(registry_add(registry, description, &liar), 0);
	ck_assert_ptr_eq(registry_find(registry, description->name), liar);
	ck_assert_int_eq(registry_add(registry, describe(10, 0, 0), &domain), 0);
	ck_assert_ptr_eq(registry_find(registry, "00000000-0000-0000-0000-00000000000a"), domain);
	ck_assert_ptr_eq(registry_find(registry, "00000000-0000-0000-0000-00000000000A"), domain);
	ck_assert_ptr_eq(registry_find(registry, "0000000000000000000000000000000a"), domain);
	ck_assert_ptr_eq(registry_find_name(registry, description->name), liar);
	ck_assert_ptr_null(registry_find_name(registry, "00000000-0000-0000-0000-000000000001"));
}

TEST(full_registry_says_so)
{
	struct domain_description *one_more = describe(MAX_DOMAINS, 0, 1);
	struct domain *d;

	for (unsigned int n = 0; n < MAX_DOMAINS; n++)
		ck_assert_int_eq(registry_add(registry, describe(n, 0, 0), &d), 0);
	ck_assert_int_eq(registry_add(registry, one_more, &d), -ENOSPC);
	domain_description_free(one_more);
}

/* Plugging or unplugging a channel leaves the others' fds, ids and states alone. */
TEST(update_keeps_channels_that_stay)
{
	struct domain *d;
	uint32_t kept_id;
	int fd = eventfd(0, EFD_CLOEXEC), gone = eventfd(0, EFD_CLOEXEC);

	ck_assert_int_eq(registry_add(registry, describe(1, 0, 3), &d), 0);
	domain_channel(d, 0)->fd = gone;
	domain_channel(d, 0)->state = CHANNEL_CONNECTED;
	domain_channel(d, 2)->fd = fd;
	domain_channel(d, 2)->state = CHANNEL_CONNECTED;
	domain_channel(d, 2)->enabled = false;
	kept_id = domain_channel(d, 2)->id;

	ck_assert_int_eq(registry_update(d, describe(1, 2, 3)), 0);
	ck_assert_uint_eq(d->n_channels, 3);
	ck_assert_ptr_null(domain_channel(d, 0));
	ck_assert_int_eq(write(gone, &(uint64_t){1}, 8), -1);
	ck_assert_uint_eq(domain_channel(d, 2)->id, kept_id);
	ck_assert_int_eq(domain_channel(d, 2)->fd, fd);
	ck_assert_int_eq(domain_channel(d, 2)->state, CHANNEL_CONNECTED);
	ck_assert(!domain_channel(d, 2)->enabled);
	ck_assert_int_eq(domain_channel(d, 3)->state, CHANNEL_CONNECTING);
	ck_assert_uint_ne(domain_channel(d, 3)->id, kept_id);
	ck_assert_uint_ne(domain_channel(d, 3)->id, domain_channel(d, 4)->id);
}

/* What former channels counted stays where it is, as long as there are other slots. */
TEST(a_slot_is_not_used_twice_if_there_are_others)
{
	struct domain *d;
	uint64_t slots = 0;

	ck_assert_int_eq(registry_add(registry, describe(1, 0, 1), &d), 0);
	for (uint32_t n = 1; n < MAX_DOMAIN_CHANNELS; n++) {
		slots |= UINT64_C(1) << domain_channel(d, n - 1)->id % MAX_DOMAIN_CHANNELS;
		ck_assert(domain_channel(d, n - 1)->fresh);
		ck_assert_int_eq(registry_update(d, describe(1, n, 1)), 0);
		ck_assert(!(slots >> domain_channel(d, n)->id % MAX_DOMAIN_CHANNELS & 1));
		ck_assert_int_eq(domain_slot_channel(d, 0), 0);
	}
	ck_assert_uint_eq(d->slots, UINT64_MAX);
	/* then its counters go on from a former one's */
	ck_assert_int_eq(registry_update(d, describe(1, 100, 1)), 0);
	ck_assert(!domain_channel(d, 100)->fresh);
}

/* The same number with another path is another channel. */
TEST(update_replaces_a_channel_with_a_new_path)
{
	struct domain_description *moved = describe(1, 0, 1);
	struct domain *d;

	ck_assert_int_eq(registry_add(registry, describe(1, 0, 1), &d), 0);
	domain_channel(d, 0)->fd = eventfd(0, EFD_CLOEXEC);
	domain_channel(d, 0)->state = CHANNEL_CONNECTED;
	(void)snprintf(moved->channels[0].path, sizeof(moved->channels[0].path), "/run/new");
	ck_assert_int_eq(registry_update(d, moved), 0);
	ck_assert_int_eq(domain_channel(d, 0)->state, CHANNEL_CONNECTING);
	ck_assert_int_eq(domain_channel(d, 0)->fd, -1);
}

TEST(overrides_stay_until_the_domain_ends)
{
	struct domain_description *description = describe(1, 0, 1);
	struct domain *d;

	description->n_vcpus = 4;
	ck_assert_int_eq(registry_add(registry, description, &d), 0);
	ck_assert_uint_eq(domain_override(d, 3), 0);
	ck_assert_int_eq(domain_set_override(d, 3, 0), 0); /* nothing to remember */
	ck_assert_ptr_null(d->overrides);
	ck_assert_int_eq(domain_set_override(d, 3, 1200000), 0);
	ck_assert_int_eq(domain_set_override(d, 0, 1), 0);
	description = describe(1, 0, 2);
	description->n_vcpus = 4;
	ck_assert_int_eq(registry_update(d, description), 0);
	ck_assert_uint_eq(domain_override(d, 3), 1200000);
	ck_assert_uint_eq(domain_override(d, 1), 0);
	ck_assert_int_eq(domain_set_override(d, 3, 0), 0);
	ck_assert_uint_eq(domain_override(d, 3), 0);
	ck_assert_uint_eq(domain_override(d, 0), 1);
}

TEST(refusals_have_names)
{
	for (int refusal = 0; refusal < N_REFUSALS; refusal++) {
		ck_assert_ptr_nonnull(refusal_name((enum refusal)refusal));
		ck_assert_ptr_nonnull(refusal_remedy((enum refusal)refusal));
		for (int other = 0; other < refusal; other++)
			ck_assert_str_ne(refusal_name((enum refusal)refusal),
					 refusal_name((enum refusal)other));
	}
	ck_assert_str_eq(refusal_name((enum refusal)N_REFUSALS), "unknown");
	ck_assert_str_eq(refusal_remedy((enum refusal)N_REFUSALS), "unknown");
}
