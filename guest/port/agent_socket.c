/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/port/agent_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"

#define PATIENCE_MS 2000

/* Receive one message within PATIENCE_MS. Return: its size; -errno */
static ssize_t receive(int fd, void *data, size_t size)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (poll(&polled, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	n = recv(fd, data, size, 0);
	return n < 0 ? -errno : n;
}

/* Return: fd of a connection for this; -errno */
static int say_hello(const char *path, enum agent_kind kind, unsigned int number)
{
	const struct agent_hello hello = {AGENT_MAGIC, kind, number};
	struct agent_welcome welcome;
	cleanup_close int fd = unix_connect(path, SOCK_SEQPACKET);
	ssize_t n;

	if (fd == -ECONNREFUSED)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		return -errno;
	n = receive(fd, &welcome, sizeof(welcome));
	if (n < 0)
		return (int)n;
	if (n != (ssize_t)sizeof(welcome) || welcome.magic != AGENT_MAGIC)
		return -EPROTO; /* of another version */
	if (welcome.error)
		return welcome.error < 0 ? welcome.error : -EPROTO;
	return take_fd(&fd);
}

int agent_port_open(const char *path, unsigned int number, struct port *port)
{
	int fd = say_hello(path, AGENT_PORT, number);

	port->fd = -1;
	if (fd < 0)
		return fd;
	port->fd = fd;
	port->socket = port->agent = true;
	port->number = number;
	replies_reset(&port->replies);
	return 0;
}

int agent_status(const char *path, char **text)
{
	cleanup_close int fd = say_hello(path, AGENT_STATUS, 0);
	cleanup_free char *buffer = NULL;
	ssize_t n;

	if (fd < 0)
		return fd;
	buffer = malloc(AGENT_STATUS_MAX + 1);
	if (!buffer)
		return -ENOMEM;
	n = receive(fd, buffer, AGENT_STATUS_MAX);
	if (n <= 0)
		return n < 0 ? (int)n : -EPROTO;
	buffer[n] = '\0';
	*text = take_ptr(buffer);
	return 0;
}
