/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/vf_stats.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define MOST_WHOLE 65536u /* bytes of a message in which no list can have been cut */

struct bytes {
	const uint8_t *at;
	size_t left;
};

struct attribute {
	uint16_t type;
	struct bytes value;
};

/* Return: 1: there is one; 0: there is none; -EBADMSG */
static int next_attribute(struct bytes *bytes, struct attribute *attribute)
{
	struct nlattr head;
	size_t whole;

	if (bytes->left == 0)
		return 0;
	if (bytes->left < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes->at, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > bytes->left)
		return -EBADMSG;
	attribute->type = head.nla_type & NLA_TYPE_MASK;
	attribute->value = (struct bytes){bytes->at + sizeof(head), head.nla_len - sizeof(head)};
	whole = NLA_ALIGN((size_t)head.nla_len);
	if (whole > bytes->left)
		whole = bytes->left;
	bytes->at += whole;
	bytes->left -= whole;
	return 1;
}

static int take_u32(struct bytes bytes, uint32_t *number)
{
	if (bytes.left < sizeof(*number))
		return -EBADMSG;
	memcpy(number, bytes.at, sizeof(*number));
	return 0;
}

static int take_u64(struct bytes bytes, uint64_t *number)
{
	if (bytes.left != sizeof(*number))
		return -EBADMSG;
	memcpy(number, bytes.at, sizeof(*number));
	return 0;
}

static int parse_counts(struct bytes bytes, struct vf_counts *counts)
{
	struct attribute attribute;
	bool rx = false, tx = false;
	int r;

	while ((r = next_attribute(&bytes, &attribute)) > 0) {
		switch (attribute.type) {
		case IFLA_VF_STATS_RX_PACKETS:
			rx = true;
			r = take_u64(attribute.value, &counts->rx_packets);
			break;
		case IFLA_VF_STATS_TX_PACKETS:
			tx = true;
			r = take_u64(attribute.value, &counts->tx_packets);
			break;
		case IFLA_VF_STATS_RX_DROPPED:
			r = take_u64(attribute.value, &counts->rx_dropped);
			break;
		case IFLA_VF_STATS_TX_DROPPED:
			r = take_u64(attribute.value, &counts->tx_dropped);
			break;
		default: /* bytes, padding */
			break;
		}
		if (r < 0)
			return r;
	}
	counts->present = rx && tx;
	return r;
}

/* Each has its number, in each of its parts; the first of them is IFLA_VF_MAC. */
static int parse_function(struct bytes bytes, uint32_t *vf, struct vf_counts *counts)
{
	struct attribute attribute;
	bool numbered = false;
	int r;

	*counts = (struct vf_counts){0};
	while ((r = next_attribute(&bytes, &attribute)) > 0) {
		if (attribute.type == IFLA_VF_MAC) {
			numbered = true;
			r = take_u32(attribute.value, vf);
		} else if (attribute.type == IFLA_VF_STATS) {
			r = parse_counts(attribute.value, counts);
		}
		if (r < 0)
			return r;
	}
	return r < 0 || numbered ? r : -EBADMSG;
}

/* A driver may leave out functions, such as one that is being reset. */
static int parse_list(struct bytes bytes, struct vf_stats *stats, bool seen[static MAX_VFS],
		      uint32_t *n_seen)
{
	struct attribute attribute;
	int r;

	while ((r = next_attribute(&bytes, &attribute)) > 0) {
		struct vf_counts counts;
		uint32_t vf = 0;

		if (attribute.type != IFLA_VF_INFO)
			return -EBADMSG;
		r = parse_function(attribute.value, &vf, &counts);
		if (r < 0)
			return r;
		if (vf >= MAX_VFS || seen[vf])
			return -EBADMSG;
		seen[vf] = true;
		(*n_seen)++;
		stats->vfs[vf] = counts;
	}
	return r;
}

static int parse_link(struct bytes bytes, struct vf_stats *stats, uint32_t *n_seen)
{
	bool seen[MAX_VFS] = {false}, has_list = false, has_number = false;
	struct attribute attribute;
	int r;

	while ((r = next_attribute(&bytes, &attribute)) > 0) {
		if (attribute.type == IFLA_NUM_VF) {
			if (has_number)
				return -EBADMSG;
			has_number = true;
			r = take_u32(attribute.value, &stats->n_vfs);
		} else if (attribute.type == IFLA_VFINFO_LIST) {
			if (has_list)
				return -EBADMSG;
			has_list = true;
			r = parse_list(attribute.value, stats, seen, n_seen);
		}
		if (r < 0)
			return r;
	}
	for (uint32_t vf = stats->n_vfs; r == 0 && vf < MAX_VFS; vf++) {
		if (seen[vf])
			return -EBADMSG;
	}
	return r;
}

/* What is behind the message's head. */
static int parse_error(struct bytes bytes)
{
	int32_t error;

	if (bytes.left < sizeof(error))
		return -EBADMSG;
	memcpy(&error, bytes.at, sizeof(error));
	return error < 0 && error > -4096 ? error : -EBADMSG;
}

int vf_stats_parse(const void *reply, size_t size, uint32_t sequence, int ifindex,
		   struct vf_stats *stats)
{
	struct ifinfomsg link;
	struct nlmsghdr head;
	struct bytes bytes;
	uint32_t n_seen = 0;
	int r;

	*stats = (struct vf_stats){0};
	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, reply, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_seq != sequence)
		return -EBADMSG;
	if (head.nlmsg_len > size)
		return -EMSGSIZE;
	bytes = (struct bytes){(const uint8_t *)reply + sizeof(head),
			       head.nlmsg_len - sizeof(head)};
	if (head.nlmsg_type == NLMSG_ERROR)
		return parse_error(bytes);
	if (head.nlmsg_type != RTM_NEWLINK || bytes.left < sizeof(link))
		return -EBADMSG;
	memcpy(&link, bytes.at, sizeof(link));
	if (link.ifi_index != ifindex)
		return -EBADMSG;
	bytes.at += sizeof(link);
	bytes.left -= sizeof(link);
	r = parse_link(bytes, stats, &n_seen);
	if (head.nlmsg_len > MOST_WHOLE && (r < 0 || n_seen < stats->n_vfs))
		return -EMSGSIZE;
	return r;
}
