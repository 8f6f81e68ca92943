/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of a policy, from text to what the protocol has room for. Pure. */
#ifndef VMPOWER_GUEST_TOOL_LISTS_H
#define VMPOWER_GUEST_TOOL_LISTS_H

#include "guest/protocol/frame.h"

/*
 * Each returns NULL, or what is wrong with the text, in words. Nothing is written then.
 */

/** list_vcpus() - "0-3,6" into a policy's vCPUs: at most 8 of them, each below 256 */
const char *list_vcpus(const char *text, struct frame *frame);

/**
 * list_hours() - "0,5-7,22" into a list of hours
 *
 * Unused slots are 0, which is midnight, too: hosts tell it by an hour that comes after it. So it
 * is written first, and can't be alone.
 */
const char *list_hours(const char *text, int32_t hours[FRAME_HOURS]);

/** list_macs() - "52:54:00:12:34:56,..." into a policy's MAC addresses: at most 10 */
const char *list_macs(const char *text, struct frame *frame);

#endif
