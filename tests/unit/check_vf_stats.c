/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers about virtual functions: what is read is what the kernel said, or nothing. */
#include "helper/manager/traffic/vf_stats.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/runner.h"
#include "tests/unit/vf_reply.h"

static struct vf_reply reply;
static struct vf_stats stats;

/* A copy of exact size at an odd address: the sanitizers see each read beyond it. */
static int parse_bytes(size_t size)
{
	uint8_t *copy = malloc(size + 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy + 1, reply.bytes, size);
	memset(&stats, 0xff, sizeof(stats));
	r = vf_stats_parse(copy + 1, size, REPLY_SEQUENCE, REPLY_IFINDEX, &stats);
	free(copy);
	return r;
}

static int parse(void)
{
	return parse_bytes(reply.size);
}

static void assert_built(uint32_t n_vfs)
{
	ck_assert_uint_eq(stats.n_vfs, n_vfs);
	for (uint32_t vf = 0; vf < MAX_VFS; vf++) {
		const struct vf_counts *counts = &stats.vfs[vf];

		ck_assert_int_eq(counts->present, vf < n_vfs);
		if (!counts->present)
			continue;
		ck_assert_uint_eq(counts->rx_packets, vf * 1000u + 1);
		ck_assert_uint_eq(counts->tx_packets, vf * 1000u + 2);
		ck_assert_uint_eq(counts->rx_dropped, vf * 1000u + 3);
		ck_assert_uint_eq(counts->tx_dropped, vf * 1000u + 4);
	}
}

static const uint32_t numbers[] = {1, 2, 64, 128, 220, 221};

TEST_EACH(all_functions_are_read, numbers)
{
	reply_build(&reply, numbers[_i]);
	ck_assert_int_eq(parse(), 0);
	assert_built(numbers[_i]);
}

/* The list's length has wrapped: what is behind the cut list looks like anything. */
TEST_RANGE(more_than_a_list_can_hold_are_none, 222, 256)
{
	reply_build(&reply, (uint32_t)_i);
	ck_assert_int_eq(parse(), -EMSGSIZE);
}

/* The kernel says so where it notices, as for functions with InfiniBand GUIDs. */
static const int errors[] = {-EMSGSIZE, -ENODEV, -EPERM, -EOPNOTSUPP};

TEST_EACH(error_of_the_kernel, errors)
{
	const struct nlmsghdr head = {
		.nlmsg_len = sizeof(head) + sizeof(struct nlmsgerr),
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_seq = REPLY_SEQUENCE,
	};
	const struct nlmsgerr error = {.error = errors[_i]};

	memcpy(reply.bytes, &head, sizeof(head));
	memcpy(reply.bytes + sizeof(head), &error, sizeof(error));
	reply.size = head.nlmsg_len;
	ck_assert_int_eq(parse(), errors[_i]);
}

TEST(an_acknowledgement_is_no_answer)
{
	const struct nlmsghdr head = {
		.nlmsg_len = sizeof(head) + sizeof(struct nlmsgerr),
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_seq = REPLY_SEQUENCE,
	};

	memcpy(reply.bytes, &head, sizeof(head));
	reply.size = head.nlmsg_len;
	ck_assert_int_eq(parse(), -EBADMSG);
}

/* igb and others: the kernel fills in zeros. Whether they count is for the caller to know. */
TEST(zeros_of_a_driver_that_does_not_count)
{
	const struct vf_reply_counts zeros = {0};
	size_t list;

	reply_begin(&reply);
	reply_add_number(&reply, 2);
	list = reply_nest(&reply, IFLA_VFINFO_LIST);
	reply_add_function(&reply, 0, &zeros);
	reply_add_function(&reply, 1, &zeros);
	reply_nest_end(&reply, list);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert(stats.vfs[0].present && stats.vfs[1].present && !stats.vfs[2].present);
	ck_assert_uint_eq(stats.vfs[1].rx_packets, 0);
}

/* i40e leaves out a function that is being reset. */
TEST(a_function_that_is_left_out)
{
	const struct vf_reply_counts counts = {5, 6, 7, 8};
	size_t list;

	reply_begin(&reply);
	reply_add_number(&reply, 3);
	list = reply_nest(&reply, IFLA_VFINFO_LIST);
	reply_add_function(&reply, 0, &counts);
	reply_add_function(&reply, 2, &counts);
	reply_nest_end(&reply, list);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert(stats.vfs[0].present && !stats.vfs[1].present && stats.vfs[2].present);
	ck_assert_uint_eq(stats.vfs[2].rx_dropped, 7);
}

/* mlx5, with parts that this version does not know, a nested flag, and padding before 64 bits. */
TEST(unknown_parts_are_skipped)
{
	const uint64_t guid[2] = {1, 2};
	const uint32_t vf = 1;
	size_t list, info, nest;

	reply_begin(&reply);
	reply_add_number(&reply, 2);
	list = reply_nest(&reply, IFLA_VFINFO_LIST | NLA_F_NESTED);
	info = reply_nest(&reply, IFLA_VF_INFO | NLA_F_NESTED);
	reply_add(&reply, 99, guid, sizeof(guid));
	reply_add(&reply, IFLA_VF_MAC, &(struct ifla_vf_mac){.vf = vf}, sizeof(struct ifla_vf_mac));
	reply_add(&reply, IFLA_VF_IB_NODE_GUID, guid, sizeof(guid));
	nest = reply_nest(&reply, IFLA_VF_STATS);
	reply_nest(&reply, IFLA_VF_STATS_PAD);
	reply_add_u64(&reply, IFLA_VF_STATS_RX_PACKETS, 11);
	reply_nest(&reply, IFLA_VF_STATS_PAD);
	reply_add_u64(&reply, IFLA_VF_STATS_TX_PACKETS, 12);
	reply_add_u64(&reply, 77, 13);
	reply_nest_end(&reply, nest);
	reply_nest_end(&reply, info);
	reply_nest_end(&reply, list);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert(!stats.vfs[0].present && stats.vfs[1].present);
	ck_assert_uint_eq(stats.vfs[1].rx_packets, 11);
	ck_assert_uint_eq(stats.vfs[1].tx_packets, 12);
	ck_assert_uint_eq(stats.vfs[1].rx_dropped, 0);
}

TEST(a_device_without_functions)
{
	reply_begin(&reply);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(stats.n_vfs, 0);
	reply_add_number(&reply, 4);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(stats.n_vfs, 4);
	ck_assert(!stats.vfs[0].present);
}

TEST(functions_without_statistics_are_not_present)
{
	size_t list;

	reply_begin(&reply);
	reply_add_number(&reply, 1);
	list = reply_nest(&reply, IFLA_VFINFO_LIST);
	reply_add_function(&reply, 0, NULL);
	reply_nest_end(&reply, list);
	reply_end(&reply);
	ck_assert_int_eq(parse(), 0);
	ck_assert(!stats.vfs[0].present);
}

/* Cut anywhere, as by a buffer that is too small. */
TEST(a_part_of_an_answer_is_none)
{
	reply_build(&reply, 3);
	for (size_t size = 0; size < reply.size; size++)
		ck_assert_int_lt(parse_bytes(size), 0);
	ck_assert_int_eq(parse(), 0);
}

/* Likewise if its head says that it is whole: at most a list that ends between attributes. */
TEST(a_shorter_answer_has_only_whole_functions)
{
	reply_build(&reply, 3);
	for (size_t size = sizeof(struct nlmsghdr); size < reply.size; size++) {
		uint32_t length = (uint32_t)size;

		memcpy(reply.bytes, &length, sizeof(length));
		if (parse_bytes(size) == 0 && stats.vfs[0].present)
			assert_built(3);
	}
}

static void build_one(uint32_t vf, uint32_t n_vfs, int times)
{
	const struct vf_reply_counts counts = {1, 2, 3, 4};
	size_t list;

	reply_begin(&reply);
	reply_add_number(&reply, n_vfs);
	list = reply_nest(&reply, IFLA_VFINFO_LIST);
	for (int i = 0; i < times; i++)
		reply_add_function(&reply, vf, &counts);
	reply_nest_end(&reply, list);
	reply_end(&reply);
}

TEST(what_contradicts_itself_is_no_answer)
{
	build_one(0, 1, 1);
	ck_assert_int_eq(parse(), 0);
	build_one(0, 2, 2);
	ck_assert_int_eq(parse(), -EBADMSG);
	build_one(1, 1, 1);
	ck_assert_int_eq(parse(), -EBADMSG);
	build_one(MAX_VFS, MAX_VFS + 1, 1);
	ck_assert_int_eq(parse(), -EBADMSG);
	build_one(0, 1, 1);
	reply_add_number(&reply, 1);
	reply_end(&reply);
	ck_assert_int_eq(parse(), -EBADMSG);
	build_one(0, 1, 1);
	reply_nest(&reply, IFLA_VFINFO_LIST);
	reply_end(&reply);
	ck_assert_int_eq(parse(), -EBADMSG);
}

TEST(an_answer_to_another_question_is_none)
{
	reply_build(&reply, 1);
	ck_assert_int_eq(
		vf_stats_parse(reply.bytes, reply.size, REPLY_SEQUENCE + 1, REPLY_IFINDEX, &stats),
		-EBADMSG);
	ck_assert_int_eq(
		vf_stats_parse(reply.bytes, reply.size, REPLY_SEQUENCE, REPLY_IFINDEX + 1, &stats),
		-EBADMSG);
	reply.bytes[4] = RTM_DELLINK;
	ck_assert_int_eq(parse(), -EBADMSG);
}
