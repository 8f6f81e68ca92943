/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand set: the operator fixes a vCPU's frequency, or releases it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/value.h"
#include "ctl/commands/commands.h"
#include "ctl/common/print.h"

static bool is_action(const char *word)
{
	static const char *const actions[] = {"up", "down", "min", "max", "release"};

	for (size_t i = 0; i < array_size(actions); i++) {
		if (strcmp(word, actions[i]) == 0)
			return true;
	}
	return false;
}

/* The call's parameters; NULL: error printed */
static json_t *parameters_of(const struct ctl *ctl)
{
	uint32_t vcpu, khz;

	if (parse_u32(ctl->words[1], MAX_DOMAIN_VCPUS - 1, &vcpu) < 0) {
		ctl_error("invalid vCPU \"%s\": use 0 to %d", ctl->words[1], MAX_DOMAIN_VCPUS - 1);
		return NULL;
	}
	if (is_action(ctl->words[2]))
		return json_pack("{s:s, s:i, s:s}", "domain", ctl->words[0], "vcpu", (int)vcpu,
				 "action", ctl->words[2]);
	if (!value_frequency(ctl->words[2], &khz) || khz == 0) {
		ctl_error("invalid frequency \"%s\": use up, down, min, max, release, or a "
			  "frequency from 1MHz to 20GHz: 2400000 (kHz), 2400MHz or 2.4GHz",
			  ctl->words[2]);
		return NULL;
	}
	return json_pack("{s:s, s:i, s:s, s:I}", "domain", ctl->words[0], "vcpu", (int)vcpu,
			 "action", "khz", "khz", (long long)khz);
}

static void report(const struct ctl *ctl, json_t *reply)
{
	long long khz = ctl_number(reply, "khz"), before = ctl_number(reply, "previous_khz");
	uint32_t vcpu = 0, wanted = 0;
	char rounded[64] = "";

	(void)parse_u32(ctl->words[1], UINT32_MAX, &vcpu);
	if (value_frequency(ctl->words[2], &wanted) && wanted != khz)
		(void)snprintf(rounded, sizeof(rounded),
			       "; %u kHz is not a step within the host's limits", wanted);
	if (khz > 0)
		ctl_say("domain \"%s\", vCPU %u: fixed at %lld kHz until it is released%s",
			ctl->words[0], vcpu, khz, rounded);
	else
		ctl_say("domain \"%s\", vCPU %u: %s", ctl->words[0], vcpu,
			before > 0 ? "released, votes count again" : "there was no override");
}

int ctl_set(const struct ctl *ctl)
{
	cleanup_json json_t *reply = NULL;
	json_t *parameters = parameters_of(ctl);
	int r;

	if (!parameters)
		return CTL_USAGE;
	r = ctl_call(ctl, "SetOverride", parameters, &reply);
	if (r == CTL_OK && !ctl->json)
		report(ctl, reply);
	return r;
}
