/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand set: the operator fixes a vCPU's frequency, or releases it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "cleanup.h"
#include "commands.h"
#include "number.h"
#include "table.h"

static bool is_action(const char *word)
{
	static const char *const actions[] = {"up", "down", "min", "max", "release"};

	for (size_t i = 0; i < array_size(actions); i++) {
		if (strcmp(word, actions[i]) == 0)
			return true;
	}
	return false;
}

/* The parameters for the words; NULL: complained */
static json_t *parameters_of(const struct ctl *ctl)
{
	uint32_t vcpu, khz;

	if (parse_u32(ctl->words[1], MAX_DOMAIN_VCPUS - 1, &vcpu) < 0) {
		ctl_complain("\"%s\" is no vCPU: vCPUs are numbers from 0 to %d", ctl->words[1],
			     MAX_DOMAIN_VCPUS - 1);
		return NULL;
	}
	if (is_action(ctl->words[2]))
		return json_pack("{s:s, s:i, s:s}", "domain", ctl->words[0], "vcpu", (int)vcpu,
				 "action", ctl->words[2]);
	if (parse_u32(ctl->words[2], UINT32_MAX, &khz) < 0 || khz == 0) {
		ctl_complain("\"%s\" is neither up, down, min, max, release nor a frequency in "
			     "kHz, such as 2400000",
			     ctl->words[2]);
		return NULL;
	}
	return json_pack("{s:s, s:i, s:s, s:I}", "domain", ctl->words[0], "vcpu", (int)vcpu,
			 "action", "khz", "khz", (json_int_t)khz);
}

static void report(const struct ctl *ctl, json_t *reply)
{
	cleanup_free char *domain = text_escape(ctl->words[0]);
	json_int_t khz = ctl_number(reply, "khz"), before = ctl_number(reply, "previous_khz");
	uint32_t vcpu = 0, wanted = 0;

	(void)parse_u32(ctl->words[1], UINT32_MAX, &vcpu);
	(void)printf("domain \"%s\", vCPU %u: ", domain ? domain : "?", vcpu);
	if (khz == 0 && before == 0) {
		(void)printf("there was no override\n");
		return;
	}
	if (khz == 0) {
		(void)printf("released, votes count again\n");
		return;
	}
	(void)printf("fixed at %" JSON_INTEGER_FORMAT " kHz until it is released", khz);
	if (parse_u32(ctl->words[2], UINT32_MAX, &wanted) == 0 && wanted != khz)
		(void)printf("; %u kHz is no step inside the host's limits", wanted);
	(void)fputc('\n', stdout);
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
