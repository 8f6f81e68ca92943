/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The power ports that the guest has: virtio.serial.port.poweragent.N. udev names them in
 * /dev/virtio-ports; where it does not run, /sys says which device has which name.
 */
#ifndef VMPOWER_GUEST_PORT_PORTS_H
#define VMPOWER_GUEST_PORT_PORTS_H

#include "common/cpuset.h"

#define PORTS_DIRECTORY "/dev/virtio-ports"
#define PORT_PATH_SIZE 4096

/**
 * ports_list() - the numbers of all power ports
 * @directory:	with a file for each port, named as the port; NULL: PORTS_DIRECTORY, or /sys
 * @numbers:	set to 0 to MAX_CHANNEL_NUMBER
 *
 * Return: 0; -errno, -ENOENT if @directory does not exist.
 */
int ports_list(const char *directory, struct cpuset *numbers);

/** ports_path() - the device of a port. Return: 0; -ENOENT: no such port; -errno */
int ports_path(const char *directory, unsigned int number, char path[PORT_PATH_SIZE]);

/**
 * ports_holder() - which process has this file open, as far as we may see that
 * @path:	of ports_path()
 * @name:	set to its name, as in ps(1); "" if we can't tell
 *
 * Return: its process id; 0: we can't tell.
 */
int ports_holder(const char *path, char name[64]);

#endif
