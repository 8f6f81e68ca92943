/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A registered domain as text: what the next manager needs to continue with the channels that it
 * inherits. Never the XML, which can contain passwords. Pure.
 *
 * A JSON object. Other versions are refused; the domain's channels are then reconnected. Increase
 * SAVED_DOMAIN_VERSION when the meaning of a key changes, or when a new key must not be ignored.
 */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_SAVED_DOMAIN_H

#include <stddef.h>

#include "helper/manager/registry/registry.h"

#define SAVED_DOMAIN_VERSION 3
#define SAVED_DOMAIN_MAX (1u << 20) /* bytes; twice the largest possible domain */

/** saved_domain_format() - Return: text, owned by the caller; NULL: out of memory */
char *saved_domain_format(const struct domain *domain);

/**
 * saved_domain_parse() - the reverse
 * @text:	@size bytes, need not be NUL-terminated
 * @saved:	set on success, to be freed with saved_domain_free(); untouched on failure
 *
 * Return: 0; -EPROTONOSUPPORT (another version); -EBADMSG (malformed); -ENOMEM.
 */
int saved_domain_parse(const char *text, size_t size, struct saved_domain *saved);

void saved_domain_free(struct saved_domain *saved);

#endif
