/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PID 1 of the tests' emulated machine. Its root is the host's file system, read-only over 9p, with
 * its own /run. It runs the command in /command with a virtio port as output, reports how that
 * ended through another port, and powers off.
 *
 * If there is a directory /systemd, the root is writable (changes are lost), the directory becomes
 * /run/systemd/system, and systemd becomes PID 1. One of those units runs this program again, as
 * /run/machine-init, for the command.
 *
 * /command: NUL-terminated words. 9p tags: "root", and "log", which is writable, at
 * /run/machine-log. Ports: "output", and "status": the lines "up" and "exit N".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/modules.h"

#define MAX_WORDS 32
#define COMMAND_SIZE 8192
#define UNITS "/systemd"
#define UNITS_INSIDE "/root/run/systemd/system"
#define COMMAND_INSIDE "/run/machine-command"
#define PORTS_WAIT_MS 20000
#define TICK_MS 20
#define P9_OPTIONS "trans=virtio,version=9p2000.L,msize=262144"

static void __attribute__((noreturn)) off(void)
{
	sync();
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	for (;;)
		pause();
}

/* Print to the console, which is the log of the machine, and power off. */
static void __attribute__((noreturn)) die(const char *what, const char *name)
{
	printf("machine: %s %s: %s\n", what, name, strerror(errno));
	off();
}

static void must_mount(const char *source, const char *where, const char *type, unsigned long flags,
		       const char *options)
{
	if (mkdir(where, 0755) && errno != EEXIST && errno != EROFS)
		die("mkdir", where);
	if (mount(source, where, type, flags, options))
		die("mount", where);
}

/* Whole words only. Return: their number, argv NULL-terminated */
static int read_command(const char *path, char *argv[MAX_WORDS + 1])
{
	static char text[COMMAND_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (size < 0)
		die("read", path);
	for (char *word = text, *end; n < MAX_WORDS; word = end + 1) {
		end = memchr(word, '\0', (size_t)(text + size - word));
		if (!end)
			break;
		argv[n++] = word;
	}
	argv[n] = NULL;
	close(fd);
	return n;
}

/* Return: an fd of the virtio port; -1: no such port (yet) */
static int open_port(const char *wanted)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	const struct dirent *entry;
	int found = -1;

	if (!ports)
		return -1;
	while (found < 0 && (entry = readdir(ports))) {
		char path[384], name[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
		name[strcspn(name, "\n")] = '\0';
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		if (strcmp(name, wanted) == 0)
			found = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(ports);
	return found;
}

/* Ports and their names appear a moment after the driver. */
static int wait_port(const char *name)
{
	for (int waited = 0; waited < PORTS_WAIT_MS; waited += TICK_MS) {
		int fd = open_port(name);

		if (fd >= 0)
			return fd;
		usleep(TICK_MS * 1000);
	}
	errno = ENOENT;
	die("port", name);
}

static void mount_root(bool writable)
{
	const char *where = writable ? "/lower" : "/root";

	must_mount("root", where, "9p", MS_RDONLY, P9_OPTIONS ",cache=loose");
	if (writable) {
		must_mount("upper", "/upper", "tmpfs", 0, "mode=755");
		if (mkdir("/upper/data", 0755) || mkdir("/upper/work", 0755))
			die("mkdir", "/upper");
		must_mount("overlay", "/root", "overlay", 0,
			   "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
	}
	must_mount("run", "/root/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	must_mount("log", "/root/run/machine-log", "9p", 0, P9_OPTIONS ",cache=none");
}

static void copy(const char *from, const char *to, mode_t mode)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	char block[16384];
	ssize_t size;

	if (in < 0 || out < 0)
		die("copy", from);
	while ((size = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)size) != size)
			die("write", to);
	if (size < 0)
		die("read", from);
	close(in);
	close(out);
}

/* Copy the units and this program out of the initramfs, which will be out of reach. */
static void hand_over(void)
{
	DIR *units = opendir(UNITS);
	const struct dirent *entry;

	if (!units)
		die("open", UNITS);
	if (mkdir("/root/run/systemd", 0755) || mkdir(UNITS_INSIDE, 0755))
		die("mkdir", UNITS_INSIDE);
	while ((entry = readdir(units))) {
		char from[384], to[384];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), UNITS "/%s", entry->d_name);
		snprintf(to, sizeof(to), UNITS_INSIDE "/%s", entry->d_name);
		copy(from, to, 0644);
	}
	closedir(units);
	copy("/init", "/root/run/machine-init", 0755);
}

static void enter_root(void)
{
	static const char *const moved[] = {"dev", "proc", "sys"};

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		char from[16], to[32];

		snprintf(from, sizeof(from), "/%s", moved[i]);
		snprintf(to, sizeof(to), "/root/%s", moved[i]);
		if (mount(from, to, NULL, MS_MOVE, NULL))
			die("move to", to);
	}
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("enter", "/root");
}

/* PID 1 reaps orphans. Return: the exit status as in a shell */
static int run(char *const argv[], int output)
{
	pid_t child = fork(), ended;
	int status;

	if (child < 0)
		die("fork", argv[0]);
	if (child == 0) {
		int null = open("/dev/null", O_RDONLY);

		if (setsid() < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
			_exit(126);
		execv(argv[0], argv);
		dprintf(2, "machine: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	do {
		ended = wait(&status);
	} while (ended != child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run the command, report its end, and power off. */
static void __attribute__((noreturn)) serve(const char *command)
{
	char *argv[MAX_WORDS + 1];
	int output, status;

	if (read_command(command, argv) == 0)
		die("read", command);
	status = wait_port("status");
	output = wait_port("output");
	dprintf(status, "up\n");
	dprintf(status, "exit %d\n", run(argv, output));
	close(output);
	close(status);
	off();
}

int main(void)
{
	bool systemd = access(UNITS, F_OK) == 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getpid() != 1) {
		/* run elsewhere by mistake, it must not power off anything */
		if (access(COMMAND_INSIDE, F_OK))
			return EXIT_FAILURE;
		serve(COMMAND_INSIDE);
	}
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sys", "/sys", "sysfs", 0, NULL);
	/* the kernel may have mounted it */
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		die("mount", "/dev");
	if (!load_modules("machine"))
		die("open", "/modules");
	mount_root(systemd);
	copy("/command", "/root" COMMAND_INSIDE, 0644);
	if (systemd)
		hand_over();
	enter_root();
	if (!systemd)
		serve(COMMAND_INSIDE);
	execl("/lib/systemd/systemd", "systemd", "--unit=machine.target", NULL);
	die("run", "/lib/systemd/systemd");
}
