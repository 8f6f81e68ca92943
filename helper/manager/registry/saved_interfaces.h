/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain's network interfaces in its saved text: part of saved_domain.c. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_INTERFACES_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_INTERFACES_H

#include <jansson.h>

#include "xml/domain_description.h"

/** saved_interfaces_json() - Return: an array; NULL: out of memory */
json_t *saved_interfaces_json(const struct domain_description *description);

/**
 * saved_interfaces_parse() - the reverse
 * @array:	NULL: a predecessor lacks them, so libvirt has to tell
 *
 * Return: 0; -EBADMSG.
 */
int saved_interfaces_parse(const json_t *array, struct domain_description *description);

#endif
