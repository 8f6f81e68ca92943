/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/runner.h"

static int dir;
static char path[] = "/tmp/check-whole-file-XXXXXX";

static void enter(void)
{
	ck_assert_ptr_nonnull(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static void leave(void)
{
	(void)unlinkat(dir, "file", 0);
	ck_assert_int_eq(close(dir), 0);
	ck_assert_int_eq(rmdir(path), 0); /* nothing is left in it */
}

static void expect(int result, size_t max, bool ours, const char *content)
{
	cleanup_free char *text = NULL;
	size_t size = 0;

	ck_assert_int_eq(whole_file_read(dir, "file", max, ours, &text, &size), result);
	if (content)
		ck_assert_str_eq(text, content);
	ck_assert_uint_eq(size, content ? strlen(content) : 0);
}

static void replace(const char *text, mode_t mode)
{
	const struct whole_file_write how = {.suffix = ".new", .mode = mode};
	struct stat st;

	ck_assert_int_eq(whole_file_replace(dir, "file", text, strlen(text), &how), 0);
	ck_assert_int_eq(fstatat(dir, "file", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | mode);
}

FIXTURE(enter, leave)

TEST(written_text_is_read_back)
{
	umask(077);
	expect(-ENOENT, 9, true, NULL);
	replace("old", 0644);
	ck_assert_int_eq(symlinkat("file", dir, "file.new"), 0);
	replace("new text", 0600);
	expect(0, 8, true, "new text");
	expect(-EFBIG, 7, true, NULL);
	replace("", 0600);
	expect(0, 0, true, "");
}

TEST(trusted_file_is_writable_by_its_owner_alone)
{
	replace("x", 0620);
	expect(-EPERM, 9, true, NULL);
	expect(0, 9, false, "x");
	ck_assert_int_eq(unlinkat(dir, "file", 0), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", dir, "file"), 0);
	expect(-EPERM, 1 << 20, false, NULL);
}

TEST(file_is_removed)
{
	replace("x", 0600);
	ck_assert_int_eq(whole_file_remove(dir, "file"), 0);
	expect(-ENOENT, 9, false, NULL);
	ck_assert_int_eq(whole_file_remove(dir, "file"), 0);
}
