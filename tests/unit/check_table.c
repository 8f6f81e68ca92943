/* SPDX-License-Identifier: BSD-3-Clause */
/* What vmpowerctl prints: tables, and the daemon's errors as sentences. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/ctl.h"
#include "ctl/common/table.h"
#include "ctl/common/text.h"
#include "tests/unit/runner.h"

static const struct table_column columns[] = {{"NAME", false}, {"N", true}, {"REST", false}};
static const struct table_column key_value[] = {{NULL, false}, {NULL, false}};

static void expect_in(struct table *table, size_t width, const char *text)
{
	cleanup_free char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(table_print(table, out, width), 0);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(printed, text);
	table_free(table);
}

static void expect(struct table *table, const char *text)
{
	expect_in(table, 0, text);
}

TEST(headings_alone)
{
	struct table table = TABLE(columns);

	expect(&table, "NAME  N  REST\n");
	table = TABLE(key_value);
	expect(&table, "");
}

TEST(columns_are_aligned)
{
	struct table table = TABLE(columns);

	table_cell(&table, "%s", "a");
	table_cell(&table, "%d", 12345);
	table_cell(&table, "%s", "x y");
	table_cell(&table, "%s", "longer");
	table_cell(&table, "%d", 7);
	table_cell(&table, "%s", "");
	expect(&table, "NAME        N  REST\n"
		       "a       12345  x y\n"
		       "longer      7  -\n");
}

TEST(keys_and_values)
{
	struct table table = TABLE(key_value);

	table_cell(&table, "a:");
	table_cell(&table, "1");
	table_cell(&table, "longer:");
	table_cell(&table, "two");
	expect(&table, "a:       1\nlonger:  two\n");
}

TEST(many_rows)
{
	struct table table = TABLE(columns);
	cleanup_free char *printed = NULL;
	size_t size, lines = 0;
	FILE *out = open_memstream(&printed, &size);

	ck_assert_ptr_nonnull(out);
	for (int i = 0; i < 1000; i++) {
		table_cell(&table, "vm%d", i);
		table_cell(&table, "%d", i);
		table_cell(&table, "-");
	}
	ck_assert_int_eq(table_print(&table, out, 0), 0);
	ck_assert_int_eq(fclose(out), 0);
	for (size_t i = 0; i < size; i++)
		lines += printed[i] == '\n';
	ck_assert_uint_eq(lines, 1001);
	table_free(&table);
}

static const struct {
	const char *text, *escaped;
	size_t width;
} escapes[] = {
	{"", "", 0},
	{"plain \\x41", "plain \\x41", 10},
	{"a\tb\n", "a\\x09b\\x0a", 10},
	{"\x1b[2J\x7f", "\\x1b[2J\\x7f", 11},
	{"caf\xc3\xa9", "caf\xc3\xa9", 4},
	{"\xc2\x9b"
	 "2J\xc2\xa0",
	 "\\xc2\\x9b"
	 "2J\xc2\xa0",
	 11},
	{"\xe6\xbc\xa2", "\xe6\xbc\xa2", 1},
	{"\xc2", "\\xc2", 4},
};

TEST_EACH(control_characters_are_escaped, escapes)
{
	cleanup_free char *escaped = text_escape(escapes[_i].text);

	ck_assert_str_eq(escaped, escapes[_i].escaped);
	ck_assert_uint_eq(text_width(escaped), escapes[_i].width);
}

TEST(cells_are_escaped)
{
	struct table table = TABLE(key_value);

	table_cell(&table, "%s", "caf\xc3\xa9");
	table_cell(&table, "%s", "\x1b[31m");
	table_cell(&table, "%s", "plain");
	table_cell(&table, "%s", "x");
	expect(&table, "caf\xc3\xa9   \\x1b[31m\nplain  x\n");
}

static const struct {
	const char *error, *parameters;
	const char *parts[3]; /* found in the sentence */
} errors[] = {
	{"org.vmpower.Manager.NoSuchDomain", "{\"domain\": \"x\"}", {"no domain \"x\"", "list"}},
	{"org.vmpower.Manager.NoSuchDomain", "{\"domain\": \"%s%n\"}", {"no domain \"%s%n\""}},
	{"org.vmpower.Manager.NoSuchDomain", "{}", {"no domain \"null\""}},
	{"org.vmpower.Manager.DomainNotRunning", "{\"domain\": \"x\"}", {"\"x\"", "virsh start"}},
	{"org.vmpower.Manager.NoSuchChannel",
	 "{\"domain\": \"x\", \"number\": 7}",
	 {"\"x\"", "no channel 7", "show"}},
	{"org.vmpower.Manager.BadDomainXml",
	 "{\"domain\": \"x\", \"reason\": \"no <source>\"}",
	 {"\"x\"", "no <source>", "virsh edit"}},
	{"org.vmpower.Manager.LibvirtUnavailable",
	 "{\"uri\": \"qemu:///system\", \"reason\": \"why\"}",
	 {"qemu:///system", "why"}},
	{"org.vmpower.Manager.PermissionDenied", "{\"reason\": \"use sudo\"}", {"use sudo"}},
	{"org.vmpower.Manager.OutOfResources", "{\"reason\": \"full\"}", {"full"}},
	{"org.varlink.service.MethodNotFound", "{\"method\": \"a.B\"}", {"a.B", "version"}},
	{"org.varlink.service.MethodNotImplemented", "{\"method\": \"a.B\"}", {"a.B", "version"}},
	{"org.varlink.service.InterfaceNotFound", "{\"interface\": \"a\"}", {"a", "runtime-dir"}},
	{"org.varlink.service.InvalidParameter", "{\"parameter\": \"domain\"}", {"domain", "255"}},
	{"org.varlink.service.InvalidParameter", "{\"parameter\": \"x\"}", {"\"x\"", "version"}},
	{"org.varlink.service.InvalidParameter", "{}", {"version"}},
	{"org.example.Other", "{\"a\":1}", {"org.example.Other", "{\"a\":1}"}},
};

TEST_EACH(errors_become_sentences, errors)
{
	cleanup_json json_t *parameters = json_loads(errors[_i].parameters, 0, NULL);
	cleanup_free char *text = ctl_error_text(errors[_i].error, parameters);

	ck_assert_ptr_nonnull(parameters);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < array_size(errors[_i].parts) && errors[_i].parts[i]; i++)
		ck_assert_msg(strstr(text, errors[_i].parts[i]), "no \"%s\" in \"%s\"",
			      errors[_i].parts[i], text);
}

static const struct {
	size_t width;
	const char *text;
} narrow[] = {
	{0, "NAME                      N  REST\nthe quick brown fox  123456  jumps over it\n"},
	{44, "NAME                      N  REST\nthe quick brown fox  123456  jumps over it\n"},
	{36, "NAME                N  REST\n"
	     "the quick      123456  jumps over it\n"
	     "brown fox\n"},
	{34, "NAME               N  REST\n"
	     "the quick     123456  jumps over\n"
	     "brown fox             it\n"},
	/* the narrowest width */
	{1, "NAME        N  REST\n"
	    "the    123456  jumps\n"
	    "quick          over\n"
	    "brown          it\n"
	    "fox\n"},
};

TEST_EACH(wide_text_is_wrapped, narrow)
{
	struct table table = TABLE(columns);

	table_cell(&table, "the quick brown fox");
	table_cell(&table, "123456");
	table_cell(&table, "jumps over it");
	expect_in(&table, narrow[_i].width, narrow[_i].text);
}

TEST(long_words_are_broken)
{
	struct table table = TABLE(columns);

	table_cell(&table, "abcdefghijklmnop");
	table_cell(&table, "1");
	table_cell(&table,
		   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	expect_in(&table, 21,
		  "NAME      N  REST\n"
		  "abcdefgh  1  \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\n"
		  "ijklmnop     \xc3\xa9\n");
}
