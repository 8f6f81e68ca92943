/* SPDX-License-Identifier: BSD-3-Clause */
/* The content of vmpower.conf: keys.h has its keys and defaults, load.h reads it. */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_CONFIG_H
#define VMPOWER_HELPER_MANAGER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/bounds.h"
#include "common/domain_settings.h"

enum method_choice { CHOOSE_AUTO, CHOOSE_SETSPEED, CHOOSE_LIMITS };
enum foreign_choice { FOREIGN_REPORT, FOREIGN_REASSERT };
enum silence_choice { SILENCE_PROTECT, SILENCE_IGNORE };

#define CONFIG_TEXT 256
#define CONFIG_PEER_USERS 16
#define CONFIG_MAX_DOMAINS 1024 /* sections [domain "..."] */

/* A section [domain "..."]; domain_rules.h finds the one that applies to a domain. */
struct config_domain {
	char pattern[MAX_DOMAIN_NAME]; /* UUID, name, or name with wildcards */
	struct domain_settings settings;
	char origin[CONFIG_TEXT]; /* "FILE:LINE" where it begins; truncated with "..." */
};

struct config {
	char libvirt_uri[CONFIG_TEXT];	  /* "none": do not connect */
	uint32_t channel_rate;		  /* requests/s; 0: unlimited */
	uint32_t channel_burst;		  /* requests */
	uint32_t total_rate;		  /* requests/s of all channels; 0: unlimited */
	uint32_t channel_vote_lifetime_s; /* 0: no end */
	bool channel_queries;
	char peer_users[CONFIG_PEER_USERS][33]; /* ends with "" */
	char sysfs[CONFIG_TEXT];		/* stands for /sys */
	enum method_choice method;
	uint32_t transition_interval_us;
	enum foreign_choice foreign;
	enum silence_choice silence;
	bool allow_unpinned;
	uint32_t min_khz, max_khz;			       /* 0: no limit */
	char min_origin[CONFIG_TEXT], max_origin[CONFIG_TEXT]; /* "FILE:LINE"; "": not given */
	bool turbo;
	uint32_t traffic_interval_ms, traffic_vf_interval_ms;
	uint32_t n_domains;
	struct config_domain *domains; /* owned, see config_clear() */
};

struct config_error {
	char text[1024]; /* "FILE:LINE: the error; the allowed values" */
};

/** config_defaults() - the defaults of keys.c; owns nothing */
void config_defaults(struct config *config);

/** config_clear() - free its sections */
static inline void config_clear(struct config *config)
{
	free(config->domains);
	config->domains = NULL;
	config->n_domains = 0;
}

#endif
