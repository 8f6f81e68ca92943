/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/hidden_path.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* Make it the real path of its longest part that exists. Return: false: none does */
static bool existing_part(const char *path, char real[static PATH_MAX])
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(part))
		return false;
	memcpy(part, path, len + 1);
	while (!realpath(part, real)) {
		char *slash = strrchr(part, '/');

		if (!slash || slash == part)
			return false;
		*slash = '\0';
	}
	return true;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/' || strcmp(directory, "/") == 0);
}

/* systemd.exec(5) says that ProtectHome= is about these. */
static bool is_home(const char *directory)
{
	return strcmp(directory, "/home") == 0 || strcmp(directory, "/root") == 0 ||
	       strcmp(directory, "/run/user") == 0 || strcmp(directory, "/var/home") == 0 ||
	       strcmp(directory, "/var/roothome") == 0;
}

/* @root: what of its file system is mounted at @directory; so systemd names what it mounts */
static const char *setting_of(const char *root, const char *directory)
{
	if (strstr(root, "/systemd-private-"))
		return "PrivateTmp=";
	if (strstr(root, "/systemd/inaccessible/"))
		return is_home(directory) ? "ProtectHome=" : "InaccessiblePaths=";
	return NULL;
}

const char *hidden_path_setting(const char *path, const char *mountinfo)
{
	char real[PATH_MAX], root[PATH_MAX], directory[PATH_MAX];
	const char *setting = NULL;
	cleanup_free char *line = NULL;
	size_t size = 0, longest = 0;
	FILE *file;

	_Static_assert(PATH_MAX == 4096, "the format below says so");
	if (!existing_part(path, real))
		return NULL;
	file = fopen(mountinfo, "re");
	if (!file)
		return NULL;
	/* of several mounts on one directory the last one is seen */
	while (getline(&line, &size, file) > 0) {
		if (sscanf(line, "%*d %*d %*s %4095s %4095s", root, directory) != 2 ||
		    !is_below(real, directory) || strlen(directory) < longest)
			continue;
		longest = strlen(directory);
		setting = setting_of(root, directory);
	}
	(void)fclose(file);
	return setting;
}
