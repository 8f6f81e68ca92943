/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as vmpower.conf: refused with file and reason, or usable values. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/manager/config/load.h"
#include "tests/fuzz/fuzz.h"

static char path[32];

/* A file without a directory, opened through /proc. */
static int config_file(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("config", MFD_CLOEXEC);
		require(fd >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	return fd;
}

static void check(const struct config *config)
{
	require(memchr(config->libvirt_uri, '\0', sizeof(config->libvirt_uri)));
	require(memchr(config->sysfs, '\0', sizeof(config->sysfs)));
	require(config->libvirt_uri[0] && config->sysfs[0] == '/');
	require(config->peer_users[0][0]);
	for (size_t i = 0; i < CONFIG_PEER_USERS; i++)
		require(memchr(config->peer_users[i], '\0', sizeof(config->peer_users[i])));
	require(config->channel_burst > 0);
	require((unsigned int)config->method <= CHOOSE_LIMITS);
	require((unsigned int)config->foreign <= FOREIGN_REASSERT);
	require((unsigned int)config->silence <= SILENCE_IGNORE);
	require(config->n_domains <= CONFIG_MAX_DOMAINS);
	for (uint32_t i = 0; i < config->n_domains; i++) {
		const struct config_domain *domain = &config->domains[i];

		require(domain->pattern[0]);
		require(memchr(domain->pattern, '\0', sizeof(domain->pattern)));
		require(strncmp(domain->origin, path, strlen(path)) == 0);
		require(domain->settings.given >> N_SETTINGS == 0);
		require((domain->settings.commands & ~COMMANDS_ALL) == 0);
		require(!domain_setting_given(&domain->settings, SETTING_BURST) ||
			domain->settings.burst > 0);
	}
	require(!config->min_khz || !config->max_khz || config->min_khz <= config->max_khz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_error error = {""};
	struct config config, before;
	int fd = config_file(), r;

	require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	memset(&before, 0x5a, sizeof(before));
	memcpy(&config, &before, sizeof(config));
	r = config_load(path, true, &config, &error);
	require(memchr(error.text, '\0', sizeof(error.text)));
	if (r == 0) {
		check(&config);
		config_clear(&config);
		return 0;
	}
	require(r == -EINVAL || r == -ENOMEM);
	require(strncmp(error.text, path, strlen(path)) == 0);
	require(memcmp(&config, &before, sizeof(config)) == 0);
	return 0;
}
