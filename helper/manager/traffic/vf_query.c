/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/vf_query.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/cleanup.h"

#define SEQUENCE 1u
#define MOST_BYTES (1 << 20) /* of an answer */
#define WAIT_S 5	     /* the answer is there when the question has been sent */

struct question {
	struct nlmsghdr head;
	struct ifinfomsg link;
	struct nlattr mask;
	uint32_t filter;
};

static int ask(int fd, int ifindex)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct question question = {
		.head = {.nlmsg_len = sizeof(question),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST,
			 .nlmsg_seq = SEQUENCE},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex},
		.mask = {.nla_len = sizeof(question.mask) + sizeof(question.filter),
			 .nla_type = IFLA_EXT_MASK},
		.filter = RTEXT_FILTER_VF,
	};
	ssize_t n = sendto(fd, &question, sizeof(question), 0, (const struct sockaddr *)&kernel,
			   sizeof(kernel));

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(question) ? 0 : -EIO;
}

static int receive(int fd, int ifindex, struct vf_stats *stats)
{
	struct sockaddr_nl from = {.nl_pid = UINT32_MAX};
	socklen_t length = sizeof(from);
	char *reply cleanup_free = NULL;
	ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), n;

	if (size < 0)
		return -errno;
	if (size > MOST_BYTES)
		return -EMSGSIZE;
	reply = malloc(size > 0 ? (size_t)size : 1);
	if (!reply)
		return -ENOMEM;
	n = recvfrom(fd, reply, (size_t)size, 0, (struct sockaddr *)&from, &length);
	if (n < 0)
		return -errno;
	if (from.nl_pid != 0)
		return -EBADMSG;
	return vf_stats_parse(reply, (size_t)n, SEQUENCE, ifindex, stats);
}

int vf_query(int ifindex, struct vf_stats *stats)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct timeval wait = {.tv_sec = WAIT_S};
	int r;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	r = ask(fd, ifindex);
	return r < 0 ? r : receive(fd, ifindex, stats);
}
