/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log_limit.h"

#include <stddef.h>
#include <string.h>

#define LIMIT_LINES 5
#define LIMIT_LINES_OF_ALL 50

/* --- a program's budget ---------------------------------------------------------------------- */

static const uint32_t share_lines[N_LOG_SHARES] = {
	[LOG_SHARE_LIFE] = 40,	[LOG_SHARE_ERR] = 100,	 [LOG_SHARE_WARNING] = 100,
	[LOG_SHARE_INFO] = 200, [LOG_SHARE_DEBUG] = 500,
};

_Static_assert(LOG_KINDS > 2 * 2 * LOG_LINES_IN_ALL, "a free entry is found soon");

static uint64_t add_byte(uint64_t hash, unsigned int byte)
{
	return (hash ^ byte) * UINT64_C(1099511628211);
}

/* FNV-1a, never 0. @subject: NULL: the kind itself, whatever the subject */
static uint64_t hash_of(enum log_share share, const char *format, const char *subject)
{
	uint64_t hash = add_byte(UINT64_C(14695981039346656037), share);
	uintptr_t address = (uintptr_t)format;

	for (; address; address >>= 8)
		hash = add_byte(hash, address & 0xff);
	if (subject)
		hash = add_byte(hash, 0);
	for (; subject && *subject; subject++)
		hash = add_byte(hash, (unsigned char)*subject);
	return hash ? hash : 1;
}

/* The entry of this kind, or the free one where it would be. */
static size_t find(const struct log_budget *budget, uint64_t hash)
{
	size_t i = hash % LOG_KINDS;

	while (budget->kinds[i].hash != 0 && budget->kinds[i].hash != hash)
		i = (i + 1) % LOG_KINDS;
	return i;
}

static void count(struct log_budget *budget, uint64_t hash)
{
	size_t i = find(budget, hash);

	budget->kinds[i].hash = hash;
	budget->kinds[i].n++;
}

void log_budget_renew(struct log_budget *budget)
{
	memset(budget, 0, sizeof(*budget));
}

bool log_budget_pass(struct log_budget *budget, enum log_share share, const char *format,
		     const char *subject, uint64_t now_ns)
{
	uint64_t kind = hash_of(share, format, NULL);
	uint64_t about = hash_of(share, format, subject ? subject : "");
	uint32_t written = budget->written[share], lines = share_lines[share];
	uint32_t n = budget->kinds[find(budget, about)].n;
	bool passes = n < LOG_KIND_LINES;

	if (budget->window_start_ns == 0)
		budget->window_start_ns = now_ns;
	if (written >= lines)
		passes = false;
	else if (written >= lines - lines / 4)
		passes = budget->kinds[find(budget, kind)].n == 0;
	else if (written >= lines / 2)
		passes = n == 0;
	if (!passes) {
		budget->left_out[share]++;
		return false;
	}
	budget->written[share]++;
	count(budget, about);
	count(budget, kind);
	return true;
}

/* --- one of many sources -----------------------------------------------------------------------
 */

static bool has_room(struct log_limit *limit, uint32_t lines, uint64_t now_ns)
{
	if (limit->window_start_ns == 0 || now_ns - limit->window_start_ns >= LOG_WINDOW_NS) {
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
	}
	return limit->in_window < lines;
}

bool log_limit_pass_both(struct log_limit *limit, struct log_limit *all, uint64_t now_ns,
			 uint32_t *suppressed)
{
	bool passes = has_room(limit, LIMIT_LINES, now_ns);

	*suppressed = 0;
	/* Half of the shared budget is for first lines: a few sources can't silence the others. */
	if (passes)
		passes = has_room(all, LIMIT_LINES_OF_ALL / (limit->in_window > 0 ? 2 : 1), now_ns);
	if (!passes) {
		limit->suppressed++;
		return false;
	}
	limit->in_window++;
	all->in_window++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
