/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/shared_area.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/link/shared_state.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct head {
	uint32_t magic, version;
	uint64_t size;
};

_Static_assert(offsetof(struct shared_state, magic) == offsetof(struct head, magic) &&
		       offsetof(struct shared_state, version) == offsetof(struct head, version) &&
		       offsetof(struct shared_state, size) == offsetof(struct head, size),
	       "struct head is the beginning of struct shared_state");

static const struct head ours = {
	.magic = SHARED_STATE_MAGIC,
	.version = SHARED_STATE_VERSION,
	.size = sizeof(struct shared_state),
};

int shared_area_new(void)
{
	cleanup_close int fd = memfd_create("vmpower-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(struct shared_state)) < 0 ||
	    pwrite(fd, &ours, sizeof(ours), 0) != (ssize_t)sizeof(ours) ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return take_fd(&fd);
}

int shared_area_check(int fd)
{
	struct head head;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 ||
	    pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.magic != ours.magic)
		return -EBADMSG;
	if (head.version != ours.version)
		return -EPROTONOSUPPORT;
	return head.size == ours.size && st.st_size == (off_t)ours.size ? 0 : -EBADMSG;
}

void shared_area_unmap(struct shared_area *area)
{
	if (area->state)
		(void)munmap(area->state, sizeof(*area->state));
	area->state = NULL;
	close_fd(&area->fd);
}

int shared_area_map(struct shared_area *area, int fd)
{
	void *map =
		mmap(NULL, sizeof(struct shared_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED) {
		int r = -errno;

		close_fd(&fd);
		return r;
	}
	shared_area_unmap(area);
	*area = (struct shared_area){.fd = fd, .state = map};
	return 0;
}
