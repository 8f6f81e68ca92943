/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be said about one domain: in a section [domain "..."] of the host's configuration,
 * and in the <metadata> of the domain's XML. Names, ranges and meaning are the same in both.
 */
#ifndef VMPOWER_XML_DOMAIN_SETTINGS_H
#define VMPOWER_XML_DOMAIN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the element <domain> in <metadata> and all in it. xml/vmpower-domain.rng has it, too. */
#define DOMAIN_NAMESPACE "https://vmpower.org/domain/1.0"

/* In the names of other versions, and in most that are misspelt. */
#define DOMAIN_NAMESPACE_FAMILY "//vmpower.org/"

enum domain_setting {
	SETTING_SERVE,
	SETTING_MIN_FREQUENCY,
	SETTING_MAX_FREQUENCY,
	SETTING_TURBO,
	SETTING_COMMANDS,
	SETTING_QUERIES,
	SETTING_RATE,
	SETTING_BURST,
	N_SETTINGS,
};

/* Commands that a guest may give, as bits. */
#define COMMAND_SCALE 1u /* up, down, min, max */
#define COMMAND_TURBO 2u /* turbo on, off */
#define COMMANDS_ALL (COMMAND_SCALE | COMMAND_TURBO)

struct domain_settings {
	uint32_t given;		   /* 1 << enum domain_setting: the others' values mean nothing */
	uint32_t min_khz, max_khz; /* 0: no limit */
	uint32_t commands;	   /* COMMAND_* */
	uint32_t rate;		   /* of each channel, requests/s; 0: unlimited */
	uint32_t burst;		   /* of each channel, requests */
	bool serve;		   /* are its channels connected at all? */
	bool turbo;		   /* may it ask for more than the highest without turbo? */
	bool queries;		   /* may it ask for frequencies and capabilities? */
};

/* For messages and for the configuration file that explains itself. */
struct domain_setting_text {
	const char *name;
	const char *allowed; /* "yes or no", ... */
	const char *initial; /* what holds where nothing is said */
	const char *help;    /* sentences */
};

extern const struct domain_setting_text domain_setting_texts[N_SETTINGS];

/* by bit of COMMAND_*; NULL at the end */
extern const char *const domain_command_names[];

/** domain_setting_find() - Return: enum domain_setting; -1: none has this name */
int domain_setting_find(const char *name);

/**
 * domain_setting_parse() - take a value over, and note that it is given
 *
 * Return: whether it is allowed; @settings is left alone otherwise.
 */
bool domain_setting_parse(enum domain_setting setting, const char *text,
			  struct domain_settings *settings);

static inline bool domain_setting_given(const struct domain_settings *settings,
					enum domain_setting setting)
{
	return settings->given >> setting & 1;
}

#endif
