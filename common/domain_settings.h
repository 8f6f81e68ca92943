/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of one domain: given in a section [domain "..."] of the host's configuration, and
 * in the <metadata> of the domain's XML. One table describes them; configuration, metadata, JSON
 * and the link to the monitor all read it. A new setting is an enumerator, a member and a line of
 * the table, beside its line in xml/vmpower-domain.rng and org.vmpower.Manager.varlink. Pure.
 */
#ifndef VMPOWER_COMMON_DOMAIN_SETTINGS_H
#define VMPOWER_COMMON_DOMAIN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* XML namespace of <domain> in <metadata>; keep in step with xml/vmpower-domain.rng. */
#define DOMAIN_NAMESPACE "https://vmpower.org/domain/1.0"

/* In the names of other versions, and in most that are misspelt. */
#define DOMAIN_NAMESPACE_FAMILY "//vmpower.org/"

/* New ones at the end: state files of a predecessor name settings by their bits. */
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

/* Each value is an uint32_t, so that it goes over the link and through the table as it is. */
struct domain_settings {
	uint32_t given;		   /* bits 1 << enum domain_setting; what is not given is 0 */
	uint32_t min_khz, max_khz; /* 0: no limit */
	uint32_t commands;	   /* COMMAND_* */
	uint32_t rate;		   /* of each channel, requests/s; 0: unlimited */
	uint32_t burst;		   /* of each channel, requests */
	uint32_t serve;		   /* flag: are its channels connected at all? */
	uint32_t turbo;		   /* flag: may it ask for more than the highest without turbo? */
	uint32_t queries;	   /* flag: may it ask for frequencies and capabilities? */
};

enum setting_type { TYPE_FLAG, TYPE_FREQUENCY, TYPE_NUMBER, TYPE_COMMANDS };

/* What two places say, made one. */
enum setting_merge {
	MERGE_AND,    /* flags: the no counts; commands: those in both */
	MERGE_HIGHER, /* the higher lower bound */
	MERGE_LOWER,  /* the lower upper bound, where 0 is none */
};

struct domain_setting_field {
	const char *name; /* as a key of the section and as an element of the metadata */
	const char *json; /* as a member in JSON */
	enum setting_type type;
	uint32_t min, max;	  /* TYPE_NUMBER */
	size_t offset;		  /* in struct domain_settings */
	enum setting_merge merge; /* how the metadata narrows it */
	bool section_narrows; /* a section narrows [limits]; else it overrides what holds for all */
	const char *allowed;  /* for messages: "yes or no", ... */
	const char *initial;  /* what holds where nothing is said */
	const char *help;     /* sentences, for the configuration file that explains itself */
};

extern const struct domain_setting_field domain_setting_fields[N_SETTINGS];

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

/** domain_setting_names() - "serve, min-frequency, ... and burst", for messages */
const char *domain_setting_names(char *text, size_t size);

/** domain_setting_value() - where a setting's value is */
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

/** domain_settings_initial() - what holds where nothing is said, all given */
struct domain_settings domain_settings_initial(void);

/** domain_settings_override() - apply a section to what holds for all domains */
void domain_settings_override(struct domain_settings *settings,
			      const struct domain_settings *section);

/** domain_settings_narrow() - apply what can only narrow */
void domain_settings_narrow(struct domain_settings *settings, const struct domain_settings *by);

/** domain_settings_equal() - are all values the same? Which of them are given does not matter. */
bool domain_settings_equal(const struct domain_settings *a, const struct domain_settings *b);

#endif
