/* SPDX-License-Identifier: BSD-3-Clause */
/* Each difference between two reports of the same run of a domain is found, and only that. */
#include "helper/manager/domains/domain_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cpuset.h"
#include "tests/unit/runner.h"

static struct domain_description *before, *after;
static struct cpuset affinity[2];

static struct domain_description *describe(struct cpuset *pinned)
{
	struct domain_description *d = calloc(1, sizeof(*d));

	ck_assert_ptr_nonnull(d);
	(void)snprintf(d->name, sizeof(d->name), "vm");
	d->n_vcpus = 2;
	d->vcpus = calloc(3, sizeof(*d->vcpus));
	ck_assert_ptr_nonnull(d->vcpus);
	d->vcpus[0].online = true;
	d->vcpus[1].online = d->vcpus[1].pinned = true;
	*pinned = (struct cpuset){0};
	cpuset_add(pinned, 3);
	d->vcpus[1].affinity = pinned;
	d->n_channels = 1;
	(void)snprintf(d->channels[0].path, sizeof(d->channels[0].path), "/a");
	return d;
}

static void set_up(void)
{
	before = describe(&affinity[0]);
	after = describe(&affinity[1]);
}

static void tear_down(void)
{
	free(before->vcpus);
	free(before);
	free(after->vcpus);
	free(after);
}

static void expect(const char *text)
{
	struct domain_change there = domain_change_find(before, after);
	struct domain_change back = domain_change_find(after, before);
	char what[DOMAIN_CHANGE_TEXT_SIZE];

	domain_change_text(&there, what);
	ck_assert_str_eq(what, text);
	domain_change_text(&back, what);
	ck_assert_str_eq(what, text);
}

FIXTURE(set_up, tear_down)

TEST(nothing)
{
	expect("");
	/* the affinity of an unpinned vCPU does not matter */
	after->vcpus[0].affinity = &affinity[1];
	expect("");
	after->vcpus[0].affinity = NULL;
}

TEST_RANGE(vcpus, 0, 4)
{
	switch (_i) {
	case 0:
		after->n_vcpus = 3;
		break;
	case 1:
		after->vcpus[0].online = false;
		break;
	case 2:
		after->vcpus[1].pinned = false;
		break;
	default:
		cpuset_add(&affinity[1], 4);
		break;
	}
	expect("vCPUs");
}

TEST_RANGE(channels, 0, 3)
{
	switch (_i) {
	case 0:
		after->n_channels = 2;
		break;
	case 1:
		after->channels[0].number = 1;
		break;
	default:
		(void)snprintf(after->channels[0].path, sizeof(after->channels[0].path), "/b");
		break;
	}
	expect("channels");
}

TEST_RANGE(metadata, 0, 3)
{
	switch (_i) {
	case 0:
		after->metadata.given = 1u << SETTING_MAX_FREQUENCY;
		break;
	case 1:
		before->metadata.given = after->metadata.given = 1u << SETTING_MAX_FREQUENCY;
		after->metadata.max_khz = 1;
		break;
	default:
		(void)snprintf(after->metadata_error, sizeof(after->metadata_error), "wrong");
		break;
	}
	expect("metadata");
}

TEST(all)
{
	(void)snprintf(after->name, sizeof(after->name), "other");
	expect("name");
	after->n_vcpus = 1;
	after->n_channels = 0;
	after->metadata.given = 1u << SETTING_MAX_FREQUENCY;
	expect("vCPUs, channels, name, metadata");
}
