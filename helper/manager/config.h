/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpower.conf: INI, read with inih, strict on top of it. An unknown section or key, a key
 * given twice or a bad value is an error with file and line.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_H
#define VMPOWER_HELPER_MANAGER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum method_choice { CHOOSE_AUTO, CHOOSE_SETSPEED, CHOOSE_LIMITS };
enum foreign_choice { FOREIGN_REPORT, FOREIGN_REASSERT };
enum silence_choice { SILENCE_PROTECT, SILENCE_IGNORE };

#define CONFIG_TEXT 256
#define CONFIG_PEER_USERS 16

struct config {
	char libvirt_uri[CONFIG_TEXT]; /* "none": without libvirt */
	uint32_t channel_rate;	       /* requests/s; 0: unlimited */
	uint32_t channel_burst;	       /* requests */
	uint32_t total_rate;	       /* requests/s of all channels together; 0: unlimited */
	bool channel_queries;
	char peer_users[CONFIG_PEER_USERS][33]; /* user names; "" ends the list */
	char sysfs[CONFIG_TEXT];		/* stands for /sys */
	enum method_choice method;
	uint32_t transition_interval_us;
	enum foreign_choice foreign;
	enum silence_choice silence;
	bool allow_unpinned;
	uint32_t min_khz, max_khz; /* 0: no limit */
	bool turbo;
};

struct config_error {
	char text[1024]; /* "FILE:LINE: what is wrong; what is allowed" */
};

/** config_defaults() - the vendor's values */
void config_defaults(struct config *config);

/**
 * config_load() - defaults, then a file, then its drop-ins (FILE with ".d" appended, *.conf in
 * the order of their names)
 * @path:	the file; @required: else a missing one is an empty one
 * @config:	written only on success
 *
 * Return: 0; -EINVAL with @error set; -errno with @error set.
 */
int config_load(const char *path, bool required, struct config *config, struct config_error *error);

#endif
