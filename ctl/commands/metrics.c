/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommand metrics: counters and measurements for monitoring systems. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "print.h"

/* The name does not end in .prom, so that no collector reads the file before it is whole. */
static int write_beside(const char *path, const char *text, char **temporary)
{
	size_t size = strlen(text), written = 0;
	int fd;

	if (asprintf(temporary, "%s.XXXXXX", path) < 0) {
		*temporary = NULL;
		return -ENOMEM;
	}
	fd = mkstemp(*temporary);
	if (fd < 0) {
		int r = -errno;

		free(*temporary);
		*temporary = NULL;
		return r;
	}
	while (written < size) {
		ssize_t n = write(fd, text + written, size - written);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			written += (size_t)n;
	}
	/* the collector runs as another user */
	if (written < size || fchmod(fd, 0644) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return close(fd) < 0 ? -errno : 0;
}

/* A reader of the file sees the old text or the new one, never a part. */
static int replace_file(const char *path, const char *text)
{
	cleanup_free char *temporary = NULL;
	int r = write_beside(path, text, &temporary);

	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0 && temporary)
		(void)unlink(temporary);
	return r;
}

int ctl_metrics(const struct ctl *ctl)
{
	const char *format = ctl->output ? "prometheus" : "openmetrics";
	cleanup_json json_t *reply = NULL;
	int r = ctl_call(ctl, "Metrics", json_pack("{s:s}", "format", format), &reply);

	if (r != CTL_OK || (ctl->json && !ctl->output))
		return r;
	if (!ctl->output) {
		(void)fputs(ctl_text(reply, "text"), stdout);
		return CTL_OK;
	}
	r = replace_file(ctl->output, ctl_text(reply, "text"));
	if (r == 0)
		return CTL_OK;
	ctl_complain("can't write %s: %s; the old file is unchanged", ctl->output, strerror(-r));
	return CTL_FAILED;
}
