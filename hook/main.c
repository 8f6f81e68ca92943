/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpower-hook - tells vmpowerd that a domain has started or stopped
 *
 * libvirt runs it as root while it starts a domain, and waits without a timeout until it exits and
 * its stderr is closed. If it fails at "started", libvirt kills the new VM; if it fails at
 * "reconnect", a running one. Hence three rules for everything below:
 *
 *  - exit 0 whatever happens: no daemon, out of memory, a signal, bad arguments;
 *  - finish within HOOK_DEADLINE_MS: every wait is bounded, and an alarm backs them all up;
 *  - write nothing to stdout (libvirt would take it for new XML) or stderr, start no child.
 *
 * It does not parse the XML: it copies stdin into a sealed memfd and passes that to the manager.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hook_proto.h"
#include "common/unix_socket.h"

/* Stop waiting this long after the start; the rest of the deadline is for the syslog line. */
#define WAIT_MS (HOOK_DEADLINE_MS - 50)

struct hook {
	int64_t give_up_ms; /* on the clock of monotonic_ms() */
	int xml_fd;
	int socket_fd;
	struct hook_event event;
};

/* What failed and why, for the syslog line. */
struct failure {
	const char *step;
	int error; /* -errno */
};

static void end_well(int signal)
{
	(void)signal;
	_exit(0);
}

/*
 * No signal may kill or stop the hook, neither from a bug of ours, nor from a resource limit
 * inherited from libvirt, nor from anyone else: libvirt would see a failed hook, or wait for ever.
 */
static void end_well_on_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
	/* libc lets nobody handle the two that it uses itself: block them */
	const uint64_t libc_signals = UINT64_C(3) << 31;
	struct sigaction action = {.sa_handler = end_well};

	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &action, NULL);
	action.sa_handler = SIG_IGN;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &action, NULL);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &libc_signals, NULL, sizeof(libc_signals));
}

/* Wait for @events on @fd. Return: 0; -ETIME (deadline passed); -errno */
static int wait_for(const struct hook *hook, int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	for (;;) {
		int64_t now = monotonic_ms();
		int r;

		if (now >= hook->give_up_ms)
			return -ETIME;
		r = poll(&pfd, 1, (int)(hook->give_up_ms - now));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static enum hook_operation operation_of(const char *name)
{
	static const struct {
		const char *name;
		enum hook_operation operation;
	} operations[] = {
		{"started", HOOK_STARTED},
		{"reconnect", HOOK_RECONNECT},
		{"stopped", HOOK_STOPPED},
		{"release", HOOK_RELEASE},
	};

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(name, operations[i].name) == 0)
			return operations[i].operation;
	}
	return 0;
}

static int set_text(char *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(field, text, len + 1);
	return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Copy stdin to its end into the memfd, then seal it against changes. */
static int take_xml(struct hook *hook)
{
	static char buffer[65536];
	uint32_t size = 0;
	int r;

	hook->xml_fd = memfd_create("vmpower-domain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (hook->xml_fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		r = wait_for(hook, STDIN_FILENO, POLLIN);
		if (r < 0)
			return r;
		n = read(STDIN_FILENO, buffer, sizeof(buffer));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if ((size_t)n > MAX_DOMAIN_XML - size)
			return -E2BIG;
		r = write_all(hook->xml_fd, buffer, (size_t)n);
		if (r < 0)
			return r;
		size += (uint32_t)n;
	}
	hook->event.xml_size = size;
	if (fcntl(hook->xml_fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

/*
 * On a non-blocking socket connect() fails with EAGAIN at once if the backlog is full, and poll()
 * can't wait for room. So the socket blocks, for connect() only, and SO_SNDTIMEO limits that. Every
 * other wait is in poll().
 */
static int connect_manager(struct hook *hook)
{
	const char *path = getenv(HOOK_SOCKET_ENV);
	struct timeval timeout = {.tv_usec = WAIT_MS * 1000};
	struct sockaddr_un address;
	int r;

	r = unix_address(path ? path : VMPOWER_RUNTIME_DIR "/hook.sock", &address);
	if (r < 0)
		return r;
	hook->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (hook->socket_fd < 0)
		return -errno;
	if (setsockopt(hook->socket_fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	if (connect(hook->socket_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN || errno == EINPROGRESS ? -ETIME : -errno;
	return 0;
}

static int wait_accepted(struct hook *hook)
{
	struct hook_reply reply;
	ssize_t n;
	int r;

	r = wait_for(hook, hook->socket_fd, POLLIN);
	if (r < 0)
		return r;
	n = recv(hook->socket_fd, &reply, sizeof(reply), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (n != sizeof(reply) || reply.magic != HOOK_MAGIC || reply.version != HOOK_VERSION)
		return -EPROTO;
	return 0;
}

static struct failure tell_manager(struct hook *hook)
{
	int r;

	/* If stdin is closed, the next fd opened becomes stdin. */
	if (fcntl(STDIN_FILENO, F_GETFD) < 0)
		return (struct failure){"stdin is closed", -errno};
	r = connect_manager(hook);
	if (r < 0)
		return (struct failure){"can't reach vmpowerd (is it running?)", r};
	r = take_xml(hook);
	if (r < 0)
		return (struct failure){"can't read the domain's XML from libvirt", r};
	r = unix_send(hook->socket_fd, &hook->event, sizeof(hook->event), &hook->xml_fd, 1,
		      MSG_DONTWAIT);
	if (r < 0)
		return (struct failure){"can't send to vmpowerd", r};
	r = wait_accepted(hook);
	if (r < 0)
		return (struct failure){"no answer from vmpowerd", r};
	return (struct failure){NULL, 0};
}

static void report(const char *domain, const char *operation, struct failure failure)
{
	openlog("vmpower-hook", LOG_PID, LOG_DAEMON);
	syslog(LOG_WARNING, "domain \"%.200s\", %.20s: %s: %s; its power requests may go unheard",
	       domain, operation, failure.step, strerror(-failure.error));
}

int main(int argc, char **argv)
{
	const struct itimerval deadline = {.it_value.tv_usec = HOOK_DEADLINE_MS * 1000};
	struct hook hook = {
		.xml_fd = -1,
		.socket_fd = -1,
		.event = {.magic = HOOK_MAGIC,
			  .version = HOOK_VERSION,
			  .started_ns = monotonic_ns()},
	};
	struct failure failure = {NULL, 0};

	hook.event.operation = argc < 3 ? 0 : operation_of(argv[2]);
	if (argc >= 3 && !hook.event.operation)
		return 0;

	end_well_on_signals();
	(void)setitimer(ITIMER_REAL, &deadline, NULL);
	hook.give_up_ms = monotonic_ms() + WAIT_MS;

	if (argc < 3) {
		report("?", "?", (struct failure){"called without domain and operation", -EINVAL});
		return 0;
	}
	if (set_text(hook.event.domain, sizeof(hook.event.domain), argv[1]) < 0)
		failure = (struct failure){"can't pass its name on", -ENAMETOOLONG};
	else if (argc > 4 && set_text(hook.event.reason, sizeof(hook.event.reason), argv[4]) < 0)
		hook.event.reason[0] = '\0'; /* only used in a log line */
	if (!failure.step)
		failure = tell_manager(&hook);
	/* syslog(3) needs an fd, and these two may be the last that were free. */
	(void)close(hook.xml_fd);
	(void)close(hook.socket_fd);
	if (failure.step)
		report(argv[1], argv[2], failure);
	return 0;
}
