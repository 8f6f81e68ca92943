/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/restart_count.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/value.h"
#include "common/whole_file.h"
#include "helper/manager/log/journal.h"

#define FILE_NAME "monitor.restarts"
#define TEXT_SIZE 16
#define FIRST_BACKOFF_NS (NS_PER_S / 20)
#define LAST_BACKOFF_NS (30 * NS_PER_S)

static uint32_t load(const char *runtime_dir)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t size;
	uint32_t n;

	if (path_join(path, runtime_dir, FILE_NAME) < 0 ||
	    whole_file_read(AT_FDCWD, path, TEXT_SIZE, true, &text, &size) < 0 ||
	    parse_u32(value_trim(text), UINT32_MAX, &n) < 0)
		return 0;
	return n;
}

static void save(const struct restart_count *count)
{
	/* Must survive vmpowerd, not a reboot. */
	static const struct whole_file_write how = {.suffix = ".new", .mode = 0600};
	char path[PATH_MAX], text[TEXT_SIZE];
	int size = snprintf(text, sizeof(text), "%u\n", restart_count_total(count));
	int r = path_join(path, count->runtime_dir, FILE_NAME);

	if (r == 0)
		r = whole_file_replace(AT_FDCWD, path, text, (size_t)size, &how);
	if (r < 0)
		log_warning("%s/" FILE_NAME " can't be written: %s; the number of restarts may "
			    "fall at the next restart of vmpowerd",
			    count->runtime_dir, strerror(-r));
}

void restart_count_begin(struct restart_count *count, const char *runtime_dir)
{
	*count = (struct restart_count){.runtime_dir = runtime_dir, .before = load(runtime_dir)};
	save(count);
}

void restart_count_add(struct restart_count *count, pid_t pid, const char *reason)
{
	log_life(&(struct log_about){.message = MESSAGE_MONITOR_ENDED, .reason = reason}, LOG_ERR,
		 "monitor (pid %d): %s; another will serve", (int)pid, reason);
	count->seen++;
	save(count);
}

void restart_count_failed(struct restart_count *count, const char *program, const char *reason)
{
	if (!count->failure_logged)
		log_error("can't start or reach %s: %s; trying again", program, reason);
	count->failure_logged = true;
}

uint64_t restart_count_backoff(struct restart_count *count)
{
	uint64_t delay_ns = FIRST_BACKOFF_NS;

	if (count->failures++ == 0)
		return 0;
	for (uint32_t n = count->failures; n > 2 && delay_ns < LAST_BACKOFF_NS; n--)
		delay_ns *= 2;
	return delay_ns < LAST_BACKOFF_NS ? delay_ns : LAST_BACKOFF_NS;
}
