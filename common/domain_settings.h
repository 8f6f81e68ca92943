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

#include "common/bounds.h"

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
	SETTING_POLICY, /* from here on: the operator's policy, see common/policy_settings.h */
	SETTING_POLICY_LEVEL,
	SETTING_POLICY_LOW_HOURS,
	SETTING_POLICY_MEDIUM_HOURS,
	SETTING_POLICY_HIGH_HOURS,
	SETTING_POLICY_TRAFFIC_HOURS,
	SETTING_POLICY_MEDIUM_PACKETS,
	SETTING_POLICY_HIGH_PACKETS,
	SETTING_POLICY_DIRECTION,
	SETTING_POLICY_VCPUS,
	SETTING_POLICY_INTERFACES,
	SETTING_POLICY_RANK,
	N_SETTINGS,
};
#define DOMAIN_SETTINGS_ALL ((UINT32_C(1) << N_SETTINGS) - 1) /* as given */

/* Commands that a guest may send, as bits. */
#define COMMAND_SCALE 1u  /* up, down, min, max */
#define COMMAND_TURBO 2u  /* turbo on, off */
#define COMMAND_POLICY 4u /* policies and their removal */
#define COMMANDS_ALL (COMMAND_SCALE | COMMAND_TURBO | COMMAND_POLICY)

/* The choices of settings; the texts are in domain_setting_fields. */
enum setting_policy { OPERATOR_NONE, OPERATOR_WORKLOAD, OPERATOR_TIME, OPERATOR_TRAFFIC };
enum setting_policy_level { OPERATOR_NO_LEVEL, OPERATOR_LOW, OPERATOR_MEDIUM, OPERATOR_HIGH };
enum setting_policy_direction { DIRECTION_TO_GUEST, DIRECTION_BOTH };
enum setting_policy_rank { RANK_BELOW_GUEST, RANK_ABOVE_GUEST };

struct setting_vcpus {
	uint64_t bits[MAX_DOMAIN_VCPUS / 64];
};

/* Most values are a uint32_t. The table finds them by offset, and the link sends them unchanged. */
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
	uint32_t policy;	   /* enum setting_policy */
	uint32_t policy_level;	   /* enum setting_policy_level */
	/* bits 1 << hour */
	uint32_t policy_low_hours, policy_medium_hours, policy_high_hours, policy_traffic_hours;
	uint32_t policy_medium_packets, policy_high_packets; /* per second */
	uint32_t policy_direction;			     /* enum setting_policy_direction */
	uint32_t policy_rank;				     /* enum setting_policy_rank */
	struct setting_vcpus policy_vcpus;
	/* "all", or devices and MAC addresses (in lower case), a blank in between */
	char policy_interfaces[POLICY_INTERFACES_SIZE];
};

enum setting_type {
	TYPE_FLAG,
	TYPE_FREQUENCY,
	TYPE_NUMBER,
	TYPE_COMMANDS,
	TYPE_CHOICE,
	TYPE_HOURS,
	TYPE_VCPUS,	 /* struct setting_vcpus */
	TYPE_INTERFACES, /* text */
};

/* How two values of a setting combine into the narrower one. */
enum setting_merge {
	MERGE_AND,    /* flags: no wins; commands: those in both */
	MERGE_HIGHER, /* lower bounds: the higher one */
	MERGE_LOWER,  /* upper bounds: the lower one; 0: none */
	MERGE_POLICY, /* not by itself: see policy_settings_apply() */
};

struct domain_setting_field {
	const char *name; /* key in the section, element in the metadata */
	const char *json; /* member in JSON */
	enum setting_type type;
	uint32_t min, max;	    /* TYPE_NUMBER */
	size_t offset;		    /* in struct domain_settings */
	enum setting_merge merge;   /* how metadata narrows it */
	bool section_narrows;	    /* a section narrows [limits]; else it overrides the default */
	const char *allowed;	    /* for error texts: "yes or no", ... */
	const char *initial;	    /* default */
	const char *help;	    /* comment in the default configuration file */
	const char *const *choices; /* TYPE_CHOICE: ends with NULL */
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

/** domain_setting_text() - write a value as domain_setting_parse() reads it. Return: @text */
#define SETTING_TEXT_SIZE 4096u
const char *domain_setting_text(enum domain_setting setting, const struct domain_settings *settings,
				char text[SETTING_TEXT_SIZE]);

/** setting_vcpus_has() - is a vCPU, < MAX_DOMAIN_VCPUS, in the set? */
static inline bool setting_vcpus_has(const struct setting_vcpus *vcpus, uint32_t vcpu)
{
	return vcpus->bits[vcpu / 64] >> vcpu % 64 & 1;
}

/** domain_setting_copy() - copy the value, and mark it as given if it is given */
void domain_setting_copy(enum domain_setting setting, const struct domain_settings *from,
			 struct domain_settings *to);

/** domain_setting_names() - write "serve, min-frequency, ... and burst" to @text. Return: @text */
#define SETTING_NAMES_SIZE 512u
const char *domain_setting_names(char *text, size_t size);

/** domain_setting_value() - pointer to a setting's value; not of TYPE_VCPUS and TYPE_INTERFACES */
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

/* The next two leave the policy alone: policy_settings_apply() does that. */

/** domain_settings_override() - apply a section to the settings of all domains */
void domain_settings_override(struct domain_settings *settings,
			      const struct domain_settings *section);

/** domain_settings_narrow() - apply metadata, which may only narrow the settings */
void domain_settings_narrow(struct domain_settings *settings, const struct domain_settings *by);

/** domain_settings_equal() - are all values equal, whether given or not? */
bool domain_settings_equal(const struct domain_settings *a, const struct domain_settings *b);

#endif
