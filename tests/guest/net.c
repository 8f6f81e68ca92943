/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/net.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int net_set_up(const char *name, bool up)
{
	struct ifreq request = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		r = -errno;
	if (up)
		request.ifr_flags |= IFF_UP;
	else
		request.ifr_flags &= (short)~IFF_UP;
	if (r == 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}
