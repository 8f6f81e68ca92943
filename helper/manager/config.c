/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "number.h"
#include "table_builder.h"

#define DROP_INS_MAX 256
#define FILE_MAX_SIZE (1 << 20)
#define USER_NAME_MAX (sizeof(((struct config *)NULL)->peer_users[0]) - 1)
#define USER_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-"

enum key_type { KEY_URI, KEY_PATH, KEY_NUMBER, KEY_FREQUENCY, KEY_FLAG, KEY_CHOICE, KEY_USERS };

struct key {
	const char *section, *name;
	enum key_type type;
	uint32_t min, max;	    /* KEY_NUMBER; KEY_FREQUENCY: or 0 */
	const char *const *choices; /* KEY_CHOICE: by the enum's value, NULL at the end */
	size_t offset;		    /* of the field in struct config */
	const char *allowed;	    /* for messages */
};

static const char *const method_choices[] = {
	[CHOOSE_AUTO] = "auto", [CHOOSE_SETSPEED] = "setspeed", [CHOOSE_LIMITS] = "limits", NULL};
static const char *const foreign_choices[] = {
	[FOREIGN_REPORT] = "report", [FOREIGN_REASSERT] = "reassert", NULL};
static const char *const silence_choices[] = {
	[SILENCE_PROTECT] = "protect", [SILENCE_IGNORE] = "ignore", NULL};

#define FIELD(field) .offset = offsetof(struct config, field)
#define A_FREQUENCY "0 (no limit) or 1000 to 20000000 kHz"
#define A_FLAG "yes or no"

_Static_assert(LOWEST_KHZ == 1000 && HIGHEST_KHZ == 20000000, "A_FREQUENCY says so");
_Static_assert(sizeof(enum method_choice) == sizeof(unsigned int) &&
		       sizeof(enum foreign_choice) == sizeof(unsigned int) &&
		       sizeof(enum silence_choice) == sizeof(unsigned int),
	       "set_choice() writes an unsigned int");

/* Keys of one section stand together. */
static const struct key keys[] = {
	{"libvirt", "uri", KEY_URI, FIELD(libvirt_uri),
	 .allowed = "a libvirt URI such as qemu:///system, or none"},
	{"channel", "rate", KEY_NUMBER, 0, 1000000, FIELD(channel_rate),
	 .allowed = "0 (unlimited) to 1000000 requests per second"},
	{"channel", "burst", KEY_NUMBER, 1, 1000000, FIELD(channel_burst),
	 .allowed = "1 to 1000000 requests"},
	{"channel", "total-rate", KEY_NUMBER, 0, 10000000, FIELD(total_rate),
	 .allowed = "0 (unlimited) to 10000000 requests per second"},
	{"channel", "queries", KEY_FLAG, FIELD(channel_queries), .allowed = A_FLAG},
	{"channel", "peer-user", KEY_USERS, FIELD(peer_users),
	 .allowed = "1 to 15 user names of at most 32 characters, parted by blanks or commas"},
	{"cpufreq", "sysfs", KEY_PATH, FIELD(sysfs),
	 .allowed = "the absolute path of a directory that stands for /sys"},
	{"cpufreq", "method", KEY_CHOICE, .choices = method_choices, FIELD(method),
	 .allowed = "auto, setspeed or limits"},
	{"cpufreq", "transition-interval", KEY_NUMBER, 0, 10000000, FIELD(transition_interval_us),
	 .allowed = "0 to 10000000 microseconds"},
	{"cpufreq", "foreign", KEY_CHOICE, .choices = foreign_choices, FIELD(foreign),
	 .allowed = "report or reassert"},
	{"arbitration", "silence", KEY_CHOICE, .choices = silence_choices, FIELD(silence),
	 .allowed = "protect or ignore"},
	{"arbitration", "allow-unpinned", KEY_FLAG, FIELD(allow_unpinned), .allowed = A_FLAG},
	{"limits", "min-frequency", KEY_FREQUENCY, FIELD(min_khz), .allowed = A_FREQUENCY},
	{"limits", "max-frequency", KEY_FREQUENCY, FIELD(max_khz), .allowed = A_FREQUENCY},
	{"limits", "turbo", KEY_FLAG, FIELD(turbo), .allowed = A_FLAG},
};

/* One file being read. */
struct parse {
	const char *path;
	FILE *file;
	int line; /* the one that inih has last */
	struct config *config;
	struct config_error *error;
	bool failed;
	bool seen[array_size(keys)];
	/* Where a limit was last set, in this file or one before: "FILE:LINE". */
	char *limits_origin;
	size_t limits_origin_size;
};

void config_defaults(struct config *config)
{
	*config = (struct config){
		.libvirt_uri = "qemu:///system",
		.channel_rate = 1000,
		.channel_burst = 200,
		.total_rate = 100000,
		.channel_queries = true,
		.peer_users = {"root", "qemu", "libvirt-qemu"},
		.sysfs = "/sys",
		.method = CHOOSE_AUTO,
		.foreign = FOREIGN_REPORT,
		.silence = SILENCE_PROTECT,
		.turbo = true,
	};
}

__attribute__((format(printf, 2, 3))) static void set_error(struct config_error *error,
							    const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(error->text))
		memcpy(error->text + sizeof(error->text) - 4, "...", 4);
}

/* The first error of a file is the one that is told. Return: 0, which stops inih's handler */
#define fail(parse, ...)                                                                           \
	({                                                                                         \
		if (!(parse)->failed)                                                              \
			set_error((parse)->error, __VA_ARGS__);                                    \
		(parse)->failed = true;                                                            \
		0;                                                                                 \
	})

static bool is_section(const char *name)
{
	for (size_t i = 0; i < array_size(keys); i++) {
		if (strcmp(name, keys[i].section) == 0)
			return true;
	}
	return false;
}

/* "a, b, c" of the sections (@section NULL) or of a section's keys */
static const char *list_names(const char *section, char *text, size_t size)
{
	const char *last = "";
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < array_size(keys); i++) {
		const char *name = section ? keys[i].name : keys[i].section;
		int n;

		if ((section && strcmp(section, keys[i].section) != 0) || strcmp(name, last) == 0)
			continue;
		last = name;
		n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	return text;
}

static int unknown_section(struct parse *parse, const char *section)
{
	char names[256];

	return fail(parse, "%s:%d: unknown section [%s]; there are: %s", parse->path, parse->line,
		    section, list_names(NULL, names, sizeof(names)));
}

/* --- values: each returns whether it is allowed, and sets the field if so --- */

static bool set_text(void *field, const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len >= CONFIG_TEXT)
		return false;
	memcpy(field, value, len + 1);
	return true;
}

static bool set_number(uint32_t *field, const char *value, uint32_t min, uint32_t max)
{
	uint32_t number;

	if (parse_u32(value, max, &number) < 0 || number < min)
		return false;
	*field = number;
	return true;
}

static bool set_flag(bool *field, const char *value)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return false;
	*field = yes;
	return true;
}

static bool set_choice(void *field, const char *value, const char *const *choices)
{
	for (unsigned int i = 0; choices[i]; i++) {
		if (strcmp(value, choices[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
	}
	return false;
}

static bool set_users(char users[CONFIG_PEER_USERS][USER_NAME_MAX + 1], const char *value)
{
	char list[CONFIG_PEER_USERS][USER_NAME_MAX + 1] = {""};
	unsigned int n = 0;

	for (;;) {
		size_t len;

		value += strspn(value, " \t,");
		if (!*value)
			break;
		len = strcspn(value, " \t,");
		/* The last entry stays "", it ends the list. */
		if (n == CONFIG_PEER_USERS - 1 || len > USER_NAME_MAX || *value == '-' ||
		    strspn(value, USER_NAME_CHARACTERS) < len)
			return false;
		memcpy(list[n], value, len);
		list[n++][len] = '\0';
		value += len;
	}
	if (n == 0)
		return false;
	memcpy(users, list, sizeof(list));
	return true;
}

static bool set_value(const struct key *key, const char *value, struct config *config)
{
	void *field = (char *)config + key->offset;

	switch (key->type) {
	case KEY_URI:
		return (strcmp(value, "none") == 0 || strstr(value, "://")) &&
		       set_text(field, value);
	case KEY_PATH:
		return value[0] == '/' && set_text(field, value);
	case KEY_NUMBER:
		return set_number(field, value, key->min, key->max);
	case KEY_FREQUENCY:
		return set_number(field, value, 0, 0) ||
		       set_number(field, value, LOWEST_KHZ, HIGHEST_KHZ);
	case KEY_FLAG:
		return set_flag(field, value);
	case KEY_CHOICE:
		return set_choice(field, value, key->choices);
	case KEY_USERS:
		return set_users(field, value);
	}
	return false;
}

/* inih's handler: one "name = value". Return: 0 is an error */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	const struct key *key = NULL;
	char names[256];
	size_t i;

	if (parse->failed)
		return 0;
	if (!section[0])
		return fail(parse, "%s:%d: key '%s' stands before any [section]; there are: %s",
			    parse->path, parse->line, name, list_names(NULL, names, sizeof(names)));
	if (!is_section(section))
		return unknown_section(parse, section);
	for (i = 0; i < array_size(keys) && !key; i++) {
		if (strcmp(section, keys[i].section) == 0 && strcmp(name, keys[i].name) == 0)
			key = &keys[i];
	}
	if (!key)
		return fail(parse, "%s:%d: unknown key '%s' in section [%s]; there are: %s",
			    parse->path, parse->line, name, section,
			    list_names(section, names, sizeof(names)));
	if (parse->seen[key - keys])
		return fail(parse, "%s:%d: key '%s' of section [%s] is given twice in this file",
			    parse->path, parse->line, name, section);
	parse->seen[key - keys] = true;
	if (!value || !set_value(key, value, parse->config))
		return fail(parse, "%s:%d: [%s] %s is '%s'; allowed is %s", parse->path,
			    parse->line, section, name, value ? value : "", key->allowed);
	if (key->type == KEY_FREQUENCY)
		(void)snprintf(parse->limits_origin, parse->limits_origin_size, "%s:%d",
			       parse->path, parse->line);
	return 1;
}

/* What inih would take without a word: lines that continue a value, empty strange sections. */
static bool check_line(struct parse *parse, const char *line)
{
	size_t blanks = strspn(line, " \t\r\n");
	const char *end;
	char section[64];
	size_t len;

	if (!line[blanks] || strchr("#;", line[blanks]))
		return true;
	if (blanks)
		return fail(parse, "%s:%d: a line must not begin with a blank", parse->path,
			    parse->line);
	if (line[0] != '[')
		return true;
	end = strchr(line, ']');
	if (!end)
		return fail(parse, "%s:%d: no ']' ends the section's name", parse->path,
			    parse->line);
	len = (size_t)(end - line) - 1;
	if (len >= sizeof(section))
		len = sizeof(section) - 1;
	memcpy(section, line + 1, len);
	section[len] = '\0';
	if (!is_section(section))
		return unknown_section(parse, section);
	end += 1 + strspn(end + 1, " \t\r\n");
	if (*end && !strchr("#;", *end))
		return fail(parse, "%s:%d: something stands behind [%s]", parse->path, parse->line,
			    section);
	return true;
}

/*
 * inih's reader: the next line, with its newline. It is here that lines are counted (the
 * library may be built without line numbers for handlers), and that a line which inih would
 * cut in two is refused.
 */
static char *read_line(char *text, int size, void *stream)
{
	struct parse *parse = stream;
	int n = 0, c = EOF;

	if (parse->failed)
		return NULL;
	parse->line++;
	while (n < size - 1 && (c = getc(parse->file)) != EOF) {
		if ((c < 0x20 && !strchr("\t\r\n", c)) || c == 0x7f || c == 0) {
			fail(parse,
			     "%s:%d: a control character (0x%02x); this is to be a text file",
			     parse->path, parse->line, c);
			return NULL;
		}
		text[n++] = (char)c;
		if (c == '\n')
			break;
	}
	text[n] = '\0';
	if (ferror(parse->file)) {
		fail(parse, "%s:%d: can't be read: %s", parse->path, parse->line, strerror(errno));
		return NULL;
	}
	if (n == 0)
		return NULL;
	if (c != '\n' && c != EOF) {
		fail(parse, "%s:%d: line too long; at most %d characters", parse->path, parse->line,
		     size - 2);
		return NULL;
	}
	return check_line(parse, text) ? text : NULL;
}

static int cannot_open(const char *path, int error, struct config_error *error_text)
{
	set_error(error_text, "%s: can't be read: %s", path, strerror(-error));
	return error;
}

static int open_regular(const char *path, FILE **file, struct config_error *error)
{
	/* O_NONBLOCK: not to wait for ever for the other end of a FIFO */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_open(path, -errno, error);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_SIZE) {
		set_error(error, "%s: not a regular file of at most %d bytes", path, FILE_MAX_SIZE);
		return -EINVAL;
	}
	*file = fdopen(fd, "r");
	if (!*file)
		return cannot_open(path, -errno, error);
	(void)take_fd(&fd);
	return 0;
}

static int load_file(const char *path, struct config *config, char *limits_origin, size_t size,
		     struct config_error *error)
{
	cleanup_fclose FILE *file = NULL;
	struct parse parse = {
		.path = path,
		.config = config,
		.error = error,
		.limits_origin = limits_origin,
		.limits_origin_size = size,
	};
	int r = open_regular(path, &file, error);

	if (r < 0)
		return r;
	parse.file = file;
	r = ini_parse_stream(read_line, &parse, on_value, &parse);
	/* inih's own first error may stand before ours, but it goes on after it. */
	if (r > 0 && (!parse.failed || r < parse.line)) {
		set_error(error, "%s:%d: neither '[section]' nor 'key = value'", path, r);
		return -EINVAL;
	}
	if (parse.failed)
		return -EINVAL;
	return r < 0 ? cannot_open(path, -ENOMEM, error) : 0;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* By bytes: the order must not depend on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(const char *path, struct config *config, char *limits_origin, size_t size,
			 struct config_error *error)
{
	cleanup_free char *directory = NULL;
	struct dirent **entries = NULL;
	int n, r = 0;

	if (asprintf(&directory, "%s.d", path) < 0) {
		directory = NULL;
		return cannot_open(path, -ENOMEM, error);
	}
	n = scandir(directory, &entries, is_drop_in, by_name);
	if (n < 0)
		return errno == ENOENT ? 0 : cannot_open(directory, -errno, error);
	if (n > DROP_INS_MAX) {
		set_error(error, "%s: more than %d files", directory, DROP_INS_MAX);
		r = -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		cleanup_free char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0) {
			file = NULL;
			r = cannot_open(directory, -ENOMEM, error);
		}
		if (r == 0)
			r = load_file(file, config, limits_origin, size, error);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int config_load(const char *path, bool required, struct config *config, struct config_error *error)
{
	char limits_origin[512] = "";
	struct config loaded;
	int r;

	config_defaults(&loaded);
	r = load_file(path, &loaded, limits_origin, sizeof(limits_origin), error);
	if (r == -ENOENT && !required)
		r = 0;
	if (r == 0)
		r = load_drop_ins(path, &loaded, limits_origin, sizeof(limits_origin), error);
	if (r < 0)
		return r;
	if (loaded.min_khz && loaded.max_khz && loaded.min_khz > loaded.max_khz) {
		set_error(error,
			  "%s: [limits] min-frequency %u is above max-frequency %u; allowed is at "
			  "most that, or 0 (no limit) for either",
			  limits_origin, loaded.min_khz, loaded.max_khz);
		return -EINVAL;
	}
	*config = loaded;
	return 0;
}
