/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration file and its drop-ins in a temporary directory. */
#ifndef VMPOWER_TESTS_UNIT_CONFIG_FIXTURE_H
#define VMPOWER_TESTS_UNIT_CONFIG_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/manager/config/load.h"

static char directory[64], path[96];
static struct config config;
static struct config_error error;

static inline void make_directory(void)
{
	(void)snprintf(directory, sizeof(directory), "%s", "/tmp/check_config.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/vmpower.conf", directory);
	memset(&config, 0x55, sizeof(config));
	config.domains = NULL;
	error.text[0] = '\0';
}

static inline void remove_directory(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
	config_clear(&config);
}

static inline void write_bytes(const char *file, const char *bytes, size_t size)
{
	cleanup_close int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
}

static inline void write_drop_in(const char *name, const char *text)
{
	char file[160];

	(void)snprintf(file, sizeof(file), "%s.d", path);
	ck_assert(mkdir(file, 0700) == 0 || errno == EEXIST);
	(void)snprintf(file, sizeof(file), "%s.d/%s", path, name);
	write_bytes(file, text, strlen(text));
}

static inline int load(const char *text)
{
	write_bytes(path, text, strlen(text));
	config_clear(&config);
	return config_load(path, true, &config, &error);
}

static inline void assert_defaults(void)
{
	struct config defaults;

	config_defaults(&defaults);
	ck_assert_str_eq(config.libvirt_uri, defaults.libvirt_uri);
	ck_assert_str_eq(config.sysfs, defaults.sysfs);
	ck_assert_mem_eq(config.peer_users, defaults.peer_users, sizeof(config.peer_users));
	ck_assert_uint_eq(config.channel_rate, defaults.channel_rate);
	ck_assert_uint_eq(config.channel_burst, defaults.channel_burst);
	ck_assert_uint_eq(config.total_rate, defaults.total_rate);
	ck_assert_uint_eq(config.channel_vote_lifetime_s, defaults.channel_vote_lifetime_s);
	ck_assert_int_eq(config.channel_queries, defaults.channel_queries);
	ck_assert_int_eq(config.method, defaults.method);
	ck_assert_uint_eq(config.transition_interval_us, defaults.transition_interval_us);
	ck_assert_int_eq(config.foreign, defaults.foreign);
	ck_assert_int_eq(config.silence, defaults.silence);
	ck_assert_int_eq(config.allow_unpinned, defaults.allow_unpinned);
	ck_assert_uint_eq(config.traffic_interval_ms, defaults.traffic_interval_ms);
	ck_assert_uint_eq(config.traffic_vf_interval_ms, defaults.traffic_vf_interval_ms);
	ck_assert_uint_eq(config.min_khz, defaults.min_khz);
	ck_assert_uint_eq(config.max_khz, defaults.max_khz);
	ck_assert_int_eq(config.turbo, defaults.turbo);
}

#endif
