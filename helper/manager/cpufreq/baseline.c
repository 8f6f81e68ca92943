/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpuset.h"
#include "common/value.h"
#include "common/whole_file.h"
#include "helper/manager/cpufreq/sysfs.h"

#define MAGIC "vmpower-baseline 1 "
#define LINE "frequency-domain"
#define LINE_MAX_SIZE 640 /* five values, all bytes escaped, with their keys */
#define FILE_MAX_SIZE ((size_t)MAX_FREQUENCY_DOMAINS * LINE_MAX_SIZE)

static const struct field {
	const char *key;
	size_t offset;
} fields[] = {
	{"driver", offsetof(struct baseline_entry, driver)},
	{"governor", offsetof(struct baseline_entry, governor)},
	{"min", offsetof(struct baseline_entry, min_freq)},
	{"max", offsetof(struct baseline_entry, max_freq)},
	{"setspeed", offsetof(struct baseline_entry, setspeed)},
};

void baseline_init(struct baseline *baseline)
{
	*baseline = (struct baseline){.n_entries = 0};
	/*
	 * If /proc/sys is hidden the boot is unknown, and every state file counts as one of this
	 * boot: files in /run do not survive a reboot.
	 */
	if (sysfs_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", baseline->boot_id,
		       sizeof(baseline->boot_id)) != BASELINE_BOOT_ID - 1)
		memcpy(baseline->boot_id, BASELINE_UNKNOWN_BOOT, sizeof(BASELINE_UNKNOWN_BOOT));
}

void baseline_free(struct baseline *baseline)
{
	free(baseline->entries);
	baseline->entries = NULL;
	baseline->n_entries = baseline->capacity = 0;
	memset(baseline->places, 0, sizeof(baseline->places));
}

struct baseline_entry *baseline_find(const struct baseline *baseline, uint32_t policy)
{
	uint16_t place = policy < MAX_CPUS ? baseline->places[policy] : 0;

	return place > 0 ? &baseline->entries[place - 1] : NULL;
}

/* Append an entry whose policy has none yet. */
static int append(struct baseline *baseline, const struct baseline_entry *entry)
{
	if (baseline->n_entries >= MAX_FREQUENCY_DOMAINS)
		return -ENOSPC;
	if (!baseline->entries || baseline->n_entries == baseline->capacity) {
		uint32_t capacity = baseline->capacity ? 2 * baseline->capacity : 8;
		struct baseline_entry *entries =
			reallocarray(baseline->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		baseline->entries = entries;
		baseline->capacity = capacity;
	}
	baseline->entries[baseline->n_entries++] = *entry;
	baseline->places[entry->policy] = (uint16_t)baseline->n_entries;
	return 0;
}

int baseline_add(struct baseline *baseline, const struct baseline_entry *entry)
{
	return baseline_find(baseline, entry->policy) ? -EEXIST : append(baseline, entry);
}

void baseline_remove(struct baseline *baseline, uint32_t policy)
{
	struct baseline_entry *entry = baseline_find(baseline, policy);

	if (!entry)
		return;
	/* the last one takes its place */
	*entry = baseline->entries[--baseline->n_entries];
	baseline->places[entry->policy] = baseline->places[policy];
	baseline->places[policy] = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "a%20b" to "a b". Return: 0 or -EBADMSG */
static int unescape(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in; in++) {
		unsigned char c = (unsigned char)*in;

		if (c == '%') {
			int high = hex_digit(in[1]);
			int low = high < 0 ? -1 : hex_digit(in[2]);

			if (low < 0 || (high == 0 && low == 0))
				return -EBADMSG;
			c = (unsigned char)(high << 4 | low);
			in += 2;
		} else if (c <= 0x20 || c > 0x7e) {
			return -EBADMSG;
		}
		if (n + 1 >= size)
			return -EBADMSG;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n ? 0 : -EBADMSG;
}

static bool is_frequency(const char *text)
{
	uint32_t khz;

	return parse_u32(text, UINT32_MAX, &khz) == 0;
}

/* Does it have what a restore by its method needs? */
static bool complete(const struct baseline_entry *entry)
{
	if (entry->method == METHOD_SETSPEED)
		return entry->governor[0] != '\0';
	return entry->method == METHOD_LIMITS && is_frequency(entry->min_freq) &&
	       is_frequency(entry->max_freq);
}

static int parse_pair(const char *key, const char *value, struct baseline_entry *entry,
		      bool *has_policy)
{
	if (strcmp(key, "policy") == 0) {
		if (*has_policy || parse_u32(value, MAX_CPUS - 1, &entry->policy) < 0)
			return -EBADMSG;
		*has_policy = true;
		return 0;
	}
	if (strcmp(key, "method") == 0) {
		return entry->method == 0 ? frequency_method_parse(value, &entry->method)
					  : -EBADMSG;
	}
	for (size_t i = 0; i < array_size(fields); i++) {
		char *text = (char *)entry + fields[i].offset;

		if (strcmp(key, fields[i].key) == 0)
			return text[0] ? -EBADMSG : unescape(value, text, BASELINE_TEXT);
	}
	return -EBADMSG;
}

/* Modifies @line. */
static int parse_line(char *line, struct baseline_entry *entry)
{
	bool has_policy = false;
	char *rest = line, *word = strsep(&rest, " ");

	*entry = (struct baseline_entry){.policy = 0};
	if (strcmp(word, LINE) != 0)
		return -EBADMSG;
	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		if (parse_pair(word, value, entry, &has_policy) < 0)
			return -EBADMSG;
	}
	return has_policy && complete(entry) ? 0 : -EBADMSG;
}

/* Cut off the next line, as a string. Return: false: none, or too long */
static bool next_line(const char **text, size_t *size, char line[LINE_MAX_SIZE])
{
	const char *end = memchr(*text, '\n', *size);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - *text);
	if (len >= LINE_MAX_SIZE || memchr(*text, '\0', len))
		return false;
	memcpy(line, *text, len);
	line[len] = '\0';
	*size -= len + 1;
	*text = end + 1;
	return true;
}

static bool is_boot_id(const char *text)
{
	return strcmp(text, BASELINE_UNKNOWN_BOOT) == 0 ||
	       (strlen(text) == BASELINE_BOOT_ID - 1 &&
		strspn(text, "0123456789abcdef-") == BASELINE_BOOT_ID - 1);
}

int baseline_parse(const char *text, size_t size, struct baseline *baseline)
{
	struct baseline parsed = {.n_entries = 0};
	struct cpuset seen = {.bits = {0}};
	char line[LINE_MAX_SIZE];
	uint32_t announced;
	int r = -EBADMSG;

	if (size == 0 || size > FILE_MAX_SIZE || !next_line(&text, &size, line) ||
	    strncmp(line, MAGIC, strlen(MAGIC)) != 0 || !is_boot_id(line + strlen(MAGIC)))
		return -EBADMSG;
	memcpy(parsed.boot_id, line + strlen(MAGIC), strlen(line) - strlen(MAGIC) + 1);

	while (next_line(&text, &size, line)) {
		struct baseline_entry entry;

		if (strncmp(line, "end ", 4) == 0) {
			if (parse_u32(line + 4, MAX_FREQUENCY_DOMAINS, &announced) < 0 ||
			    announced != parsed.n_entries || size != 0)
				break;
			*baseline = parsed;
			return 0;
		}
		if (parse_line(line, &entry) < 0 || cpuset_has(&seen, entry.policy))
			break;
		cpuset_add(&seen, entry.policy);
		r = append(&parsed, &entry);
		if (r < 0)
			break;
		r = -EBADMSG;
	}
	baseline_free(&parsed);
	return r == -ENOMEM ? r : -EBADMSG;
}

/* The whole file is formed anew for each change: unlocked, it takes a fraction of the time. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= 0x20 || c > 0x7e || c == '%')
			(void)fprintf(out, "%%%02X", c);
		else
			(void)fputc_unlocked(c, out);
	}
}

int baseline_format(const struct baseline *baseline, char **text, size_t *size)
{
	cleanup_free char *built = NULL;
	size_t built_size = 0;
	FILE *out = open_memstream(&built, &built_size);

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, MAGIC "%s\n", baseline->boot_id);
	for (uint32_t i = 0; i < baseline->n_entries; i++) {
		const struct baseline_entry *entry = &baseline->entries[i];

		(void)fprintf(out, LINE " policy=%u method=%s", entry->policy,
			      frequency_method_name(entry->method));
		for (size_t j = 0; j < array_size(fields); j++) {
			const char *value = (const char *)entry + fields[j].offset;

			if (!value[0])
				continue;
			(void)fputc_unlocked(' ', out);
			(void)fputs_unlocked(fields[j].key, out);
			(void)fputc_unlocked('=', out);
			print_escaped(out, value);
		}
		(void)fputc('\n', out);
	}
	(void)fprintf(out, "end %u\n", baseline->n_entries);
	if (!close_written(out))
		return -ENOMEM;
	*text = take_ptr(built);
	*size = built_size;
	return 0;
}

int baseline_load(const char *path, struct baseline *baseline)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = whole_file_read(AT_FDCWD, path, FILE_MAX_SIZE, true, &text, &size);

	return r < 0 ? r : baseline_parse(text, size, baseline);
}

int baseline_save(const char *path, const struct baseline *baseline)
{
	/* On /run, a tmpfs, fsync() does nothing; it is for runtime directories on a disk. */
	static const struct whole_file_write how = {
		.suffix = ".new", .mode = 0600, .durable = true};
	cleanup_free char *text = NULL;
	size_t size;
	int r;

	if (baseline->n_entries == 0)
		return whole_file_remove(AT_FDCWD, path);
	r = baseline_format(baseline, &text, &size);
	return r < 0 ? r : whole_file_replace(AT_FDCWD, path, text, size, &how);
}
