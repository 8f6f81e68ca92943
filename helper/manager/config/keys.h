/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of vmpower.conf, each with its range, its default and what it is for: what is read,
 * what the shipped file says, and what may change at run time all come from this table. The keys
 * of sections [domain "..."] are in domain_settings.h. Pure.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_KEYS_H
#define VMPOWER_HELPER_MANAGER_CONFIG_KEYS_H

#include <stdio.h>

#include "helper/manager/config/config.h"

enum key_type { KEY_URI, KEY_PATH, KEY_NUMBER, KEY_FREQUENCY, KEY_FLAG, KEY_CHOICE, KEY_USERS };

struct config_key {
	const char *section, *name;
	enum key_type type;
	uint32_t min, max;	    /* KEY_NUMBER */
	const char *const *choices; /* KEY_CHOICE: by the enum's value, NULL at the end */
	size_t offset;		    /* of the field in struct config */
	const char *allowed;	    /* for messages */
	const char *initial;	    /* the default, as text */
	const char *help;	    /* sentences */
	const char *fixed;	    /* why it can't change at run time; NULL: it can */
};

#define DOMAIN_SECTION "domain"

#define MAX_CONFIG_KEYS 32 /* for those who keep something for each */

/* Keys of one section stand together. */
extern const struct config_key config_keys[];
extern const unsigned int n_config_keys;

/** config_key_set() - take a value over. Return: whether it is allowed */
bool config_key_set(const struct config_key *key, const char *value, struct config *config);

/** config_key_equal() - have both the same value? */
bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b);

/** config_key_copy() - have @to keep what @from says */
void config_key_copy(const struct config_key *key, const struct config *from, struct config *to);

/** config_key_names() - "a, b, c": the sections (@section NULL), or a section's keys; for people */
const char *config_key_names(const char *section, char *text, size_t size);

/** config_is_section() - besides [domain "..."] */
bool config_is_section(const char *name);

/** config_print_defaults() - the file that is shipped: every key, commented out, explained */
void config_print_defaults(FILE *out);

#endif
