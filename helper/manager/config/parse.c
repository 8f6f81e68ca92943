/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "helper/manager/config/keys.h"

#define FILE_MAX_SIZE (1 << 20)
#define SECTION_SIZE 64
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* The state of parsing one file. */
struct parse {
	const char *path;
	FILE *file;
	int line; /* number of the last line read */
	struct config_draft *draft;
	struct config_error *error;
	bool failed;
	char section[SECTION_SIZE]; /* of the line; "": none yet */
	uint32_t domain;	    /* index in config.domains, in a section [domain "..."] */
	bool seen[MAX_CONFIG_KEYS];
	uint32_t domain_seen[CONFIG_MAX_DOMAINS]; /* bits by enum domain_setting */
};

_Static_assert(N_SETTINGS <= 32, "domain_seen");

void config_fail(struct config_error *error, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(error->text))
		memcpy(error->text + sizeof(error->text) - 4, "...", 4);
}

int config_unreadable(const char *path, int result, struct config_error *error)
{
	config_fail(error, "%s: can't be read: %s", path, strerror(-result));
	return result;
}

/* Keep a file's first error. Return: 0, an error for inih */
#define fail(parse, format, ...)                                                                   \
	({                                                                                         \
		if (!(parse)->failed)                                                              \
			config_fail((parse)->error, "%s:%d: " format, (parse)->path,               \
				    (parse)->line, ##__VA_ARGS__);                                 \
		(parse)->failed = true;                                                            \
		0;                                                                                 \
	})

static void set_origin(const struct parse *parse, char origin[CONFIG_TEXT])
{
	int n = snprintf(origin, CONFIG_TEXT, "%s:%d", parse->path, parse->line);

	if (n < 0 || n >= CONFIG_TEXT)
		memcpy(origin + CONFIG_TEXT - 4, "...", 4);
}

/* --- key = value ------------------------------------------------------------------------ */

static int unknown_key(struct parse *parse, const char *name)
{
	char names[SETTING_NAMES_SIZE];

	return fail(parse, "unknown key '%s' in section [%s]; known are: %s", name, parse->section,
		    config_key_names(parse->section, names, sizeof(names)));
}

static int given_twice(struct parse *parse, const char *name)
{
	return fail(parse, "key '%s' of section [%s] is given twice in this file", name,
		    parse->section);
}

static int bad_value(struct parse *parse, const char *name, const char *value, const char *allowed)
{
	return fail(parse, "[%s] %s is '%s'; allowed is %s", parse->section, name, value, allowed);
}

static int on_domain_value(struct parse *parse, const char *name, const char *value)
{
	int setting = domain_setting_find(name);
	uint32_t *seen = &parse->domain_seen[parse->domain];

	if (setting < 0)
		return unknown_key(parse, name);
	if (*seen >> setting & 1)
		return given_twice(parse, name);
	*seen |= 1u << setting;
	if (!domain_setting_parse((enum domain_setting)setting, value,
				  &parse->draft->config.domains[parse->domain].settings))
		return bad_value(parse, name, value, domain_setting_fields[setting].allowed);
	return 1;
}

static const struct config_key *find_key(const char *section, const char *name)
{
	for (unsigned int i = 0; i < n_config_keys; i++) {
		if (strcmp(section, config_keys[i].section) == 0 &&
		    strcmp(name, config_keys[i].name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

/* inih's handler for "name = value". Return: 1; 0: error */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	const struct config_key *key;
	char names[SETTING_NAMES_SIZE];

	(void)section; /* truncated: parse->section is not */
	if (parse->failed)
		return 0;
	if (!parse->section[0])
		return fail(parse, "key '%s' comes before any [section]; known are: %s", name,
			    config_key_names(NULL, names, sizeof(names)));
	if (!value)
		value = "";
	if (strcmp(parse->section, DOMAIN_SECTION) == 0)
		return on_domain_value(parse, name, value);
	key = find_key(parse->section, name);
	if (!key)
		return unknown_key(parse, name);
	if (parse->seen[key - config_keys])
		return given_twice(parse, name);
	parse->seen[key - config_keys] = true;
	if (!config_key_set(key, value, &parse->draft->config))
		return bad_value(parse, name, value, key->allowed);
	if (key->offset == offsetof(struct config, min_khz))
		set_origin(parse, parse->draft->config.min_origin);
	if (key->offset == offsetof(struct config, max_khz))
		set_origin(parse, parse->draft->config.max_origin);
	return 1;
}

/* --- [section] -------------------------------------------------------------------------- */

static bool unknown_section(struct parse *parse, const char *section)
{
	char names[SETTING_NAMES_SIZE];

	return fail(parse, "unknown section [%s]; known are: %s", section,
		    config_key_names(NULL, names, sizeof(names)));
}

/* Enter a new section, or one that an earlier file has begun. */
static bool enter_domain(struct parse *parse, const char *text, size_t length)
{
	struct config *config = &parse->draft->config;
	char pattern[MAX_DOMAIN_NAME];
	uint32_t i = 0;

	memcpy(pattern, text, length);
	pattern[length] = '\0';
	(void)value_uuid(pattern, pattern); /* the same section in each of its forms */
	while (i < config->n_domains && strcmp(config->domains[i].pattern, pattern) != 0)
		i++;
	if (i == CONFIG_MAX_DOMAINS)
		return fail(parse,
			    "more than %d sections [" DOMAIN_SECTION " \"...\"]; use wildcards",
			    CONFIG_MAX_DOMAINS);
	if (i == parse->draft->capacity) {
		uint32_t capacity = i ? i * 2 : 8;
		struct config_domain *domains =
			reallocarray(config->domains, capacity, sizeof(*domains));

		if (!domains)
			return fail(parse, "%s", strerror(ENOMEM));
		config->domains = domains;
		parse->draft->capacity = capacity;
	}
	if (i == config->n_domains) {
		memset(&config->domains[i], 0, sizeof(config->domains[i]));
		memcpy(config->domains[i].pattern, pattern, sizeof(pattern));
		set_origin(parse, config->domains[i].origin);
		config->n_domains++;
	}
	parse->domain = i;
	return true;
}

/*
 * Parse [domain "..."]: inih would truncate the name. @line: what follows "[domain".
 * Return: what follows the "]"; NULL: error
 */
static const char *read_domain(struct parse *parse, const char *line)
{
	size_t length;

	line += strspn(line, " \t");
	length = *line == '"' ? strcspn(line + 1, "\"") : 0;
	if (length == 0 || line[1 + length] != '"' || line[2 + length] != ']') {
		fail(parse, "write a domain's section as [" DOMAIN_SECTION
			    " \"NAME\"], with a name, a UUID or a name with wildcards in quotes");
		return NULL;
	}
	if (length >= MAX_DOMAIN_NAME) {
		fail(parse, "a domain's name has at most %d bytes", MAX_DOMAIN_NAME - 1);
		return NULL;
	}
	return enter_domain(parse, line + 1, length) ? line + 3 + length : NULL;
}

static bool is_domain_section(const char *line)
{
	static const char start[] = "[" DOMAIN_SECTION;

	return strncmp(line, start, sizeof(start) - 1) == 0 &&
	       strchr(" \t\"]", line[sizeof(start) - 1]);
}

static const char *read_plain(struct parse *parse, const char *line)
{
	const char *end = strchr(line, ']');
	size_t length;

	if (!end) {
		fail(parse, "']' is missing after the section's name");
		return NULL;
	}
	length = (size_t)(end - line) - 1;
	if (length >= sizeof(parse->section))
		length = sizeof(parse->section) - 1;
	memcpy(parse->section, line + 1, length);
	parse->section[length] = '\0';
	if (!config_is_section(parse->section)) {
		unknown_section(parse, parse->section);
		return NULL;
	}
	return end + 1;
}

static bool read_section(struct parse *parse, const char *line)
{
	const char *rest;

	if (is_domain_section(line)) {
		memcpy(parse->section, DOMAIN_SECTION, sizeof(DOMAIN_SECTION));
		rest = read_domain(parse, line + strlen("[" DOMAIN_SECTION));
	} else {
		rest = read_plain(parse, line);
	}
	if (!rest)
		return false;
	rest += strspn(rest, " \t\r\n");
	if (*rest && !strchr("#;", *rest))
		return fail(parse, "unexpected text after [%s]", parse->section);
	return true;
}

/* --- lines ------------------------------------------------------------------------------ */

/* Refuse what inih accepts silently: continued values, empty unknown sections. */
static bool check_line(struct parse *parse, char *text)
{
	size_t mark = strlen(BYTE_ORDER_MARK), blanks;
	const char *line = text;

	if (parse->line == 1 && strncmp(line, BYTE_ORDER_MARK, mark) == 0)
		line += mark;
	blanks = strspn(line, " \t\r\n");
	if (!line[blanks] || strchr("#;", line[blanks]))
		return true;
	if (blanks)
		return fail(parse, "a line must not begin with a blank");
	if (line[0] != '[')
		return true;
	if (!read_section(parse, line))
		return false;
	/* A section that inih accepts; parse->section has its name. */
	memcpy(text, "[s]", sizeof("[s]"));
	return true;
}

/*
 * inih's reader: the next line, with its newline. Counts lines (inih may be built without line
 * numbers for handlers), and refuses lines that inih would split.
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
			fail(parse, "control character (0x%02x); this must be a text file", c);
			return NULL;
		}
		text[n++] = (char)c;
		if (c == '\n')
			break;
	}
	text[n] = '\0';
	if (ferror(parse->file)) {
		fail(parse, "can't be read: %s", strerror(errno));
		return NULL;
	}
	if (n == 0)
		return NULL;
	if (c != '\n' && c != EOF) {
		fail(parse, "line too long; at most %d characters", size - 2);
		return NULL;
	}
	return check_line(parse, text) ? text : NULL;
}

static int open_regular(const char *path, FILE **file, struct config_error *error)
{
	/* O_NONBLOCK: do not wait for the other end of a FIFO */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return config_unreadable(path, -errno, error);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_SIZE) {
		config_fail(error, "%s: not a regular file of at most %d bytes", path,
			    FILE_MAX_SIZE);
		return -EINVAL;
	}
	*file = fdopen(fd, "r");
	if (!*file)
		return config_unreadable(path, -errno, error);
	(void)take_fd(&fd);
	return 0;
}

int config_parse_file(const char *path, struct config_draft *draft, struct config_error *error)
{
	cleanup_fclose FILE *file = NULL;
	struct parse parse = {.path = path, .draft = draft, .error = error};
	int r = open_regular(path, &file, error);

	if (r < 0)
		return r;
	parse.file = file;
	r = ini_parse_stream(read_line, &parse, on_value, &parse);
	/* inih's first error may come before ours: it continues after one. */
	if (r > 0 && (!parse.failed || r < parse.line)) {
		config_fail(error, "%s:%d: neither '[section]' nor 'key = value'", path, r);
		return -EINVAL;
	}
	if (parse.failed)
		return -EINVAL;
	return r < 0 ? config_unreadable(path, -ENOMEM, error) : 0;
}
