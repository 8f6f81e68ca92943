/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration file may contain, and what is refused. */
#include "helper/manager/config/range.h"
#include "tests/unit/config_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(make_directory, remove_directory)

TEST(every_key)
{
	ck_assert_int_eq(load("[libvirt]\n"
			      "uri = qemu+unix:///system?socket=/run/libvirt/sock\n"
			      "[channel]\n"
			      "rate=0\n"
			      "burst = 1000000 ; inline\n"
			      "total-rate = 5000\n"
			      "vote-lifetime = 86400\n"
			      "queries = no\n"
			      "peer-user = one, two,three  1004\n"
			      "\n"
			      "# comment\n"
			      "  ; comment\n"
			      "[cpufreq]  # comment\n"
			      "sysfs = /tmp/sys with blank\n"
			      "method = limits\n"
			      "transition-interval = 500\n"
			      "foreign = reassert\n"
			      "[arbitration]\n"
			      "silence = ignore\n"
			      "allow-unpinned = yes\n"
			      "[traffic]\n"
			      "interval = 10\n"
			      "vf-interval = 60000\n"
			      "[limits]\r\n"
			      "min-frequency = 1MHz\r\n"
			      "max-frequency = 20.0 GHz ; inline\r\n"
			      "turbo = no"),
			 0);
	ck_assert_str_eq(config.libvirt_uri, "qemu+unix:///system?socket=/run/libvirt/sock");
	ck_assert_uint_eq(config.channel_rate, 0);
	ck_assert_uint_eq(config.channel_burst, 1000000);
	ck_assert_uint_eq(config.total_rate, 5000);
	ck_assert_uint_eq(config.channel_vote_lifetime_s, 86400);
	ck_assert(!config.channel_queries);
	ck_assert_str_eq(config.peer_users[0], "one");
	ck_assert_str_eq(config.peer_users[1], "two");
	ck_assert_str_eq(config.peer_users[2], "three");
	ck_assert_str_eq(config.peer_users[3], "1004");
	ck_assert_str_eq(config.peer_users[4], "");
	ck_assert_str_eq(config.sysfs, "/tmp/sys with blank");
	ck_assert_int_eq(config.method, CHOOSE_LIMITS);
	ck_assert_uint_eq(config.transition_interval_us, 500);
	ck_assert_int_eq(config.foreign, FOREIGN_REASSERT);
	ck_assert_int_eq(config.silence, SILENCE_IGNORE);
	ck_assert(config.allow_unpinned);
	ck_assert_uint_eq(config.traffic_interval_ms, 10);
	ck_assert_uint_eq(config.traffic_vf_interval_ms, 60000);
	ck_assert_uint_eq(config.min_khz, 1000);
	ck_assert_uint_eq(config.max_khz, 20000000);
	ck_assert(!config.turbo);
}

TEST(defaults)
{
	ck_assert_int_eq(load(""), 0);
	assert_defaults();
	ck_assert_str_eq(config.libvirt_uri, "qemu:///system");
	ck_assert_str_eq(config.sysfs, "/sys");
	ck_assert_str_eq(config.peer_users[0], "root");
	ck_assert_str_eq(config.peer_users[1], "qemu");
	ck_assert_str_eq(config.peer_users[2], "libvirt-qemu");
	ck_assert_int_eq(load("\xef\xbb\xbf# with a byte order mark\n[channel]\n"), 0);
	assert_defaults();
}

TEST(domains)
{
	write_drop_in("a.conf", "[domain \"fw-*\"]\nrate = 7\n[domain \"new\"]\nserve = no\n"
				"[domain \"4dea22b31d52d8f32516782e98ab3fa0\"]\nrate = 9\n");
	ck_assert_msg(load("[domain \"fw-*\"] # comment\n"
			   "rate = 5\n"
			   "max-frequency = 2400000\n"
			   "[domain   \"a ; name = [1]\"]\r\n"
			   "commands = turbo\r\n"
			   "[channel]\n"
			   "rate = 1\n"
			   "[domain \"4DEA22B3-1D52-D8F3-2516-782E98AB3FA0\"]\n"
			   "queries = no\n") == 0,
		      "%s", error.text);
	ck_assert_uint_eq(config.n_domains, 4);
	ck_assert_str_eq(config.domains[0].pattern, "fw-*");
	ck_assert_uint_eq(config.domains[0].settings.rate, 7);
	ck_assert_uint_eq(config.domains[0].settings.max_khz, 2400000);
	ck_assert_ptr_nonnull(strstr(config.domains[0].origin, "/vmpower.conf:1"));
	ck_assert_str_eq(config.domains[1].pattern, "a ; name = [1]");
	ck_assert_uint_eq(config.domains[1].settings.commands, COMMAND_TURBO);
	ck_assert_uint_eq(config.domains[1].settings.given, 1u << SETTING_COMMANDS);
	/* one UUID in two forms is one section */
	ck_assert_str_eq(config.domains[2].pattern, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
	ck_assert(!config.domains[2].settings.queries);
	ck_assert_uint_eq(config.domains[2].settings.rate, 9);
	ck_assert_str_eq(config.domains[3].pattern, "new");
	ck_assert_uint_eq(config.channel_rate, 1);
	/* after a byte order mark */
	ck_assert_int_eq(load("\xef\xbb\xbf[domain \"x\"]\nserve = no\n"), 0);
	ck_assert_str_eq(config.domains[0].pattern, "x");
}

static const char *text_of(enum domain_setting setting, const char *parsed)
{
	static char text[SETTING_TEXT_SIZE];
	struct domain_settings settings = {0};

	if (!domain_setting_parse(setting, parsed, &settings))
		return "(refused)";
	return domain_setting_text(setting, &settings, text);
}

static const struct {
	enum domain_setting setting;
	const char *parsed, *text; /* NULL: refused */
} values[] = {
	{SETTING_POLICY, "traffic", "traffic"},
	{SETTING_POLICY, "Traffic", NULL},
	{SETTING_POLICY_LEVEL, "none", "none"},
	{SETTING_POLICY_LEVEL, "max", NULL},
	{SETTING_POLICY_LOW_HOURS, "none", "none"},
	{SETTING_POLICY_LOW_HOURS, "22-1", "0-1,22-23"},
	{SETTING_POLICY_LOW_HOURS, "0-23", "0-23"},
	{SETTING_POLICY_LOW_HOURS, "5, 3 4,,8", "3-5,8"},
	{SETTING_POLICY_LOW_HOURS, "", NULL},
	{SETTING_POLICY_LOW_HOURS, ",", NULL},
	{SETTING_POLICY_LOW_HOURS, "1-", NULL},
	{SETTING_POLICY_LOW_HOURS, "1-2-3", NULL},
	{SETTING_POLICY_LOW_HOURS, "08", NULL},
	{SETTING_POLICY_LOW_HOURS, "8h", NULL},
	{SETTING_POLICY_HIGH_PACKETS, "0", NULL},
	{SETTING_POLICY_HIGH_PACKETS, "1000000000", "1000000000"},
	{SETTING_POLICY_VCPUS, "all", "all"},
	{SETTING_POLICY_VCPUS, "0-1023", "all"},
	{SETTING_POLICY_VCPUS, "1023,0,1", "0-1,1023"},
	{SETTING_POLICY_VCPUS, "1-3,^2", NULL},
	{SETTING_POLICY_VCPUS, "", NULL},
	{SETTING_POLICY_VCPUS, "3-1", NULL},
	{SETTING_POLICY_INTERFACES, "all", "all"},
	{SETTING_POLICY_INTERFACES, "vnet0 all", NULL},
	{SETTING_POLICY_INTERFACES, "all vnet0", NULL},
	{SETTING_POLICY_INTERFACES, " tap-fw.1,52:54:00:AA:bb:cc", "tap-fw.1 52:54:00:aa:bb:cc"},
	{SETTING_POLICY_INTERFACES, "52:54:00:aa:bb", NULL},
	{SETTING_POLICY_INTERFACES, "", NULL},
	{SETTING_POLICY_INTERFACES, "a1234567890123456", NULL},
	{SETTING_POLICY_INTERFACES, "a b c d e f g h i j k l m n o p",
	 "a b c d e f g h i j k l m n o p"},
	{SETTING_POLICY_INTERFACES, "a b c d e f g h i j k l m n o p q", NULL},
	{SETTING_POLICY_RANK, "above-guest", "above-guest"},
	{SETTING_COMMANDS, "turbo scale", "scale turbo"},
	{SETTING_COMMANDS, "none", "none"},
	{SETTING_SERVE, "no", "no"},
	{SETTING_MAX_FREQUENCY, "2GHz", "2000000"},
};

TEST_EACH(settings_as_text, values)
{
	const char *wanted = values[_i].text ? values[_i].text : "(refused)";

	ck_assert_str_eq(text_of(values[_i].setting, values[_i].parsed), wanted);
	if (values[_i].text)
		ck_assert_str_eq(text_of(values[_i].setting, wanted), wanted);
}

TEST(many_domains)
{
	char *text = calloc(1, 64 * (CONFIG_MAX_DOMAINS + 2)), *end = text;

	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < CONFIG_MAX_DOMAINS; i++)
		end += sprintf(end, "[domain \"vm%d\"]\nrate = %d\n", i, i);
	ck_assert_msg(load(text) == 0, "%s", error.text);
	ck_assert_uint_eq(config.n_domains, CONFIG_MAX_DOMAINS);
	ck_assert_uint_eq(config.domains[1000].settings.rate, 1000);
	(void)sprintf(end, "[domain \"one more\"]\n");
	ck_assert_int_eq(load(text), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "more than 1024 sections"));
	free(text);
}

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const struct {
	const char *text;
	int line;
	const char *words[3]; /* in the message */
} bad[] = {
	{"[chanel]\nrate = 1\n",
	 1,
	 {"[chanel]", "libvirt, channel, cpufreq, arbitration, traffic, limits"}},
	{"[chanel]\n", 1, {"unknown section"}},
	{"[]\n", 1, {"unknown section"}},
	{"[channel\nrate = 1\n", 1, {"]"}},
	{"[channel] rate = 1\n", 1, {"[channel]"}},
	{"rate = 1\n", 1, {"'rate'", "before any [section]"}},
	{"[channel]\n\nrat = 1\n",
	 3,
	 {"'rat'", "[channel]", "rate, burst, total-rate, vote-lifetime, queries, peer-user"}},
	{"[channel]\nuri = none\n", 2, {"'uri'", "[channel]"}},
	{"[channel]\nRate = 1\n", 2, {"'Rate'"}},
	{"[channel]\nrate = 1\nrate = 2\n", 3, {"'rate'", "twice"}},
	{"[channel]\nrate = 1\n[limits]\n[channel]\nrate = 1\n", 5, {"'rate'", "twice"}},
	{"[channel]\nrate = 1\n  2\n", 3, {"blank"}},
	{"[channel]\nrate = 1\n  burst = 2\n", 3, {"blank"}},
	{"[channel]\nrate\n", 2, {"key = value"}},
	{"[channel]\nnonsense\nrate = x\n", 2, {"key = value"}},
	{"[channel]\nrate = x\nnonsense\n", 2, {"rate is 'x'"}},
	{"[channel]\nrate = \n", 2, {"rate is ''", "1000000"}},
	{"[channel]\nrate = -1\n", 2, {"'-1'", "0 (unlimited) to 1000000"}},
	{"[channel]\nrate = 1000001\n", 2, {"[channel] rate"}},
	{"[channel]\nrate = 010\n", 2, {"[channel] rate"}},
	{"[channel]\nrate = 5 # five\n", 2, {"[channel] rate"}},
	{"[channel]\nburst = 0\n", 2, {"[channel] burst"}},
	{"[channel]\nvote-lifetime = 86401\n", 2, {"vote-lifetime", "0 (no end) to 86400 seconds"}},
	{"[channel]\nqueries = true\n", 2, {"'true'", "yes or no"}},
	{"[channel]\npeer-user = ,\n", 2, {"peer-user", "1 to 15"}},
	{"[channel]\npeer-user = a:b\n", 2, {"peer-user"}},
	{"[channel]\npeer-user = -a\n", 2, {"peer-user"}},
	{"[channel]\npeer-user = 4294967295\n", 2, {"peer-user", "numbers"}},
	{"[channel]\npeer-user = a b c d e f g h i j k l m n o p\n", 2, {"peer-user"}},
	{"[channel]\npeer-user = abcdefghijklmnopqrstuvwxyzabcdefg\n", 2, {"peer-user"}},
	{"[libvirt]\nuri = system\n", 2, {"uri", "none"}},
	{"[cpufreq]\nsysfs = sys\n", 2, {"sysfs", "absolute"}},
	{"[cpufreq]\nmethod = userspace\n", 2, {"'userspace'", "auto, setspeed or limits"}},
	{"[cpufreq]\nforeign = fight\n", 2, {"report or reassert"}},
	{"[traffic]\ninterval = 9\n", 2, {"10 to 10000"}},
	{"[traffic]\nvf-interval = 999\n", 2, {"1000 to 60000"}},
	{"[arbitration]\nsilence = \n", 2, {"protect or ignore"}},
	{"[limits]\nmin-frequency = 999\n", 2, {"min-frequency", "1MHz to 20GHz"}},
	{"[limits]\nmax-frequency = 20000001\n", 2, {"max-frequency"}},
	{"[limits]\nmin-frequency = 2000000\nmax-frequency = 1999999\nturbo = no\n",
	 3,
	 {"2000000", "1999999", "above"}},
	{"[domain]\nrate = 1\n", 1, {"[domain \"NAME\"]"}},
	{"[domain \"\"]\n", 1, {"[domain \"NAME\"]"}},
	{"[domain \"a]\n", 1, {"[domain \"NAME\"]"}},
	{"[domain a]\n", 1, {"[domain \"NAME\"]"}},
	{"[domain \"a\" ]\n", 1, {"[domain \"NAME\"]"}},
	{"[domain \"a\"", 1, {"[domain \"NAME\"]"}},
	{"[domain \"a\"] rate = 1\n", 1, {"text after [domain]"}},
	{"[domains \"a\"]\n", 1, {"unknown section", "domain \"...\""}},
	{"[domain \"a\"]\nrates = 1\n",
	 2,
	 {"'rates'", "serve, min-frequency, max-frequency, turbo, commands, queries, rate, burst, "
		     "vote-lifetime"}},
	{"[domain \"a\"]\nmethod = auto\n", 2, {"'method'", "[domain]"}},
	{"[domain \"a\"]\nrate = x\n", 2, {"[domain] rate is 'x'", "1000000"}},
	{"[domain \"a\"]\nburst = 0\n", 2, {"burst"}},
	{"[domain \"a\"]\ncommands = up\n", 2, {"none, or any of: scale turbo"}},
	{"[domain \"a\"]\nserve = 1\n", 2, {"yes or no"}},
	{"[domain \"a\"]\nmin-frequency = 1\n", 2, {"1MHz to 20GHz"}},
	{"[domain \"a\"]\npolicy = fast\n", 2, {"'fast'", "none, workload, time or traffic"}},
	{"[domain \"a\"]\npolicy = workload\n", 1, {"\"a\"", "needs policy-level"}},
	{"[domain \"a\"]\npolicy-level = low\n", 1, {"policy-level is given without policy"}},
	{"[domain \"a\"]\npolicy = time\n", 1, {"needs hours", "policy-high-hours"}},
	{"[domain \"a\"]\npolicy = time\npolicy-low-hours = 1-5\npolicy-high-hours = 5-9\n",
	 1,
	 {"hour 5", "policy-high-hours"}},
	{"[domain \"a\"]\npolicy-low-hours = 24\n", 2, {"hours from 0 to 23"}},
	{"[domain \"a\"]\npolicy = time\npolicy-low-hours = 1\npolicy-level = low\n",
	 1,
	 {"policy-level means nothing with policy = time"}},
	{"[domain \"a\"]\npolicy = time\npolicy-low-hours = 1\npolicy-direction = both\n",
	 1,
	 {"policy-direction means nothing", "without policy-traffic-hours"}},
	{"[domain \"a\"]\npolicy = traffic\npolicy-medium-packets = 200000\n",
	 1,
	 {"(200000) is above policy-high-packets (100000 if not given)"}},
	{"[domain \"a\"]\npolicy-vcpus = 1024\n", 2, {"vCPUs from 0 to 1023"}},
	{"[domain \"a\"]\npolicy-interfaces = eth/0\n", 2, {"MAC addresses"}},
	{"[domain \"a\"]\nrate = 1\n[domain \"b\"]\nrate = 1\n[domain \"a\"]\nrate = 1\n",
	 6,
	 {"'rate'", "twice"}},
	{"\n[domain \"a\"]\nmin-frequency = 2000000\nmax-frequency = 1000000\n",
	 2,
	 {"\"a\"", "2000000", "1000000"}},
	{"[limits]\nmax-frequency = 2000000\n[domain \"a\"]\nmin-frequency = 2100000\n",
	 3,
	 {"at least 2100000 and at most 2000000"}},
	{"# " FIFTY FIFTY FIFTY FIFTY "\n", 1, {"too long"}},
	{"[libvirt]\nuri = test://" FIFTY FIFTY FIFTY FIFTY "\n", 2, {"too long"}},
	{"[libvirt]\n\x01\n", 2, {"control character"}},
};

TEST_EACH(refuses, bad)
{
	char place[128];

	ck_assert_int_eq(load(bad[_i].text), -EINVAL);
	(void)snprintf(place, sizeof(place), "%s:%d: ", path, bad[_i].line);
	ck_assert_msg(strncmp(error.text, place, strlen(place)) == 0, "%s", error.text);
	for (size_t i = 0; i < array_size(bad[_i].words) && bad[_i].words[i]; i++)
		ck_assert_msg(strstr(error.text, bad[_i].words[i]) != NULL, "%s", error.text);
	/* Not touched. */
	ck_assert_uint_eq(config.channel_rate, 0x55555555);
}

TEST(refuses_a_nul)
{
	static const char text[] = "[channel]\nrate = 1\0\nburst = 1\n";

	write_bytes(path, text, sizeof(text) - 1);
	ck_assert_int_eq(config_load(path, true, &config, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, ":2: control character"));
}

TEST(longest_line)
{
	/* Whatever the library's limit, a line is read whole or refused. */
	for (size_t n = 1; n < CONFIG_TEXT; n++) {
		char text[512], name[CONFIG_TEXT + 1];

		memset(name, 'x', n);
		name[n] = '\0';
		(void)snprintf(text, sizeof(text), "[cpufreq]\nsysfs=/%s\n", name);
		if (load(text) == 0)
			ck_assert_str_eq(config.sysfs + 1, name);
		else
			ck_assert_msg(strstr(error.text, ":2: line too long") != NULL ||
					      strstr(error.text, ":2: [cpufreq] sysfs") != NULL,
				      "%zu: %s", n, error.text);
	}
	ck_assert_int_eq(load("[cpufreq]\nsysfs=/" FIFTY FIFTY FIFTY TEN TEN "\n"), 0);
}

TEST(missing)
{
	ck_assert_int_eq(config_load(path, true, &config, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.text, path));
	ck_assert_int_eq(config_load(path, false, &config, &error), 0);
	assert_defaults();
	write_drop_in("a.conf", "[channel]\nrate = 7\n");
	ck_assert_int_eq(config_load(path, false, &config, &error), 0);
	ck_assert_uint_eq(config.channel_rate, 7);
}

TEST(not_regular)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(config_load(path, false, &config, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "not a regular file"));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(config_load(path, false, &config, &error), -EINVAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(path, path), 0);
	ck_assert_int_eq(config_load(path, false, &config, &error), -ELOOP);
	ck_assert_ptr_nonnull(strstr(error.text, "can't be read"));
}

TEST(drop_ins)
{
	write_drop_in("20-b.conf", "[channel]\nrate = 20\nburst = 20\n");
	write_drop_in("10-a.conf", "[channel]\nrate = 10\nburst = 10\nqueries = no\n");
	write_drop_in("30.conf~", "nonsense");
	write_drop_in(".hidden.conf", "nonsense");
	write_drop_in(".conf", "nonsense");
	ck_assert_msg(load("[channel]\nrate = 1\n[limits]\nturbo = no\n") == 0, "%s", error.text);
	ck_assert_uint_eq(config.channel_rate, 20);
	ck_assert_uint_eq(config.channel_burst, 20);
	ck_assert(!config.channel_queries);
	ck_assert(!config.turbo);

	write_drop_in("30-c.conf", "[channel]\nrate = 20\n\nrates = 20\n");
	ck_assert_int_eq(load(""), -EINVAL);
	ck_assert_ptr_nonnull(
		strstr(error.text, "/vmpower.conf.d/30-c.conf:4: unknown key 'rates'"));
}

TEST(limits_of_two_files)
{
	write_drop_in("a.conf", "[limits]\nmax-frequency = 1000000\n");
	ck_assert_int_eq(load("[limits]\nmin-frequency = 2000000\nmax-frequency = 3000000\n"),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "a.conf:2: [limits] min-frequency 2000000"));
	/* Only the final values count. */
	ck_assert_int_eq(load("[limits]\nmin-frequency = 900000\nmax-frequency = 800000\n"), 0);
	ck_assert_uint_eq(config.max_khz, 1000000);
	write_drop_in("a.conf", "[limits]\nmax-frequency = 0\n");
	ck_assert_int_eq(load("[limits]\nmin-frequency = 2000000\n"), 0);
}

TEST(long_message_is_cut_with_a_mark)
{
	char deep[2048];
	size_t used = (size_t)snprintf(deep, sizeof(deep), "%s", directory);

	for (int i = 0; i < 6; i++)
		used += (size_t)snprintf(deep + used, sizeof(deep) - used, "/%0200d", i);
	ck_assert_int_eq(config_load(deep, true, &config, &error), -ENOENT);
	ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
	ck_assert_str_eq(error.text + sizeof(error.text) - 4, "...");
}

static const struct {
	const char *text;
	struct khz_range range;
	const char *words[5]; /* of the error; none: it is accepted */
} ranges[] = {
	{"[limits]\nmin-frequency = 800MHz\nmax-frequency = 3.5GHz\n", {800000, 3500000}, {NULL}},
	{"[limits]\nmin-frequency = 0\nmax-frequency = 0\n", {800000, 3500000}, {NULL}},
	{"[limits]\nmax-frequency = 2400\n", {0, 0}, {NULL}},		    /* no cpufreq */
	{"[limits]\nmax-frequency = 5GHz\n", {800000, UINT32_MAX}, {NULL}}, /* turbo is off */
	{"[limits]\n\nmax-frequency = 2400\nmin-frequency = 0\n",
	 {800000, 3500000},
	 {"vmpower.conf:3: [limits] max-frequency is 2400 kHz", "800000 to 3500000 kHz", "2.4GHz"}},
	{"[limits]\nmax-frequency = 3500001\n", {800000, 3500000}, {":2: [limits] max-frequency"}},
	{"[limits]\nmin-frequency = 799999\n", {800000, 3500000}, {":2: [limits] min-frequency"}},
	{"[limits]\nmin-frequency = 2400\n",
	 {800000, UINT32_MAX},
	 {"800000 to more (turbo is off)"}},
	{"[domain \"a\"]\nrate = 1\n[domain \"b\"]\nmin-frequency = 2400\n",
	 {800000, 3500000},
	 {":3: [domain \"b\"] min-frequency is 2400 kHz", "0 for no limit"}},
	{"[domain \"a\"]\nmax-frequency = 20GHz\n",
	 {800000, 3500000},
	 {":1: [domain \"a\"] max-frequency is 20000000 kHz"}},
};

/* A frequency that no CPU of the host can do is a mistake, most often of the unit. */
TEST_EACH(frequencies_that_the_cpus_can_do, ranges)
{
	int r;

	ck_assert_msg(load(ranges[_i].text) == 0, "%s", error.text);
	r = config_check_range(&config, &ranges[_i].range, &error);
	ck_assert_int_eq(r, ranges[_i].words[0] ? -ERANGE : 0);
	for (size_t i = 0; i < 5 && ranges[_i].words[i]; i++)
		ck_assert_msg(strstr(error.text, ranges[_i].words[i]) != NULL, "%s", error.text);
}
