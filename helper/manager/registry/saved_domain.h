/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A registered domain as text, for a successor of this manager: what it needs to go on with the
 * channels that it is handed. Never the XML, which can hold passwords. Pure.
 *
 * JSON, one object; a version that is not ours is not read: the domain's channels are then
 * connected anew. Whoever changes what the keys mean, or adds one that must not be passed over,
 * changes SAVED_DOMAIN_VERSION.
 */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_DOMAIN_H

#include <stddef.h>

#include "helper/manager/registry/registry.h"

#define SAVED_DOMAIN_VERSION 1
#define SAVED_DOMAIN_MAX (1u << 20) /* bytes; the largest there can be has half of it */

/** saved_domain_format() - Return: text, NUL-terminated, the caller's; NULL: no memory */
char *saved_domain_format(const struct domain *domain);

/**
 * saved_domain_parse() - read it
 * @text:	@size bytes, need not be NUL-terminated
 * @saved:	filled on success, then the caller's to free; untouched on failure
 *
 * Return: 0; -EPROTONOSUPPORT (another version); -EBADMSG (no such text); -ENOMEM.
 */
int saved_domain_parse(const char *text, size_t size, struct saved_domain *saved);

void saved_domain_free(struct saved_domain *saved);

#endif
