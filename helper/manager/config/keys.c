/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/keys.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/frequency_method.h"
#include "common/value.h"

#define USER_NAME_MAX (sizeof(((struct config *)NULL)->peer_users[0]) - 1)
#define USER_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-"

static const char *const method_choices[] = {[CHOOSE_AUTO] = "auto",
					     [CHOOSE_SETSPEED] = METHOD_NAME_SETSPEED,
					     [CHOOSE_LIMITS] = METHOD_NAME_LIMITS,
					     NULL};
static const char *const foreign_choices[] = {
	[FOREIGN_REPORT] = "report", [FOREIGN_REASSERT] = "reassert", NULL};
static const char *const silence_choices[] = {
	[SILENCE_PROTECT] = "protect", [SILENCE_IGNORE] = "ignore", NULL};

#define FIELD(field) .offset = offsetof(struct config, field)
#define A_FLAG "yes or no"

_Static_assert(sizeof(enum method_choice) == sizeof(unsigned int) &&
		       sizeof(enum foreign_choice) == sizeof(unsigned int) &&
		       sizeof(enum silence_choice) == sizeof(unsigned int),
	       "set_choice() writes an unsigned int");

const struct config_key config_keys[] = {
	{"libvirt", "uri", KEY_URI, FIELD(libvirt_uri), .initial = "qemu:///system",
	 .allowed = "a libvirt URI such as qemu:///system, or none",
	 .help = "The libvirt daemon whose domains are served; vmpowerd connects read-only. none: "
		 "without libvirt; only the hook reports domains. With the default, libvirt "
		 "chooses at each new connection: virtqemud if /run/libvirt/virtqemud-sock-ro "
		 "exists, otherwise libvirtd (libvirt-sock-ro). qemu:///system?socket=PATH names "
		 "a socket. A change needs a restart.",
	 .needs_restart = "the domains served now were found through the present libvirt"},

	{"channel", "rate", KEY_NUMBER, 0, 1000000, FIELD(channel_rate), .initial = "1000",
	 .allowed = "0 (unlimited) to 1000000 requests per second",
	 .help = "Requests per second that a channel may make. A request that moves its vCPU's "
		 "vote "
		 "counts as one more for each frequency domain on which it does. A guest that "
		 "makes "
		 "more waits; it is not disconnected. 0: unlimited."},
	{"channel", "burst", KEY_NUMBER, 1, 1000000, FIELD(channel_burst), .initial = "200",
	 .allowed = "1 to 1000000 requests",
	 .help = "The most requests that a channel may make at once."},
	{"channel", "total-rate", KEY_NUMBER, 0, 10000000, FIELD(total_rate), .initial = "100000",
	 .allowed = "0 (unlimited) to 10000000 requests per second",
	 .help = "Requests per second of all channels together. This bounds the CPU time that "
		 "guests can take from the host: a request takes about 5 us, so the default is "
		 "half a CPU. 0: unlimited, which is one CPU, since the monitor has one thread. "
		 "At the limit, channels wait in one queue and are served in turn."},
	{"channel", "vote-lifetime", KEY_NUMBER, 0, 86400, FIELD(channel_vote_lifetime_s),
	 .initial = "0", .allowed = "0 (no end) to 86400 seconds",
	 .help = "Seconds after which a vote ends if its channel has sent nothing valid since: the "
		 "guest may have crashed. Such a vCPU counts as one that has not voted. 0: no end. "
		 "A guest has to repeat its requests, or send queries, within this time."},
	{"channel", "queries", KEY_FLAG, FIELD(channel_queries), .initial = "yes",
	 .allowed = A_FLAG,
	 .help = "May guests query the frequencies and capabilities of their vCPUs' CPUs?"},
	{"channel", "peer-user", KEY_USERS, FIELD(peer_users), .initial = "root qemu libvirt-qemu",
	 .allowed =
		 "1 to 15 users: numbers, or names of at most 32 characters, separated by blanks "
		 "or commas",
	 .help = "Users, by name or number, whose processes are trusted to be QEMU at the other "
		 "end of a channel's socket, separated by blanks or commas. Names that this host "
		 "does not know are ignored. Checked when a channel is connected."},

	{"cpufreq", "sysfs", KEY_PATH, FIELD(sysfs), .initial = "/sys",
	 .allowed = "the absolute path of a directory that stands for /sys",
	 .help = "The directory to use as /sys, for tests. A change needs a restart.",
	 .needs_restart = "the saved baselines belong to the present directory"},
	{"cpufreq", "method", KEY_CHOICE, .choices = method_choices, FIELD(method),
	 .initial = "auto", .allowed = "auto, " METHOD_NAME_SETSPEED " or " METHOD_NAME_LIMITS,
	 .help = "How to set a frequency. setspeed: governor userspace and scaling_setspeed; "
		 "fast. limits: scaling_min_freq and scaling_max_freq; works with any driver and "
		 "keeps the governor. auto: setspeed if the governor userspace is available, "
		 "otherwise limits."},
	{"cpufreq", "transition-interval", KEY_NUMBER, 0, 10000000, FIELD(transition_interval_us),
	 .initial = "0", .allowed = "0 to 10000000 microseconds",
	 .help = "Least time between two changes of one frequency domain, in microseconds. 0: no "
		 "limit."},
	{"cpufreq", "foreign", KEY_CHOICE, .choices = foreign_choices, FIELD(foreign),
	 .initial = "report", .allowed = "report or reassert",
	 .help = "What to do if someone else replaced the governor that vmpower set. report: log "
		 "it, and answer requests with NACK until it is userspace again. reassert: log it "
		 "and set it again."},

	{"arbitration", "silence", KEY_CHOICE, .choices = silence_choices, FIELD(silence),
	 .initial = "protect", .allowed = "protect or ignore",
	 .help = "What follows from a pinned vCPU that has not voted. protect: while all votes are "
		 "below what its CPUs may run at without vmpower, they are left to that, turbo "
		 "included, so others cannot slow them down. ignore: it does not count."},
	{"arbitration", "allow-unpinned", KEY_FLAG, FIELD(allow_unpinned), .initial = "no",
	 .allowed = A_FLAG, .help = "May a vCPU that is not pinned vote?"},

	{"traffic", "interval", KEY_NUMBER, 10, 10000, FIELD(traffic_interval_ms), .initial = "100",
	 .allowed = "10 to 10000 milliseconds",
	 .help = "Milliseconds between two looks at the packets of a domain's interfaces, for "
		 "policies that go by traffic. Nothing is counted for other domains."},
	{"traffic", "vf-interval", KEY_NUMBER, 1000, 60000, FIELD(traffic_vf_interval_ms),
	 .initial = "1000", .allowed = "1000 to 60000 milliseconds",
	 .help = "Likewise, for interfaces that are virtual functions. The kernel tells of all "
		 "functions of a physical one at once, and meanwhile lets nobody configure network "
		 "devices: vmpower asks less often than this if an answer takes more than a "
		 "hundredth of it."},

	{"limits", "min-frequency", KEY_FREQUENCY, FIELD(min_khz), .initial = "0",
	 .allowed = FREQUENCY_ALLOWED,
	 .help = "The lowest frequency to set on any CPU: in kHz, or with a unit, as in 800MHz or "
		 "0.8GHz; 0: no limit. It must be one that this host's CPUs can do. Between two "
		 "steps of a CPU the higher one applies."},
	{"limits", "max-frequency", KEY_FREQUENCY, FIELD(max_khz), .initial = "0",
	 .allowed = FREQUENCY_ALLOWED,
	 .help = "The highest frequency to set on any CPU, likewise. Between two steps of a CPU "
		 "the "
		 "lower one applies."},
	{"limits", "turbo", KEY_FLAG, FIELD(turbo), .initial = "yes", .allowed = A_FLAG,
	 .help = "May frequencies above the highest without turbo be set?"},
};

const unsigned int n_config_keys = array_size(config_keys);
_Static_assert(array_size(config_keys) <= MAX_CONFIG_KEYS, "there is room for each");

/* --- values ---------------------------------------------------------------------------- */

static bool set_text(void *field, const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len >= CONFIG_TEXT)
		return false;
	memset(field, 0, CONFIG_TEXT);
	memcpy(field, value, len + 1);
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

bool config_user_number(const char *user, uint32_t *uid)
{
	return parse_u32(user, UINT32_MAX - 1, uid) == 0; /* the last one means "no user" */
}

bool config_default_peer_user(const char *user)
{
	struct config defaults;
	bool is_one = false;

	config_defaults(&defaults);
	for (unsigned int i = 0; defaults.peer_users[i][0]; i++)
		is_one |= strcmp(user, defaults.peer_users[i]) == 0;
	return is_one;
}

static bool set_users(char users[CONFIG_PEER_USERS][USER_NAME_MAX + 1], const char *value)
{
	char list[CONFIG_PEER_USERS][USER_NAME_MAX + 1] = {""};
	unsigned int n = 0;
	uint32_t uid;

	for (;;) {
		size_t len;

		value += strspn(value, " \t,");
		if (!*value)
			break;
		len = strcspn(value, " \t,");
		/* Keep the last entry "": it ends the list. */
		if (n == CONFIG_PEER_USERS - 1 || len > USER_NAME_MAX || *value == '-' ||
		    strspn(value, USER_NAME_CHARACTERS) < len)
			return false;
		memcpy(list[n], value, len);
		list[n][len] = '\0';
		if (strspn(list[n], "0123456789") == len && !config_user_number(list[n], &uid))
			return false;
		n++;
		value += len;
	}
	if (n == 0)
		return false;
	memcpy(users, list, sizeof(list));
	return true;
}

bool config_key_set(const struct config_key *key, const char *value, struct config *config)
{
	void *field = (char *)config + key->offset;

	switch (key->type) {
	case KEY_URI:
		return (strcmp(value, "none") == 0 || strstr(value, "://")) &&
		       set_text(field, value);
	case KEY_PATH:
		return value[0] == '/' && set_text(field, value);
	case KEY_NUMBER:
		return value_number(value, key->min, key->max, field);
	case KEY_FREQUENCY:
		return value_frequency(value, field);
	case KEY_FLAG:
		return value_flag(value, field);
	case KEY_CHOICE:
		return set_choice(field, value, key->choices);
	case KEY_USERS:
		return set_users(field, value);
	}
	return false;
}

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (unsigned int i = 0; i < n_config_keys; i++)
		(void)config_key_set(&config_keys[i], config_keys[i].initial, config);
}

static size_t field_size(enum key_type type)
{
	switch (type) {
	case KEY_URI:
	case KEY_PATH:
		return CONFIG_TEXT;
	case KEY_NUMBER:
	case KEY_FREQUENCY:
		return sizeof(uint32_t);
	case KEY_FLAG:
		return sizeof(bool);
	case KEY_CHOICE:
		return sizeof(unsigned int);
	case KEY_USERS:
		return sizeof(((struct config *)NULL)->peer_users);
	}
	return 0;
}

bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b)
{
	return memcmp((const char *)a + key->offset, (const char *)b + key->offset,
		      field_size(key->type)) == 0;
}

void config_key_copy(const struct config_key *key, const struct config *from, struct config *to)
{
	memcpy((char *)to + key->offset, (const char *)from + key->offset, field_size(key->type));
}

/* --- names ----------------------------------------------------------------------------- */

bool config_is_section(const char *name)
{
	for (unsigned int i = 0; i < n_config_keys; i++) {
		if (strcmp(name, config_keys[i].section) == 0)
			return true;
	}
	return false;
}

static bool append_name(char *text, size_t size, size_t *used, const char *name)
{
	int n = snprintf(text + *used, size - *used, "%s%s", *used ? ", " : "", name);

	if (n < 0 || (size_t)n >= size - *used)
		return false;
	*used += (size_t)n;
	return true;
}

const char *config_key_names(const char *section, char *text, size_t size)
{
	const char *last = "";
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < n_config_keys; i++) {
		const char *name = section ? config_keys[i].name : config_keys[i].section;

		if ((section && strcmp(section, config_keys[i].section) != 0) ||
		    strcmp(name, last) == 0)
			continue;
		last = name;
		if (!append_name(text, size, &used, name))
			return text;
	}
	if (!section)
		(void)append_name(text, size, &used, DOMAIN_SECTION " \"...\"");
	for (int i = 0; section && strcmp(section, DOMAIN_SECTION) == 0 && i < N_SETTINGS; i++)
		(void)append_name(text, size, &used, domain_setting_fields[i].name);
	return text;
}
