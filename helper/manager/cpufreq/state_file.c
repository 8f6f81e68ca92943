/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"

static const char *remedy(int error)
{
	switch (-error) {
	case ENOENT:
	case ENOTDIR:
		return "create its directory (the unit's RuntimeDirectory= does), or set "
		       "--runtime-dir";
	case ENOSPC:
	case EDQUOT:
		return "free space in its file system";
	case EROFS:
		return "its file system is read-only: set --runtime-dir to a writable directory";
	case EPERM:
	case EACCES:
		return "vmpowerd must own its directory";
	default:
		return "see the kernel's log";
	}
}

static const char *reason(int error)
{
	switch (-error) {
	case EPERM:
		return "not a regular file that vmpowerd's user alone may write";
	case EBADMSG:
		return "damaged or of another version";
	default:
		return strerror(-error);
	}
}

/* Never act on a file that can't be trusted, but keep it for investigation. */
static int set_aside(const char *path, int error)
{
	cleanup_free char *aside = NULL;

	if (asprintf(&aside, "%s.bad", path) < 0) {
		aside = NULL;
		return -ENOMEM;
	}
	if (rename(path, aside) < 0) {
		int r = -errno;

		log_error("state file %s can be neither used (%s) nor renamed to %s: %s; remove it",
			  path, reason(error), aside, strerror(-r));
		return r;
	}
	log_error("state file %s can't be used (%s): nothing was put back from it; it is kept as "
		  "%s: compare it with the current governors and frequency limits",
		  path, reason(error), aside);
	return 0;
}

static bool same_boot(const struct baseline *a, const struct baseline *b)
{
	return strcmp(a->boot_id, b->boot_id) == 0 ||
	       strcmp(a->boot_id, BASELINE_UNKNOWN_BOOT) == 0 ||
	       strcmp(b->boot_id, BASELINE_UNKNOWN_BOOT) == 0;
}

int state_file_load(const char *path, struct baseline *baseline)
{
	struct baseline found;
	int r = baseline_load(path, &found);

	/* ENOTDIR: the first save will log what to do. */
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return set_aside(path, r);
	if (!same_boot(&found, baseline)) {
		log_info(
			"state file %s is of an earlier boot, which reset all frequencies: dropped "
			"(frequency domains: %u)",
			path, found.n_entries);
		baseline_free(&found);
		(void)state_file_save(path, baseline);
		return 0;
	}
	memcpy(found.boot_id, baseline->boot_id, sizeof(found.boot_id));
	baseline_free(baseline);
	*baseline = found;
	return 0;
}

int state_file_save(const char *path, const struct baseline *baseline)
{
	int r = baseline_save(path, baseline);

	if (r < 0)
		log_error("state file %s can't be written: %s; %s", path, strerror(-r), remedy(r));
	return r;
}
