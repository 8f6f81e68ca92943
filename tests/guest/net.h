/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's network interface. */
#ifndef VMPOWER_TESTS_GUEST_NET_H
#define VMPOWER_TESTS_GUEST_NET_H

#include <stdbool.h>

/** net_set_up() - have an interface take packets, or leave them in the host. Return: 0; -errno */
int net_set_up(const char *name, bool up);

#endif
