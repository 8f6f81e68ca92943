/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/sysfs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static char directory[] = "/tmp/check_sysfs.XXXXXX";
static int dir = -1;

static void setup(void)
{
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	fd = openat(dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "schedutil\n", 10), 10);
	close(fd);
}

static void teardown(void)
{
	(void)unlinkat(dir, "file", 0);
	close(dir);
	(void)rmdir(directory);
}

FIXTURE(setup, teardown)

TEST(a_shorter_value_is_read_back)
{
	char text[SYSFS_TEXT];

	ck_assert_int_eq(sysfs_write(dir, "file", "ondemand"), 0);
	ck_assert_int_eq(sysfs_read(dir, "file", text, sizeof(text)), 8);
	ck_assert_str_eq(text, "ondemand");
}

/* A SIGKILL between truncation and write would leave a plain file empty. */
TEST(a_write_does_not_truncate)
{
	struct stat stat;

	ck_assert_int_eq(sysfs_write(dir, "file", "x"), 0);
	ck_assert_int_eq(fstatat(dir, "file", &stat, 0), 0);
	ck_assert_int_eq(stat.st_size, 10);
}
