/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "tests/unit/runner.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define HEAD "vmpower-baseline 1 " BOOT "\n"
#define ENTRY0                                                                                     \
	"frequency-domain policy=0 method=setspeed driver=acpi-cpufreq governor=ondemand "         \
	"min=800000 max=2301000 setspeed=<unsupported>\n"
#define ENTRY7                                                                                     \
	"frequency-domain policy=7 method=limits driver=intel_pstate min=800000 max=3700000\n"

static char directory[64], path[96];

static void make_directory(void)
{
	(void)snprintf(directory, sizeof(directory), "%s", "/tmp/check_baseline.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/state", directory);
}

static void remove_directory(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(directory), 0); /* nothing is left beside the state file */
}

static void write_file(const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

TEST(parses_and_formats)
{
	static const char text[] = HEAD ENTRY0 ENTRY7 "end 2\n";
	struct baseline baseline;
	cleanup_free char *again = NULL;
	size_t size;

	ck_assert_int_eq(baseline_parse(text, strlen(text), &baseline), 0);
	ck_assert_str_eq(baseline.boot_id, BOOT);
	ck_assert_uint_eq(baseline.n_entries, 2);
	ck_assert_uint_eq(baseline.entries[0].policy, 0);
	ck_assert_int_eq(baseline.entries[0].method, METHOD_SETSPEED);
	ck_assert_str_eq(baseline.entries[0].governor, "ondemand");
	ck_assert_str_eq(baseline.entries[0].setspeed, "<unsupported>");
	ck_assert_int_eq(baseline.entries[1].method, METHOD_LIMITS);
	ck_assert_str_eq(baseline.entries[1].governor, "");
	ck_assert_str_eq(baseline.entries[1].max_freq, "3700000");
	ck_assert_int_eq(baseline_format(&baseline, &again, &size), 0);
	ck_assert_str_eq(again, text);
	ck_assert_uint_eq(size, strlen(text));
	baseline_free(&baseline);
}

TEST(any_text_survives)
{
	struct baseline baseline, again;
	struct baseline_entry entry = {.policy = 4095, .method = METHOD_SETSPEED};
	cleanup_free char *text = NULL;
	size_t size;

	baseline_init(&baseline);
	/* The longest file, of the longest values. */
	memset(entry.driver, '%', sizeof(entry.driver) - 1);
	memset(entry.governor, ' ', sizeof(entry.governor) - 1);
	memset(entry.min_freq, 0xff, sizeof(entry.min_freq) - 1);
	memset(entry.max_freq, '\n', sizeof(entry.max_freq) - 1);
	memset(entry.setspeed, 0x7f, sizeof(entry.setspeed) - 1);
	ck_assert_int_eq(baseline_add(&baseline, &entry), 0);
	ck_assert_int_eq(baseline_format(&baseline, &text, &size), 0);
	ck_assert_int_eq(baseline_parse(text, size, &again), 0);
	ck_assert_mem_eq(&again.entries[0], &entry, sizeof(entry));
	baseline_free(&again);
	baseline_free(&baseline);
}

TEST(truncated_file_is_refused)
{
	static const char text[] = HEAD ENTRY0 ENTRY7 "end 2\n";
	struct baseline baseline;

	for (size_t size = 0; size < strlen(text); size++)
		ck_assert_msg(baseline_parse(text, size, &baseline) == -EBADMSG, "%zu bytes", size);
}

#define LINE(pairs) HEAD "frequency-domain " pairs "\nend 1\n"

static const char *const bad[] = {
	"",
	"\n",
	"vmpower-baseline 2 " BOOT "\nend 0\n",
	"vmpower-baseline 1 \nend 0\n",
	"vmpower-baseline 1 01234567\nend 0\n",
	"vmpower-baseline 1 0123456789abcdef0123456789abcdef0123456789abcdef\nend 0\n",
	"vmpower-baseline 1 " BOOT " \nend 0\n",
	HEAD "end 1\n",
	HEAD ENTRY0 "end 0\n",
	HEAD ENTRY0 "end 2\n",
	HEAD ENTRY0 ENTRY0 "end 2\n",
	HEAD "end 0\n" ENTRY0,
	HEAD "end 0\nend 0\n",
	HEAD "end 00\n",
	HEAD "end -1\n",
	HEAD "end\n",
	HEAD "\nend 0\n",
	HEAD "frequency-domain\nend 1\n",
	HEAD "policy=0\nend 1\n",
	LINE("method=limits min=1 max=2"),
	LINE("policy=0 min=1 max=2"),
	LINE("policy=0 method=limits min=1"),
	LINE("policy=0 method=limits min=1 max=2x"),
	LINE("policy=0 method=setspeed min=1 max=2"),
	LINE("policy=0 method=other governor=a"),
	LINE("policy=0 method=setspeed method=setspeed governor=a"),
	LINE("policy=0 policy=0 method=setspeed governor=a"),
	LINE("policy=0 method=setspeed governor=a governor=b"),
	LINE("policy=0 method=setspeed governor="),
	LINE("policy=0 method=setspeed governor=a color=b"),
	LINE("policy=0 method=setspeed governor=a "),
	LINE("policy=0 method=setspeed  governor=a"),
	LINE("policy=0 method=setspeed governor"),
	LINE("policy=0 method=setspeed governor=a%"),
	LINE("policy=0 method=setspeed governor=a%2"),
	LINE("policy=0 method=setspeed governor=a%2x"),
	LINE("policy=0 method=setspeed governor=a%00"),
	LINE("policy=0 method=setspeed governor=a\tb"),
	LINE("policy=0 method=setspeed governor=abcdefghijklmnopqrstuvwxyzabcdef"),
	LINE("policy=4096 method=setspeed governor=a"),
	LINE("policy=-1 method=setspeed governor=a"),
	LINE("policy=00 method=setspeed governor=a"),
};

TEST_EACH(refuses, bad)
{
	struct baseline baseline;

	ck_assert_msg(baseline_parse(bad[_i], strlen(bad[_i]), &baseline) == -EBADMSG, "%s",
		      bad[_i]);
}

TEST(refuses_a_nul)
{
	static const char text[] = HEAD "frequency-domain policy=0 method=setspeed governor=a\0b\n"
					"end 1\n";
	struct baseline baseline;

	ck_assert_int_eq(baseline_parse(text, sizeof(text) - 1, &baseline), -EBADMSG);
}

TEST(adds_and_removes)
{
	struct baseline baseline;
	struct baseline_entry entry = {.method = METHOD_SETSPEED, .governor = "ondemand"};

	baseline_init(&baseline);
	for (entry.policy = 0; entry.policy < 20; entry.policy++)
		ck_assert_int_eq(baseline_add(&baseline, &entry), 0);
	entry.policy = 7;
	ck_assert_int_eq(baseline_add(&baseline, &entry), -EEXIST);
	baseline_remove(&baseline, 7);
	baseline_remove(&baseline, 7);
	baseline_remove(&baseline, 19);
	ck_assert_uint_eq(baseline.n_entries, 18);
	ck_assert_ptr_null(baseline_find(&baseline, 7));
	ck_assert_ptr_null(baseline_find(&baseline, 19));
	ck_assert_uint_eq(baseline_find(&baseline, 8)->policy, 8);
	baseline_free(&baseline);
}

FIXTURE(make_directory, remove_directory)

TEST(saves_and_loads)
{
	struct baseline baseline, again;
	struct baseline_entry entry = {
		.policy = 3, .method = METHOD_SETSPEED, .governor = "ondemand"};
	char boot[64];
	struct stat st;

	baseline_init(&baseline);
	ck_assert_int_eq(
		sysfs_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot)), 36);
	ck_assert_str_eq(baseline.boot_id, boot);
	ck_assert_int_eq(baseline_load(path, &again), -ENOENT);
	ck_assert_int_eq(baseline_add(&baseline, &entry), 0);
	ck_assert_int_eq(baseline_save(path, &baseline), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(baseline_load(path, &again), 0);
	ck_assert_str_eq(again.boot_id, boot);
	ck_assert_uint_eq(again.n_entries, 1);
	ck_assert_mem_eq(&again.entries[0], &entry, sizeof(entry));
	baseline_free(&again);

	/* Empty: no file. */
	baseline_remove(&baseline, 3);
	ck_assert_int_eq(baseline_save(path, &baseline), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(baseline_save(path, &baseline), 0);
	baseline_free(&baseline);
}

TEST(save_replaces_what_a_crash_left)
{
	struct baseline baseline;
	struct baseline_entry entry = {
		.policy = 3, .method = METHOD_SETSPEED, .governor = "ondemand"};
	char left[128];

	(void)snprintf(left, sizeof(left), "%s.new", path);
	ck_assert_int_eq(symlink("/nowhere/at/all", left), 0);
	baseline_init(&baseline);
	ck_assert_int_eq(baseline_add(&baseline, &entry), 0);
	ck_assert_int_eq(baseline_save(path, &baseline), 0);
	ck_assert_int_eq(access(left, F_OK), -1);
	baseline_free(&baseline);
}

TEST(save_fails_without_a_trace)
{
	struct baseline baseline;
	struct baseline_entry entry = {
		.policy = 3, .method = METHOD_SETSPEED, .governor = "ondemand"};
	char elsewhere[128];

	baseline_init(&baseline);
	ck_assert_int_eq(baseline_add(&baseline, &entry), 0);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/none/state", directory);
	ck_assert_int_eq(baseline_save(elsewhere, &baseline), -ENOENT);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/", directory);
	ck_assert_int_eq(baseline_save(elsewhere, &baseline), -EISDIR);
	ck_assert_int_eq(baseline_save("/dev/full/state", &baseline), -ENOTDIR);
	/* A directory where the file is to be: rename fails, and nothing stays behind. */
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(baseline_save(path, &baseline), -EISDIR);
	ck_assert_int_eq(rmdir(path), 0);
	baseline_free(&baseline);
}

TEST(load_trusts_no_file_of_others)
{
	struct baseline baseline;
	char target[128];

	write_file(HEAD "end 0\n");
	ck_assert_int_eq(baseline_load(path, &baseline), 0);
	baseline_free(&baseline);
	ck_assert_int_eq(chmod(path, 0620), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
	ck_assert_int_eq(chmod(path, 0602), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), 0);
	baseline_free(&baseline);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 1, (gid_t)-1), 0);
		ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
		ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
	}

	(void)snprintf(target, sizeof(target), "%s/target", directory);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(target), 0);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EPERM);
	ck_assert_int_eq(rmdir(path), 0);

	write_file("");
	ck_assert_int_eq(truncate(path, 64 << 20), 0);
	ck_assert_int_eq(baseline_load(path, &baseline), -EFBIG);
	write_file("");
	ck_assert_int_eq(baseline_load(path, &baseline), -EBADMSG);
}
