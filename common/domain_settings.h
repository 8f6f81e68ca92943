/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's settings: from a section [domain "..."] of the host's configuration and from the
 * <metadata> of the domain's XML. One table describes them for configuration, metadata, JSON and
 * the link to the monitor. To add a setting, add an enumerator, a member and a row of the table,
 * and its line in xml/vmpower-domain.rng and org.vmpower.Manager.varlink. Pure.
 */
#ifndef VMPOWER_COMMON_DOMAIN_SETTINGS_H
#define VMPOWER_COMMON_DOMAIN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* XML namespace of <domain> in <metadata>; keep in step with xml/vmpower-domain.rng. */
#define DOMAIN_NAMESPACE "https://vmpower.org/domain/1.0"

/* Common to every version of the namespace, and to most misspellings of it. */
#define DOMAIN_NAMESPACE_FAMILY "//vmpower.org/"

/* Append only: state files refer to settings by bit number. */
enum domain_setting {
	SETTING_SERVE,
	SETTING_MIN_FREQUENCY,
	SETTING_MAX_FREQUENCY,
	SETTING_TURBO,
	SETTING_COMMANDS,
	SETTING_QUERIES,
	SETTING_RATE,
	SETTING_BURST,
	SETTING_VOTE_LIFETIME,
	N_SETTINGS,
};

/* Commands that a guest may send, as bits. */
#define COMMAND_SCALE 1u  /* up, down, min, max */
#define COMMAND_TURBO 2u  /* turbo on, off */
#define COMMAND_POLICY 4u /* policies and their removal */
#define COMMANDS_ALL (COMMAND_SCALE | COMMAND_TURBO | COMMAND_POLICY)

/* Every value is a uint32_t: the table finds it by offset, and the link sends it unchanged. */
struct domain_settings {
	uint32_t given;		   /* bits 1 << enum domain_setting; values not given are 0 */
	uint32_t min_khz, max_khz; /* 0: no limit */
	uint32_t commands;	   /* COMMAND_* */
	uint32_t rate;		   /* requests/s per channel; 0: unlimited */
	uint32_t burst;		   /* requests per channel */
	uint32_t serve;		   /* flag: are its channels connected? */
	uint32_t turbo;		   /* flag: may it ask for turbo frequencies? */
	uint32_t queries;	   /* flag: may it ask for frequencies and capabilities? */
	uint32_t vote_lifetime_s;  /* 0: no end */
};

enum setting_type { TYPE_FLAG, TYPE_FREQUENCY, TYPE_NUMBER, TYPE_COMMANDS };

/* How two values of a setting combine into the narrower one. */
enum setting_merge {
	MERGE_AND,    /* flags: no wins; commands: those in both */
	MERGE_HIGHER, /* lower bounds: the higher one */
	MERGE_LOWER,  /* upper bounds: the lower one; 0: none */
};

struct domain_setting_field {
	const char *name; /* key in the section, element in the metadata */
	const char *json; /* member in JSON */
	enum setting_type type;
	uint32_t min, max;	  /* TYPE_NUMBER */
	size_t offset;		  /* in struct domain_settings */
	enum setting_merge merge; /* how metadata narrows it */
	bool section_narrows;	  /* a section narrows [limits]; else it overrides the default */
	const char *allowed;	  /* for error texts: "yes or no", ... */
	const char *initial;	  /* default */
	const char *help;	  /* comment in the default configuration file */
};

extern const struct domain_setting_field domain_setting_fields[N_SETTINGS];

extern const char *const domain_command_names[];

/** domain_setting_find() - by name. Return: enum domain_setting; -1: unknown */
int domain_setting_find(const char *name);

/**
 * domain_setting_parse() - set a value from text and mark it as given
 *
 * Return: is the text valid? If not, @settings is unchanged.
 */
bool domain_setting_parse(enum domain_setting setting, const char *text,
			  struct domain_settings *settings);

/** domain_setting_names() - write "serve, min-frequency, ... and burst" to @text. Return: @text */
const char *domain_setting_names(char *text, size_t size);

/** domain_setting_value() - pointer to a setting's value */
uint32_t *domain_setting_value(struct domain_settings *settings, enum domain_setting setting);

static inline uint32_t domain_setting_get(const struct domain_settings *settings,
					  enum domain_setting setting)
{
	return *domain_setting_value((struct domain_settings *)settings, setting);
}

static inline bool domain_setting_given(const struct domain_settings *settings,
					enum domain_setting setting)
{
	return settings->given >> setting & 1;
}

/** domain_settings_initial() - the defaults, all marked as given */
struct domain_settings domain_settings_initial(void);

/** domain_settings_override() - apply a section to the settings of all domains */
void domain_settings_override(struct domain_settings *settings,
			      const struct domain_settings *section);

/** domain_settings_narrow() - apply metadata, which may only narrow the settings */
void domain_settings_narrow(struct domain_settings *settings, const struct domain_settings *by);

/** domain_settings_equal() - are all values equal, whether given or not? */
bool domain_settings_equal(const struct domain_settings *a, const struct domain_settings *b);

#endif
