/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the kernel's answer about virtual functions: the promises of vf_stats.h must hold.
 */
#include "helper/manager/traffic/vf_stats.h"

#include <errno.h>

#include "tests/fuzz/fuzz.h"

#define SEQUENCE 7u
#define IFINDEX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vf_stats stats, again;
	int r = vf_stats_parse(data, size, SEQUENCE, IFINDEX, &stats);

	require(r <= 0 && r > -4096);
	require(vf_stats_parse(data, size, SEQUENCE, IFINDEX, &again) == r);
	if (r < 0)
		return 0;
	for (uint32_t vf = 0; vf < MAX_VFS; vf++) {
		const struct vf_counts *a = &stats.vfs[vf], *b = &again.vfs[vf];

		require(a->present == b->present && a->rx_packets == b->rx_packets &&
			a->tx_packets == b->tx_packets && a->rx_dropped == b->rx_dropped &&
			a->tx_dropped == b->tx_dropped);
		require(!a->present || vf < stats.n_vfs);
	}
	return 0;
}
