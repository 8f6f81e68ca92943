/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "common/whole_file.h"

enum key_type { KEY_NUMBER, KEY_FLAG, KEY_FREQUENCY, KEY_TEXT, KEY_VCPUS };

static const struct key {
	const char *section, *name, *standard, *help;
	enum key_type type;
	size_t offset;
	uint32_t min, max;
} keys[] = {
	{"agent", "vcpus", "all", "which vCPUs to govern: all that have a port, or a list, 0-3,6",
	 KEY_VCPUS, offsetof(struct guest_config, vcpus), 0, 0},
	{"agent", "interval", "100", "ms between two measurements", KEY_NUMBER,
	 offsetof(struct guest_config, interval_ms), 10, 1000},
	{"sensors", "telemetry", "yes", "ask DPDK applications that count their cycles", KEY_FLAG,
	 offsetof(struct guest_config, telemetry), 0, 0},
	{"sensors", "telemetry-directories", "/run/dpdk /tmp/dpdk",
	 "where DPDK applications have their directories", KEY_TEXT,
	 offsetof(struct guest_config, telemetry_directories), 0, 0},
	{"sensors", "proc-stat", "yes", "go by the kernel's account for all other vCPUs", KEY_FLAG,
	 offsetof(struct guest_config, proc_stat), 0, 0},
	{"sensors", "command", "none",
	 "a command that prints lines \"VCPU PERCENT\"; its vCPUs go by that", KEY_TEXT,
	 offsetof(struct guest_config, command), 0, 0},
	{"sensors", "silence", "300",
	 "ms without a measurement, after which a vCPU gets the maximum", KEY_NUMBER,
	 offsetof(struct guest_config, silence_ms), 20, 60000},
	{"governor", "target", "80", "percent: how busy a vCPU is to be at most", KEY_NUMBER,
	 offsetof(struct guest_config, target), 10, 100},
	{"governor", "saturated", "95", "percent: from here on to the maximum at once", KEY_NUMBER,
	 offsetof(struct guest_config, saturated), 10, 100},
	{"governor", "margin", "5", "percent below the target that a step down must leave",
	 KEY_NUMBER, offsetof(struct guest_config, margin), 1, 50},
	{"governor", "cooldown", "500", "ms that a step down must have been possible for",
	 KEY_NUMBER, offsetof(struct guest_config, cooldown_ms), 0, 3600000},
	{"governor", "floor", "0", "the lowest frequency to ask for; 0: the host's lowest",
	 KEY_FREQUENCY, offsetof(struct guest_config, floor_khz), 0, 0},
	{"governor", "most-steps", "0", "steps below the maximum at most; 0: any number",
	 KEY_NUMBER, offsetof(struct guest_config, most_steps), 0, 255},
	{"host", "heartbeat", "10",
	 "s between two queries, to keep votes: a third of the host's "
	 "vote-lifetime",
	 KEY_NUMBER, offsetof(struct guest_config, heartbeat_s), 1, 3600},
	{"host", "timeout", "2000", "ms to wait for an answer", KEY_NUMBER,
	 offsetof(struct guest_config, timeout_ms), 10, 60000},
};

static void *member(struct guest_config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static bool is_vcpu_list(const char *text)
{
	struct cpuset set;

	return strcmp(text, "all") == 0 ||
	       (cpuset_parse(text, &set) == 0 && !cpuset_is_empty(&set));
}

/* Return: NULL; else which values are allowed */
static const char *set(struct guest_config *config, const struct key *key, const char *value,
		       char range[64])
{
	uint32_t number;
	bool flag;

	switch (key->type) {
	case KEY_NUMBER:
		(void)snprintf(range, 64, "a number from %u to %u", key->min, key->max);
		if (!value_number(value, key->min, key->max, &number))
			return range;
		*(uint32_t *)member(config, key) = number;
		return NULL;
	case KEY_FLAG:
		if (!value_flag(value, &flag))
			return "yes or no";
		*(uint32_t *)member(config, key) = flag;
		return NULL;
	case KEY_FREQUENCY:
		return value_frequency(value, member(config, key)) ? NULL : FREQUENCY_ALLOWED;
	case KEY_VCPUS:
		if (!is_vcpu_list(value))
			return "all, or a list such as 0-3,6";
		break;
	case KEY_TEXT:
		break;
	}
	if (!*value || strlen(value) >= GUEST_TEXT_SIZE)
		return "a text of up to 511 bytes; none";
	(void)snprintf(member(config, key), GUEST_TEXT_SIZE, "%s", value);
	return NULL;
}

void guest_config_defaults(struct guest_config *config)
{
	char range[64];

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < array_size(keys); i++)
		(void)set(config, &keys[i], keys[i].standard, range);
}

static int fail(char error[GUEST_ERROR_SIZE], unsigned int line, const char *what, const char *text)
{
	(void)snprintf(error, GUEST_ERROR_SIZE, "line %u: %s \"%.64s\"", line, what, text);
	return -EINVAL;
}

static const struct key *find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < array_size(keys); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* "[section]". Return: its name as in the table; NULL: unknown */
static const char *find_section(const char *line)
{
	size_t length = strlen(line);

	for (size_t i = 0; i < array_size(keys); i++) {
		const char *name = keys[i].section;

		if (length == strlen(name) + 2 && line[length - 1] == ']' &&
		    strncmp(line + 1, name, length - 2) == 0)
			return name;
	}
	return NULL;
}

struct reading {
	const char *section;
	bool given[array_size(keys)];
	unsigned int line;
};

static int take_line(struct guest_config *config, struct reading *reading, char *line, char *error)
{
	const struct key *key;
	const char *allowed;
	char range[64], *value;

	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (*line == '[') {
		reading->section = find_section(line);
		return reading->section ? 0 : fail(error, reading->line, "unknown section", line);
	}
	value = strchr(line, '=');
	if (!value)
		return fail(error, reading->line, "neither a section nor \"key = value\":", line);
	*value++ = '\0';
	line = value_trim(line);
	value = value_trim(value);
	if (!reading->section)
		return fail(error, reading->line, "a section must come before", line);
	key = find_key(reading->section, line);
	if (!key)
		return fail(error, reading->line, "unknown key", line);
	if (reading->given[key - keys])
		return fail(error, reading->line, "given twice:", line);
	reading->given[key - keys] = true;
	allowed = set(config, key, value, range);
	if (!allowed)
		return 0;
	(void)snprintf(error, GUEST_ERROR_SIZE, "line %u: %s = \"%.64s\": use %s", reading->line,
		       key->name, value, allowed);
	return -EINVAL;
}

static int check(const struct guest_config *config, char *error)
{
	const char *wrong = NULL;

	if (config->margin >= config->target)
		wrong = "[governor] margin must be less than target";
	else if (config->saturated < config->target)
		wrong = "[governor] saturated must not be less than target";
	else if (config->silence_ms < 2 * config->interval_ms)
		wrong = "[sensors] silence must be at least twice [agent] interval";
	else if (!config->telemetry && !config->proc_stat && strcmp(config->command, "none") == 0)
		wrong = "[sensors] has no sensor: set telemetry, proc-stat or command";
	if (!wrong)
		return 0;
	(void)snprintf(error, GUEST_ERROR_SIZE, "%s", wrong);
	return -EINVAL;
}

int guest_config_parse(struct guest_config *config, char *text, char error[GUEST_ERROR_SIZE])
{
	struct reading reading = {.line = 0};
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int r;

		reading.line++;
		r = take_line(config, &reading, value_trim(line), error);
		if (r < 0)
			return r;
	}
	return check(config, error);
}

int guest_config_load(struct guest_config *config, const char *path, char error[GUEST_ERROR_SIZE])
{
	const char *file = path ? path : GUEST_CONFIG_FILE;
	char inner[GUEST_ERROR_SIZE];
	cleanup_free char *text = NULL;
	size_t size;
	int r;

	guest_config_defaults(config);
	r = whole_file_read(AT_FDCWD, file, GUEST_CONFIG_MAX_SIZE, false, &text, &size);
	if (r == -ENOENT && !path)
		return 0;
	if (r < 0) {
		(void)snprintf(error, GUEST_ERROR_SIZE, "%.100s: %s", file, strerror(-r));
		return r;
	}
	if (strlen(text) != size) {
		(void)snprintf(error, GUEST_ERROR_SIZE, "%.100s: not a text", file);
		return -EINVAL;
	}
	r = guest_config_parse(config, text, inner);
	if (r < 0)
		(void)snprintf(error, GUEST_ERROR_SIZE, "%.100s: %.150s", file, inner);
	return r;
}

void guest_config_print(const struct guest_config *config, FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < array_size(keys); i++) {
		const void *value = (const char *)config + keys[i].offset;

		if (strcmp(section, keys[i].section) != 0)
			(void)fprintf(out, "%s[%s]\n", *section ? "\n" : "", keys[i].section);
		section = keys[i].section;
		(void)fprintf(out, "# %s\n", keys[i].help);
		if (keys[i].type == KEY_TEXT || keys[i].type == KEY_VCPUS)
			(void)fprintf(out, "%s = %s\n", keys[i].name, (const char *)value);
		else if (keys[i].type == KEY_FLAG)
			(void)fprintf(out, "%s = %s\n", keys[i].name,
				      *(const uint32_t *)value ? "yes" : "no");
		else
			(void)fprintf(out, "%s = %u\n", keys[i].name, *(const uint32_t *)value);
	}
}

bool guest_config_vcpus(const struct guest_config *config, unsigned int vcpu)
{
	struct cpuset listed;

	if (strcmp(config->vcpus, "all") == 0)
		return true;
	return cpuset_parse(config->vcpus, &listed) == 0 && cpuset_has(&listed, vcpu);
}
