/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to RTM_GETLINK about virtual functions, built as Linux 6.12 builds them. */
#ifndef VMPOWER_TESTS_UNIT_VF_REPLY_H
#define VMPOWER_TESTS_UNIT_VF_REPLY_H

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLY_SEQUENCE 7u
#define REPLY_IFINDEX 3
#define REPLY_ROOM (256u << 10)

struct vf_reply {
	size_t size;
	uint8_t bytes[REPLY_ROOM];
};

static inline size_t reply_add(struct vf_reply *reply, uint16_t type, const void *value,
			       size_t size)
{
	const struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + size), .nla_type = type};
	size_t at = reply->size;

	memcpy(reply->bytes + at, &head, sizeof(head));
	if (size > 0)
		memcpy(reply->bytes + at + sizeof(head), value, size);
	reply->size += NLA_ALIGN(sizeof(head) + size);
	return at;
}

static inline size_t reply_nest(struct vf_reply *reply, uint16_t type)
{
	return reply_add(reply, type, NULL, 0);
}

/* The length has 16 bits, here as there. */
static inline void reply_nest_end(struct vf_reply *reply, size_t at)
{
	struct nlattr head;

	memcpy(&head, reply->bytes + at, sizeof(head));
	head.nla_len = (uint16_t)(reply->size - at);
	memcpy(reply->bytes + at, &head, sizeof(head));
}

static inline void reply_add_u64(struct vf_reply *reply, uint16_t type, uint64_t value)
{
	reply_add(reply, type, &value, sizeof(value));
}

static inline void reply_begin(struct vf_reply *reply)
{
	const struct ifinfomsg link = {.ifi_index = REPLY_IFINDEX};
	static const char name[] = "enp59s0f0";

	memset(reply, 0, sizeof(*reply));
	reply->size = sizeof(struct nlmsghdr);
	memcpy(reply->bytes + reply->size, &link, sizeof(link));
	reply->size += sizeof(link);
	reply_add(reply, IFLA_IFNAME, name, sizeof(name));
}

static inline void reply_add_number(struct vf_reply *reply, uint32_t n_vfs)
{
	reply_add(reply, IFLA_NUM_VF, &n_vfs, sizeof(n_vfs));
}

/* Sets the head; called again for what was added later. */
static inline void reply_end(struct vf_reply *reply)
{
	const struct nlmsghdr head = {
		.nlmsg_len = (uint32_t)reply->size,
		.nlmsg_type = RTM_NEWLINK,
		.nlmsg_seq = REPLY_SEQUENCE,
	};

	memcpy(reply->bytes, &head, sizeof(head));
}

struct vf_reply_counts {
	uint64_t rx, tx, rx_dropped, tx_dropped;
};

/* One virtual function: 296 bytes, 40 of which are its MAC's. @counts: NULL: no statistics */
static inline void reply_add_function(struct vf_reply *reply, uint32_t vf,
				      const struct vf_reply_counts *counts)
{
	const struct ifla_vf_mac mac = {.vf = vf, .mac = {0x52, 0x54}};
	const struct ifla_vf_broadcast broadcast = {.broadcast = {0xff, 0xff}};
	const struct ifla_vf_vlan vlan = {.vf = vf};
	const struct ifla_vf_rate rate = {.vf = vf};
	const struct ifla_vf_tx_rate tx_rate = {.vf = vf};
	const struct ifla_vf_vlan_info vlan_info = {.vf = vf};
	const uint32_t flag[2] = {vf, 0};
	size_t info = reply_nest(reply, IFLA_VF_INFO), nest;

	reply_add(reply, IFLA_VF_MAC, &mac, sizeof(mac));
	reply_add(reply, IFLA_VF_BROADCAST, &broadcast, sizeof(broadcast));
	reply_add(reply, IFLA_VF_VLAN, &vlan, sizeof(vlan));
	reply_add(reply, IFLA_VF_RATE, &rate, sizeof(rate));
	reply_add(reply, IFLA_VF_TX_RATE, &tx_rate, sizeof(tx_rate));
	reply_add(reply, IFLA_VF_SPOOFCHK, flag, sizeof(flag));
	reply_add(reply, IFLA_VF_LINK_STATE, flag, sizeof(flag));
	reply_add(reply, IFLA_VF_RSS_QUERY_EN, flag, sizeof(flag));
	reply_add(reply, IFLA_VF_TRUST, flag, sizeof(flag));
	nest = reply_nest(reply, IFLA_VF_VLAN_LIST);
	reply_add(reply, IFLA_VF_VLAN_INFO, &vlan_info, sizeof(vlan_info));
	reply_nest_end(reply, nest);
	if (counts) {
		nest = reply_nest(reply, IFLA_VF_STATS);
		reply_add_u64(reply, IFLA_VF_STATS_RX_PACKETS, counts->rx);
		reply_add_u64(reply, IFLA_VF_STATS_TX_PACKETS, counts->tx);
		reply_add_u64(reply, IFLA_VF_STATS_RX_BYTES, counts->rx * 64);
		reply_add_u64(reply, IFLA_VF_STATS_TX_BYTES, counts->tx * 64);
		reply_add_u64(reply, IFLA_VF_STATS_BROADCAST, 0);
		reply_add_u64(reply, IFLA_VF_STATS_MULTICAST, 0);
		reply_add_u64(reply, IFLA_VF_STATS_RX_DROPPED, counts->rx_dropped);
		reply_add_u64(reply, IFLA_VF_STATS_TX_DROPPED, counts->tx_dropped);
		reply_nest_end(reply, nest);
	}
	reply_nest_end(reply, info);
}

/* What follows the list in a real answer. */
static inline void reply_add_tail(struct vf_reply *reply)
{
	static const char driver[64] = "igb";
	size_t nest = reply_nest(reply, IFLA_LINKINFO | NLA_F_NESTED);

	reply_add(reply, IFLA_INFO_KIND, driver, sizeof(driver));
	reply_nest_end(reply, nest);
}

/* The answer of a driver that counts: function i has counts i * 1000 + 1, 2, 3, 4. */
static inline void reply_build(struct vf_reply *reply, uint32_t n_vfs)
{
	size_t list;

	reply_begin(reply);
	reply_add_number(reply, n_vfs);
	list = reply_nest(reply, IFLA_VFINFO_LIST);
	for (uint32_t vf = 0; vf < n_vfs; vf++) {
		const uint64_t base = vf * UINT64_C(1000);
		const struct vf_reply_counts counts = {base + 1, base + 2, base + 3, base + 4};

		reply_add_function(reply, vf, &counts);
	}
	reply_nest_end(reply, list);
	reply_add_tail(reply);
	reply_end(reply);
}

#endif
