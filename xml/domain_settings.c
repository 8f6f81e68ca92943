/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_settings.h"

#include <string.h>

#include "bounds.h"
#include "value.h"

#define A_FREQUENCY "0 (no limit) or 1000 to 20000000 kHz"
#define A_FLAG "yes or no"
#define HIGHEST_RATE 1000000

_Static_assert(LOWEST_KHZ == 1000 && HIGHEST_KHZ == 20000000, "A_FREQUENCY says so");

const char *const domain_command_names[] = {"scale", "turbo", NULL};

const struct domain_setting_text domain_setting_texts[N_SETTINGS] = {
	[SETTING_SERVE] = {"serve", A_FLAG, "yes",
			   "Are its channels served? no: they are not connected, so its guest is "
			   "not heard. Its pinned vCPUs still count as silent ones."},
	[SETTING_MIN_FREQUENCY] = {"min-frequency", A_FREQUENCY, "0",
				   "The lowest frequency, in kHz, that its requests can lead to; "
				   "0: what [limits] says."},
	[SETTING_MAX_FREQUENCY] = {"max-frequency", A_FREQUENCY, "0",
				   "The highest frequency, in kHz, that its requests can lead to; "
				   "0: what [limits] says."},
	[SETTING_TURBO] = {"turbo", A_FLAG, "yes",
			   "May it ask for frequencies above the highest without turbo? yes: "
			   "where [limits] turbo allows it."},
	[SETTING_COMMANDS] = {"commands", "none, or words out of: scale turbo", "scale turbo",
			      "Which commands are obeyed: scale (up, down, min, max), turbo (on, "
			      "off); the others are answered with NACK. none: no command."},
	[SETTING_QUERIES] = {"queries", A_FLAG, "yes",
			     "May it ask for frequencies and capabilities? Where it is not given, "
			     "[channel] queries holds."},
	[SETTING_RATE] = {"rate", "0 (unlimited) to 1000000 requests per second", "1000",
			  "Requests per second for each of its channels; 0: unlimited. Where it is "
			  "not given, [channel] rate holds."},
	[SETTING_BURST] = {"burst", "1 to 1000000 requests", "200",
			   "How many requests may come in one go. Where it is not given, [channel] "
			   "burst holds."},
};

int domain_setting_find(const char *name)
{
	for (int i = 0; i < N_SETTINGS; i++) {
		if (strcmp(name, domain_setting_texts[i].name) == 0)
			return i;
	}
	return -1;
}

static bool parse(enum domain_setting setting, const char *text, struct domain_settings *settings)
{
	switch (setting) {
	case SETTING_SERVE:
		return value_flag(text, &settings->serve);
	case SETTING_MIN_FREQUENCY:
		return value_frequency(text, &settings->min_khz);
	case SETTING_MAX_FREQUENCY:
		return value_frequency(text, &settings->max_khz);
	case SETTING_TURBO:
		return value_flag(text, &settings->turbo);
	case SETTING_COMMANDS:
		return value_words(text, domain_command_names, &settings->commands);
	case SETTING_QUERIES:
		return value_flag(text, &settings->queries);
	case SETTING_RATE:
		return value_number(text, 0, HIGHEST_RATE, &settings->rate);
	case SETTING_BURST:
		return value_number(text, 1, HIGHEST_RATE, &settings->burst);
	case N_SETTINGS:
		break;
	}
	return false;
}

bool domain_setting_parse(enum domain_setting setting, const char *text,
			  struct domain_settings *settings)
{
	if (!parse(setting, text, settings))
		return false;
	settings->given |= UINT32_C(1) << setting;
	return true;
}
