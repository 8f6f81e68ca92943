/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's virtio-serial ports: found by name, opened once, read and written with a limit. */
#ifndef VMPOWER_TESTS_GUEST_PORTS_H
#define VMPOWER_TESTS_GUEST_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/protocol/frame.h"

#define POWER_PORT_PREFIX "virtio.serial.port.poweragent."
#define MAX_PORTS 1024

/* A power port, and the bytes received but not yet used. */
struct port {
	int fd; /* -1: not open */
	size_t fill;
	unsigned char buffer[4096];
};

uint64_t now_us(void);

/** port_open_named() - open a port read-write, non-blocking. Return: fd or -errno */
int port_open_named(const char *name);

/** port_list() - numbers of the power ports, ascending. Return: how many */
size_t port_list(unsigned int *numbers, size_t room);

/**
 * port_get() - a power port; it is opened on first use and stays open, since a port can be open
 * only once at a time
 *
 * Return: the port; NULL with errno set.
 */
struct port *port_get(unsigned int number);

void port_close(unsigned int number);

/**
 * port_write() - write all bytes in one piece, as a power library does
 * @until_us:	wait that long (now_us()) while the host is away or does not read
 *
 * Return: 0; -ETIMEDOUT; -errno.
 */
int port_write(struct port *port, const unsigned char *bytes, size_t size, uint64_t until_us);

/**
 * port_fill() - read what is there; wait until @until_us where nothing is
 * Return: true: the buffer has grown.
 */
bool port_fill(struct port *port, uint64_t until_us);

/** port_take() - remove the first @size bytes from the buffer */
void port_take(struct port *port, size_t size);

/** port_wait() - wait for poll @events; sleeps if no host is connected, since poll() would not */
void port_wait(int fd, short events, uint64_t until_us);

#endif
