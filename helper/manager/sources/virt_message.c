/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/virt_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct virt_message *virt_message_new(enum virt_kind kind, const void *text, size_t size)
{
	struct virt_message *message = malloc(sizeof(*message) + size + 1);

	if (!message)
		return NULL;
	*message = (struct virt_message){.kind = kind, .size = size};
	if (size > 0)
		memcpy(message->text, text, size);
	message->text[size] = '\0';
	return message;
}

/* What travels over the socket pair: both ends are in this process. */
struct parcel {
	struct virt_message *message;
};

int virt_message_send(int fd, struct virt_message *message, int flags)
{
	const struct parcel parcel = {message};
	ssize_t n;

	do
		n = send(fd, &parcel, sizeof(parcel), flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(parcel))
		return 0;
	free(message);
	return n < 0 ? -errno : -EIO;
}

int virt_message_receive(int fd, struct virt_message **message, int flags)
{
	struct parcel parcel = {NULL};
	ssize_t n;

	do
		n = recv(fd, &parcel, sizeof(parcel), flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(parcel) || !parcel.message)
		return 0;
	*message = parcel.message;
	return 1;
}
