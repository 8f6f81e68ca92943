/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole user space of the tests' guest: PID 1 of an initramfs. It loads the modules that
 * /modules lists, waits for the host on the control port, and does what the lines there say
 * (commands.h). It also honours the power button, so that "virsh reboot" and "virsh shutdown"
 * work as with any guest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/commands.h"
#include "tests/guest/modules.h"
#include "tests/guest/ports.h"

#define CONTROL_PORT "org.vmpower.test.0"
#define CONTROL_WAIT_MS 120000
#define MAX_BUTTONS 8
#define TICK_US 20000

static void mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		printf("guest: mount %s: %s\n", where, strerror(errno));
}

/* Ports appear a moment after the module is loaded. */
static int open_control_port(void)
{
	uint64_t until = now_us() + CONTROL_WAIT_MS * 1000ull;
	int fd;

	while ((fd = port_open_named(CONTROL_PORT)) < 0 && now_us() < until)
		usleep(TICK_US);
	return fd;
}

static int open_buttons(int *fds)
{
	DIR *directory = opendir("/dev/input");
	struct dirent *entry;
	int n = 0;

	if (!directory)
		return 0;
	while (n < MAX_BUTTONS && (entry = readdir(directory))) {
		int fd;

		if (strncmp(entry->d_name, "event", 5) != 0)
			continue;
		fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			fds[n++] = fd;
	}
	closedir(directory);
	return n;
}

static void end(int how)
{
	fflush(stdout);
	reboot(how);
	for (;;)
		pause();
}

static void check_buttons(const int *fds, int n)
{
	struct input_event event;

	for (int i = 0; i < n; i++) {
		while (read(fds[i], &event, sizeof(event)) == (ssize_t)sizeof(event)) {
			if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) {
				printf("guest: power button\n");
				end(RB_POWER_OFF);
			}
		}
	}
}

static void write_line(int fd, char *answer)
{
	size_t size = strlen(answer);
	uint64_t until = now_us() + 5000000;

	answer[size++] = '\n';
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, answer + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (now_us() > until)
			return; /* the host is gone: nothing waits for this answer */
		else
			port_wait(fd, POLLOUT, now_us() + TICK_US);
	}
}

static void serve_line(int fd, char *line)
{
	static char answer[ANSWER_MAX + 1];
	enum after after = command_run(line, answer);

	write_line(fd, answer);
	if (after == AFTER_NOTHING)
		return;
	usleep(5 * TICK_US); /* lets the answer reach the host */
	end(after == AFTER_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
}

static void serve(int fd, const int *buttons, int n_buttons)
{
	static char line[ANSWER_MAX];
	size_t fill = 0;

	for (;;) {
		struct pollfd polled[1 + MAX_BUTTONS] = {{.fd = fd, .events = POLLIN}};
		ssize_t n;
		char *newline;

		for (int i = 0; i < n_buttons; i++)
			polled[1 + i] = (struct pollfd){.fd = buttons[i], .events = POLLIN};
		poll(polled, 1 + (nfds_t)n_buttons, -1);
		check_buttons(buttons, n_buttons);
		n = read(fd, line + fill, sizeof(line) - 1 - fill);
		if (n <= 0) {
			fill = n ? fill : 0; /* no host: drop a partial line */
			usleep(n ? 0 : TICK_US);
			continue;
		}
		fill += (size_t)n;
		line[fill] = '\0';
		while ((newline = strchr(line, '\n'))) {
			*newline++ = '\0';
			serve_line(fd, line);
			fill = strlen(newline);
			memmove(line, newline, fill + 1);
		}
		if (fill == sizeof(line) - 1)
			fill = 0;
	}
}

int main(void)
{
	int buttons[MAX_BUTTONS], n_buttons, control;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	(void)load_modules("guest"); /* a kernel may have all of it built in */
	control = open_control_port();
	if (control < 0) {
		printf("guest: no port " CONTROL_PORT ": %s\n", strerror(-control));
		end(RB_POWER_OFF);
	}
	n_buttons = open_buttons(buttons);
	printf("guest: ready, %ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
	serve(control, buttons, n_buttons);
}
