/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of keys, and the configuration file generated from it. */
#include "helper/manager/config/keys.h"
#include "tests/unit/config_fixture.h"
#include "tests/unit/runner.h"

/* The shipped file is the one generated from the table of keys. */
FIXTURE(make_directory, remove_directory)

TEST(shipped_file)
{
	static const char beside[] = "/../../packaging/vmpower.conf";
	char shipped[512] = __FILE__, text[16384], *slash = strrchr(shipped, '/');
	cleanup_fclose FILE *file = NULL, *out = NULL;
	char made[sizeof(text)] = "";
	size_t n;

	ck_assert_ptr_nonnull(slash);
	ck_assert_uint_lt((size_t)(slash - shipped) + sizeof(beside), sizeof(shipped));
	memcpy(slash, beside, sizeof(beside));
	file = fopen(shipped, "re");
	ck_assert_msg(file != NULL, "%s", shipped);
	n = fread(text, 1, sizeof(text) - 1, file);
	ck_assert_uint_lt(n, sizeof(text) - 1);
	text[n] = '\0';
	out = fmemopen(made, sizeof(made) - 1, "w");
	ck_assert_ptr_nonnull(out);
	config_print_defaults(out);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_msg(strcmp(made, text) == 0,
		      "make it anew: vmpowerd --default-config > packaging/vmpower.conf");
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end - line, 100);
	}
}

/* As shipped, and with every key uncommented, it sets the defaults. */
TEST(shipped_values)
{
	char text[16384] = "";
	cleanup_fclose FILE *out = fmemopen(text, sizeof(text) - 1, "w");
	unsigned int n_keys = 0;

	ck_assert_ptr_nonnull(out);
	config_print_defaults(out);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_msg(load(text) == 0, "%s", error.text);
	assert_defaults();
	ck_assert_uint_eq(config.n_domains, 0);
	/* "#key = value" is a key, "#[...]" a section, "# text" is neither */
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && ((line[1] >= 'a' && line[1] <= 'z') || line[1] == '[')) {
			n_keys += line[1] != '[';
			line[0] = '\n';
		}
	}
	ck_assert_uint_eq(n_keys, n_config_keys + N_SETTINGS);
	ck_assert_msg(load(text) == 0, "%s", error.text);
	assert_defaults();
	ck_assert_uint_eq(config.n_domains, 1);
	ck_assert_str_eq(config.domains[0].pattern, "NAME");
	ck_assert_uint_eq(config.domains[0].settings.given, (1u << N_SETTINGS) - 1);
	ck_assert_uint_eq(config.domains[0].settings.rate, config.channel_rate);
	ck_assert_uint_eq(config.domains[0].settings.burst, config.channel_burst);
	ck_assert_int_eq(config.domains[0].settings.queries, config.channel_queries);
	ck_assert_uint_eq(config.domains[0].settings.commands, COMMANDS_ALL);
}

/* "all" has every word that a value may be. */
TEST(keys_are_documented)
{
	for (unsigned int i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];

		ck_assert(key->allowed && key->initial && key->help);
		ck_assert_ptr_nonnull(strchr(key->help, '.') ? key->help : strchr(key->help, '?'));
		for (unsigned int c = 0; key->choices && key->choices[c]; c++)
			ck_assert_ptr_nonnull(strstr(key->allowed, key->choices[c]));
		ck_assert_msg(config_key_set(key, key->initial, &config), "%s", key->name);
	}
}

TEST(keys_compare_and_copy)
{
	struct config other;

	config_defaults(&config);
	other = config;
	ck_assert(config_key_set(&config_keys[0], "test:///default", &other));
	ck_assert(!config_key_equal(&config_keys[0], &config, &other));
	ck_assert(config_key_equal(&config_keys[1], &config, &other));
	config_key_copy(&config_keys[0], &config, &other);
	ck_assert_mem_eq(&config, &other, sizeof(config));
}
