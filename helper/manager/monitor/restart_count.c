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

#define FILE_NAME "monitor.restarts"
#define TEXT_SIZE 16
#define FIRST_BACKOFF_NS (NS_PER_S / 20)
#define LAST_BACKOFF_NS (30 * NS_PER_S)

uint32_t restart_count_load(const char *runtime_dir)
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

void restart_count_save(const char *runtime_dir, uint32_t n)
{
	/* Must survive vmpowerd, not a reboot. */
	static const struct whole_file_write how = {.suffix = ".new", .mode = 0600};
	char path[PATH_MAX], text[TEXT_SIZE];
	int size = snprintf(text, sizeof(text), "%u\n", n);
	int r = path_join(path, runtime_dir, FILE_NAME);

	if (r == 0)
		r = whole_file_replace(AT_FDCWD, path, text, (size_t)size, &how);
	if (r < 0)
		log_warning("%s/" FILE_NAME " can't be written: %s; the number of restarts may "
			    "fall at the next restart of vmpowerd",
			    runtime_dir, strerror(-r));
}

uint64_t restart_backoff_ns(uint32_t quick_deaths)
{
	uint64_t delay = FIRST_BACKOFF_NS;

	if (quick_deaths <= 1)
		return 0;
	while (quick_deaths-- > 2 && delay < LAST_BACKOFF_NS)
		delay *= 2;
	return delay < LAST_BACKOFF_NS ? delay : LAST_BACKOFF_NS;
}
