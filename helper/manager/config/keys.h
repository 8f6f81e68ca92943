/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of vmpower.conf: one table for parsing, for the shipped file, and for what may change
 * at run time. common/domain_settings.h has the keys of sections [domain "..."]. Pure.
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
	const char *help;	    /* sentences for the shipped file */
	const char *needs_restart;  /* why it can't change at run time; NULL: it can */
};

#define DOMAIN_SECTION "domain"

#define MAX_CONFIG_KEYS 32 /* size of arrays with an element per key */

/* Keys of one section are adjacent. */
extern const struct config_key config_keys[];
extern const unsigned int n_config_keys;

/** config_key_set() - set a key from text. Return: is the value allowed? */
bool config_key_set(const struct config_key *key, const char *value, struct config *config);

/** config_key_equal() - does a key have the same value in both? */
bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b);

/** config_key_copy() - copy a key's value */
void config_key_copy(const struct config_key *key, const struct config *from, struct config *to);

/** config_key_names() - "a, b, c", for messages: a section's keys, or all sections (@section NULL)
 */
const char *config_key_names(const char *section, char *text, size_t size);

/** config_user_number() - is this one of peer_users a number? Sets @uid then */
bool config_user_number(const char *user, uint32_t *uid);

/** config_default_peer_user() - is it one of the default's, which few hosts all have? */
bool config_default_peer_user(const char *user);

/** config_is_section() - is there such a section, other than [domain "..."]? */
bool config_is_section(const char *name);

/** config_print_defaults() - print the shipped file: every key explained, its default commented out
 */
void config_print_defaults(FILE *out);

#endif
