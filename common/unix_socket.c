/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

int unix_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

/* Open a socket and fill @address from @path. Return: fd; -errno */
static int open_socket(const char *path, int type, struct sockaddr_un *address)
{
	int fd, r = unix_address(path, address);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

static int set_ask_sender(int fd, int ask)
{
	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &ask, sizeof(ask)) < 0 ? -errno : 0;
}

static int connect_to(const char *path, int type, bool ask)
{
	struct sockaddr_un address;
	cleanup_close int fd = open_socket(path, type, &address);
	int r = fd;

	/* before a message can be sent */
	if (fd >= 0 && ask)
		r = set_ask_sender(fd, 1);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int unix_connect(const char *path, int type)
{
	return connect_to(path, type, false);
}

int unix_connect_asking(const char *path, int type)
{
	return connect_to(path, type, true);
}

/* Is @path a socket file that nobody listens on? */
static bool is_stale(const char *path, int type)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = unix_connect(path, type);
	return fd == -ECONNREFUSED;
}

int unix_listen(const char *path, int type, mode_t mode)
{
	struct sockaddr_un address;
	cleanup_close int fd = open_socket(path, type, &address);

	if (fd < 0)
		return fd;
	/* Before bind(), so that the file never has a wider mode. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EADDRINUSE)
			return -errno;
		if (!is_stale(path, type))
			return -EADDRINUSE;
		if (unlink(path) < 0)
			return -errno;
		if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
			return -errno;
	}
	/* bind() applied the umask to the mode. */
	if (chmod(path, mode) < 0)
		return -errno;
	if (listen(fd, SOMAXCONN) < 0)
		return -errno;
	return take_fd(&fd);
}

int unix_peer(int fd, struct ucred *peer)
{
	socklen_t len = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) < 0 ? -errno : 0;
}

int unix_sender(int fd, struct ucred *sender)
{
	union {
		char buffer[CMSG_SPACE(sizeof(*sender))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = sizeof(byte)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	const struct cmsghdr *cmsg;

	/* there is no room for fds, so none is received */
	if (recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_CREDENTIALS)
		return -ENODATA;
	memcpy(sender, CMSG_DATA(cmsg), sizeof(*sender));
	return set_ask_sender(fd, 0);
}

int unix_peer_path(int fd, char path[UNIX_PATH_SIZE])
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(address);
	size_t size = 0;

	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	if (address.sun_family != AF_UNIX)
		return -EAFNOSUPPORT;
	/* The kernel may not end it with a NUL; an abstract name begins with one. */
	if (length > offsetof(struct sockaddr_un, sun_path))
		size = strnlen(address.sun_path, sizeof(address.sun_path));
	memcpy(path, address.sun_path, size);
	path[size] = '\0';
	return 0;
}

uint64_t unix_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

bool unix_has_hung_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};

	return poll(&pfd, 1, 0) > 0;
}

bool unix_peer_in_group(int fd, gid_t gid)
{
	cleanup_free gid_t *groups = NULL;
	struct ucred peer;
	socklen_t len = 0;

	if (unix_peer(fd, &peer) < 0)
		return false;
	if (peer.gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return false;
	groups = malloc(len);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(*groups); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

union fd_control {
	char buffer[CMSG_SPACE(sizeof(int) * UNIX_MAX_FDS)];
	struct cmsghdr align;
};

int unix_send(int fd, const void *data, size_t size, const int *fds, unsigned int n_fds, int flags)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_control control;
	ssize_t n;

	if (n_fds > UNIX_MAX_FDS)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buffer;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

/* Put a message's fds into @fds and close those that do not fit. Return: did all fit? */
static bool collect_fds(struct msghdr *msg, int *fds, unsigned int *n_fds, unsigned int room)
{
	bool fit = true;

	*n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*n_fds < room) {
				fds[(*n_fds)++] = fd;
			} else {
				(void)close(fd);
				fit = false;
			}
		}
	}
	return fit;
}

ssize_t unix_receive(int fd, void *data, size_t size, int *fds, unsigned int *n_fds, int flags)
{
	struct iovec iov = {.iov_base = data, .iov_len = size};
	union fd_control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	unsigned int room = *n_fds;
	bool fit;
	ssize_t n;

	*n_fds = 0;
	do
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fit = collect_fds(&msg, fds, n_fds, room);
	if (!fit || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*n_fds > 0)
			(void)close(fds[--*n_fds]);
		return -EMSGSIZE;
	}
	return n;
}
