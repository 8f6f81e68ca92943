/* SPDX-License-Identifier: BSD-3-Clause */
/* Which setting of a unit hides a path, by what systemd mounts for it. */
#include "helper/manager/service/hidden_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* As systemd 252 mounts it: /tmp on the root file system, /var/tmp on a tmpfs. */
static const char mountinfo[] =
	"21 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"22 21 0:5 / /dev rw,nosuid - devtmpfs udev rw\n"
	"30 21 8:1 /tmp/systemd-private-0123456789abcdef-vmpowerd.service-aBcDeF/tmp /tmp "
	"rw,relatime shared:2 - ext4 /dev/sda1 rw\n"
	"31 21 0:30 /systemd-private-0123456789abcdef-vmpowerd.service-gHiJkL/tmp /var/tmp rw - "
	"tmpfs tmpfs rw\n"
	"32 21 0:24 /systemd/inaccessible/dir /root ro,nosuid,nodev,noexec - tmpfs tmpfs rw\n"
	"33 21 0:24 /systemd/inaccessible/dir /opt ro - tmpfs tmpfs rw\n"
	"34 30 8:1 /srv/seen /tmp/seen rw - ext4 /dev/sda1 rw\n";

static char path[32];

static void set_up(void)
{
	int fd;

	(void)strcpy(path, "/tmp/mountinfo-XXXXXX");
	fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, mountinfo, sizeof(mountinfo) - 1), sizeof(mountinfo) - 1);
	(void)close(fd);
}

static void tear_down(void)
{
	(void)unlink(path);
}

static const struct {
	const char *path, *setting;
} cases[] = {
	{"/tmp/powermonitor/vm.0", "PrivateTmp="},
	{"/tmp", "PrivateTmp="},
	{"/tmpx/vm.0", NULL},
	{"/var/tmp/vm.0", "PrivateTmp="},
	{"/root/nowhere/vm.0", "ProtectHome="},
	{"/opt/nowhere/x", "InaccessiblePaths="},
	{"/run/nowhere/channel", NULL},
	{"/nowhere", NULL},
	{"relative/path", NULL},
};

FIXTURE(set_up, tear_down)

TEST_EACH(hides, cases)
{
	const char *setting = hidden_path_setting(cases[_i].path, path);

	if (cases[_i].setting)
		ck_assert_pstr_eq(setting, cases[_i].setting);
	else
		ck_assert_ptr_null(setting);
}

TEST(unreadable_is_unknown)
{
	ck_assert_ptr_null(hidden_path_setting("/tmp/x", "/nowhere/mountinfo"));
}
