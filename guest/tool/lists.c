/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/tool/lists.h"

#include <string.h>

#include "common/cpuset.h"

#define MAC_BYTES 6
#define MAC_TEXT (3 * MAC_BYTES - 1)

const char *list_vcpus(const char *text, struct frame *frame)
{
	struct cpuset set;
	unsigned int vcpu;
	uint8_t n = 0;

	if (cpuset_parse(text, &set) < 0 || cpuset_is_empty(&set))
		return "use a list of vCPUs, such as 0-3,6";
	if (cpuset_count(&set) > FRAME_VCPUS)
		return "a policy has room for 8 vCPUs; send another one for the others";
	if (cpuset_next(&set, UINT8_MAX + 1) < MAX_CPUS)
		return "a policy can only name vCPUs 0 to 255";
	memset(frame->vcpus, 0, sizeof(frame->vcpus));
	cpuset_for_each (vcpu, &set)
		frame->vcpus[n++] = (uint8_t)vcpu;
	frame->num_vcpu = n;
	return NULL;
}

const char *list_hours(const char *text, int32_t hours[FRAME_HOURS])
{
	struct cpuset set;
	unsigned int hour;
	size_t n = 0;

	if (cpuset_parse(text, &set) < 0 || cpuset_is_empty(&set) ||
	    cpuset_next(&set, FRAME_HOURS) < MAX_CPUS)
		return "use a list of hours from 0 to 23, such as 0,5-7,22";
	if (cpuset_count(&set) == 1 && cpuset_has(&set, 0))
		return "the protocol can't say hour 0 alone; name another hour with it";
	memset(hours, 0, FRAME_HOURS * sizeof(*hours));
	cpuset_for_each (hour, &set)
		hours[n++] = (int32_t)hour;
	return NULL;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* A MAC at the beginning of @text. Return: false: there is none. */
static bool parse_mac(const char *text, uint64_t *mac)
{
	*mac = 0;
	if (strnlen(text, MAC_TEXT) < MAC_TEXT)
		return false;
	for (int i = 0; i < MAC_BYTES; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < MAC_BYTES - 1 && text[3 * i + 2] != ':'))
			return false;
		*mac |= (uint64_t)(high << 4 | low) << (8 * i);
	}
	return true;
}

const char *list_macs(const char *text, struct frame *frame)
{
	uint64_t macs[FRAME_MACS] = {0};
	int n = 0;

	for (;;) {
		if (n == FRAME_MACS)
			return "a policy has room for 10 MAC addresses";
		if (!parse_mac(text, &macs[n++]))
			return "use MAC addresses, such as 52:54:00:12:34:56,52:54:00:12:34:57";
		text += MAC_TEXT;
		if (!*text)
			break;
		if (*text++ != ',')
			return "separate MAC addresses by commas";
	}
	memcpy(frame->vfid, macs, sizeof(macs));
	frame->nb_mac = n;
	return NULL;
}
