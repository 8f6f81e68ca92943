/* SPDX-License-Identifier: BSD-3-Clause */
/* What a policy by traffic sees and wants, in words. */
#ifndef VMPOWER_CTL_COMMON_TRAFFIC_H
#define VMPOWER_CTL_COMMON_TRAFFIC_H

#include <jansson.h>
#include <stddef.h>

#define TRAFFIC_TEXT_SIZE 192u

/**
 * traffic_text() - "12000 packets/s, below 100000 for 0.3 s: medium"
 * @traffic:	type Traffic
 *
 * Return: @text.
 */
const char *traffic_text(json_t *traffic, char text[TRAFFIC_TEXT_SIZE]);

#endif
