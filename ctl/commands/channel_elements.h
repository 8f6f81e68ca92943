/* SPDX-License-Identifier: BSD-3-Clause */
/* The power channels in a domain's XML, as elements for libvirt to attach or detach. */
#ifndef VMPOWER_CTL_COMMANDS_CHANNEL_ELEMENTS_H
#define VMPOWER_CTL_COMMANDS_CHANNEL_ELEMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "xml/xml_tree.h"

struct channel_element {
	uint32_t number; /* n of virtio.serial.port.poweragent.<n> */
	char *xml;	 /* <channel ...>...</channel>, as the domain's XML has it */
};

struct channel_elements {
	uint32_t n_vcpus;
	size_t n;
	struct channel_element *elements;
};

/**
 * channel_elements_read() - find the power channels
 * @xml:	of a domain, running or not
 * @elements:	filled on success: channel_elements_clear() it
 *
 * Return: 0; -EINVAL (not a domain, or its power channels can't be served), -E2BIG, -ENOMEM, with
 * @error.
 */
int channel_elements_read(const char *xml, size_t size, struct channel_elements *elements,
			  struct xml_error *error);
void channel_elements_clear(struct channel_elements *elements);

/** channel_elements_find() - the channel with this number; NULL: none */
const struct channel_element *channel_elements_find(const struct channel_elements *elements,
						    uint32_t number);

/** channel_element_make() - the XML of a new channel, owned by the caller; NULL: no memory */
char *channel_element_make(uint32_t number);

#endif
