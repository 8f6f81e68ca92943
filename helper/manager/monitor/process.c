/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/unix_socket.h"
#include "helper/link/shared_state.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/monitor/link_queue.h"
#include "helper/manager/service/instance_lock.h"

#define STABLE_NS (10 * NS_PER_S) /* a monitor that lived this long resets the back-off */
#define FIRST_BACKOFF_NS (NS_PER_S / 20)
#define LAST_BACKOFF_NS (30 * NS_PER_S)
#define MESSAGES_PER_TURN 256
#define PONG_TIMEOUT_NS (5 * NS_PER_S)
#define END_TIMEOUT_MS 2000

struct monitor_process {
	struct loop *loop;
	char *path;
	struct link_setup setup;
	struct monitor_handlers handlers;
	int state_fd;
	int lock_fd; /* becomes its stdin; -1: none */
	struct shared_state *state;
	pid_t pid;
	struct loop_source exit_source; /* pidfd */
	struct loop_source link_source;
	struct link_queue queue;
	struct loop_timer restart;
	struct loop_timer pong; /* armed while a PING is unanswered */
	uint64_t started_ns;
	uint32_t quick_deaths; /* in a row */
	uint32_t restarts;
	struct link_message incoming;
};

/* Kill a misbehaving monitor; on_exit_event() starts another. */
static void kill_monitor(struct monitor_process *monitor, const char *reason)
{
	ASSERT(monitor->pid > 0);
	log_about(&(struct log_about){.message = MESSAGE_MONITOR_ENDED, .reason = reason}, LOG_ERR,
		  "monitor (pid %d): %s; it will be replaced", (int)monitor->pid, reason);
	(void)kill(monitor->pid, SIGKILL);
	loop_close(monitor->loop, &monitor->link_source);
}

static void on_pong_timeout(struct loop_timer *timer)
{
	kill_monitor(container_of(timer, struct monitor_process, pong), "it hangs");
}

/* A monitor that reads is alive, however late it answers the PING. */
static void extend_pong_timeout(struct monitor_process *monitor)
{
	if (monitor->pong.due_ns != 0)
		loop_timer_set(monitor->loop, &monitor->pong, PONG_TIMEOUT_NS);
}

static void send_queued(struct monitor_process *monitor)
{
	int r = link_queue_send(&monitor->queue, monitor->link_source.fd);

	extend_pong_timeout(monitor); /* the monitor has read messages */
	if (r < 0)
		kill_monitor(monitor, strerror(-r));
	else if (link_queue_is_empty(&monitor->queue))
		(void)loop_modify(monitor->loop, &monitor->link_source, EPOLLIN);
}

static void send_or_queue(struct monitor_process *monitor, const struct link_message *message,
			  const int *fds, unsigned int n_fds)
{
	int r = -EAGAIN;

	if (monitor->link_source.fd < 0)
		return;
	if (link_queue_is_empty(&monitor->queue))
		r = link_send(monitor->link_source.fd, message, fds, n_fds);
	if (link_is_full(r)) {
		r = link_queue_add(&monitor->queue, message, fds, n_fds);
		if (r == 0)
			r = loop_modify(monitor->loop, &monitor->link_source, EPOLLIN | EPOLLOUT);
	}
	if (r == -ENOBUFS)
		kill_monitor(monitor, "it does not read its messages");
	else if (r < 0)
		kill_monitor(monitor, strerror(-r));
}

void monitor_ping(struct monitor_process *monitor)
{
	const struct link_message message = {.type = LINK_PING};

	if (monitor->pong.due_ns != 0 || monitor->link_source.fd < 0)
		return;
	loop_timer_set(monitor->loop, &monitor->pong, PONG_TIMEOUT_NS);
	send_or_queue(monitor, &message, NULL, 0);
}

void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds)
{
	send_or_queue(monitor, message, fds, n_fds);
	monitor_ping(monitor);
}

static void log_violation(const struct monitor_process *monitor, uint32_t number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

	log_about(&(struct log_about){.message = MESSAGE_MONITOR_VIOLATION, .reason = name},
		  LOG_ERR,
		  "monitor (pid %d): tried system call %s (%u), which it never needs, and was "
		  "ended. A guest may have taken it over: please report this",
		  (int)monitor->pid, name ? name : "?", number);
	free(name);
}

static void on_link(struct loop_source *source, uint32_t events)
{
	struct monitor_process *monitor = container_of(source, struct monitor_process, link_source);

	if (events & EPOLLOUT)
		send_queued(monitor);
	for (int i = 0; i < MESSAGES_PER_TURN && source->fd >= 0; i++) {
		int fds[UNIX_MAX_FDS];
		unsigned int n_fds = UNIX_MAX_FDS;
		int r = link_receive(source->fd, &monitor->incoming, fds, &n_fds, LINK_TO_MANAGER);

		if (r == -EAGAIN)
			return;
		if (r == 0 || r == -ECONNRESET) {
			/* It is exiting, and on_exit_event() logs why; or the link broke. */
			(void)kill(monitor->pid, SIGKILL);
			loop_close(monitor->loop, source);
			return;
		}
		if (r < 0) {
			kill_monitor(monitor, "it sent an invalid message");
			return;
		}
		if (monitor->incoming.type == LINK_VIOLATION)
			log_violation(monitor, monitor->incoming.id);
		else if (monitor->incoming.type == LINK_PONG)
			loop_timer_cancel(monitor->loop, &monitor->pong);
		else
			monitor->handlers.message(monitor->handlers.context, &monitor->incoming);
	}
}

static void log_death(const struct monitor_process *monitor, const siginfo_t *info)
{
	const struct log_about about = {.message = MESSAGE_MONITOR_ENDED};

	if (info->si_code == CLD_EXITED)
		log_about(&about, LOG_ERR, "monitor (pid %d) exited with status %d",
			  (int)monitor->pid, info->si_status);
	else
		log_about(&about, LOG_ERR, "monitor (pid %d) was killed by signal %d (%s)",
			  (int)monitor->pid, info->si_status, strsignal(info->si_status));
}

static uint64_t backoff_ns(uint32_t quick_deaths)
{
	uint64_t delay = FIRST_BACKOFF_NS;

	if (quick_deaths <= 1)
		return 0;
	while (quick_deaths-- > 2 && delay < LAST_BACKOFF_NS)
		delay *= 2;
	return delay < LAST_BACKOFF_NS ? delay : LAST_BACKOFF_NS;
}

static void forget_process(struct monitor_process *monitor)
{
	loop_close(monitor->loop, &monitor->exit_source);
	loop_close(monitor->loop, &monitor->link_source);
	loop_timer_cancel(monitor->loop, &monitor->pong);
	link_queue_clear(&monitor->queue);
	monitor->pid = 0;
}

static void on_exit_event(struct loop_source *source, uint32_t events)
{
	struct monitor_process *monitor = container_of(source, struct monitor_process, exit_source);
	siginfo_t info = {0};
	uint64_t delay;

	(void)events;
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	log_death(monitor, &info);
	if (monotonic_ns() - monitor->started_ns > STABLE_NS)
		monitor->quick_deaths = 0;
	monitor->quick_deaths++;
	monitor->restarts++;
	forget_process(monitor);
	delay = backoff_ns(monitor->quick_deaths);
	monitor->handlers.died(monitor->handlers.context, delay > 0);
	loop_timer_set(monitor->loop, &monitor->restart, delay);
}

/*
 * posix_spawn(), not fork(): the libvirt thread may hold any lock now. The child gets stderr, the
 * link and the lock; all other fds are CLOEXEC.
 */
static int spawn(const struct monitor_process *monitor, int link_fd, pid_t *pid)
{
	char *argv[] = {(char *)"vmpower-monitor", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	(void)sigemptyset(&none);
	if (monitor->lock_fd >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, monitor->lock_fd, STDIN_FILENO);
	else
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, link_fd, LINK_FD);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawn(pid, monitor->path, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/*
 * End the monitor and reap it. When the link closes, the monitor handles the bytes it has read, or
 * leaves them to its successor, and exits. If it does not exit in time, it counts as hung and is
 * killed.
 */
static void end_process(struct monitor_process *monitor)
{
	pid_t pid = monitor->pid;
	struct pollfd exited = {.fd = monitor->exit_source.fd, .events = POLLIN};

	if (pid <= 0)
		return;
	loop_close(monitor->loop, &monitor->link_source);
	if (exited.fd < 0 || poll(&exited, 1, END_TIMEOUT_MS) <= 0)
		(void)kill(pid, SIGKILL);
	forget_process(monitor);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int watch_process(struct monitor_process *monitor, int *link_fd)
{
	cleanup_close int pid_fd = pidfd_open(monitor->pid, 0);
	int r;

	if (pid_fd < 0)
		return -errno;
	r = loop_add(monitor->loop, &monitor->exit_source, pid_fd, EPOLLIN);
	if (r < 0)
		return r;
	(void)take_fd(&pid_fd);
	r = loop_add(monitor->loop, &monitor->link_source, *link_fd, EPOLLIN);
	if (r == 0)
		(void)take_fd(link_fd);
	return r;
}

static int start(struct monitor_process *monitor)
{
	struct link_message setup = {.type = LINK_SETUP, .setup = monitor->setup};
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], r;

	ASSERT(monitor->pid == 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	/* dup2() of an fd onto itself would leave CLOEXEC set. */
	if (theirs == LINK_FD) {
		theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, LINK_FD + 1);
		(void)close(pair[1]);
		if (theirs < 0)
			return -errno;
	}
	r = spawn(monitor, theirs, &monitor->pid);
	if (r < 0)
		return r;
	instance_lock_write_pid(monitor->lock_fd, monitor->pid);
	monitor->started_ns = monotonic_ns();
	r = watch_process(monitor, &ours);
	if (r < 0) {
		end_process(monitor);
		return r;
	}
	monitor_send(monitor, &setup, &monitor->state_fd, 1);
	log_debug("monitor started (pid %d)", (int)monitor->pid);
	monitor->handlers.started(monitor->handlers.context);
	return 0;
}

static void on_restart(struct loop_timer *timer)
{
	struct monitor_process *monitor = container_of(timer, struct monitor_process, restart);
	int r = start(monitor);

	if (r < 0) {
		log_error("can't start %s: %s; trying again", monitor->path, strerror(-r));
		monitor->quick_deaths++;
		monitor->handlers.died(monitor->handlers.context, true);
		loop_timer_set(monitor->loop, timer, backoff_ns(monitor->quick_deaths + 1));
	}
}

int monitor_find_program(char path[static PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			if (path_join(path, self, "vmpower-monitor") == 0 &&
			    access(path, X_OK) == 0)
				return 0;
		}
	}
	return path_join(path, VMPOWER_LIBEXEC_DIR, "vmpower-monitor");
}

static int map_state(struct monitor_process *monitor)
{
	void *map = mmap(NULL, sizeof(struct shared_state), PROT_READ | PROT_WRITE, MAP_SHARED,
			 monitor->state_fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	monitor->state = map;
	return 0;
}

int monitor_process_new(struct loop *loop, const char *path, const struct link_setup *setup,
			int state_fd, int lock_fd, const struct monitor_handlers *handlers,
			struct monitor_process **out)
{
	struct monitor_process *monitor = calloc(1, sizeof(*monitor));
	int r = -ENOMEM;

	if (!monitor) {
		close_fd(&state_fd);
		return r;
	}
	monitor->loop = loop;
	monitor->setup = *setup;
	monitor->handlers = *handlers;
	monitor->state_fd = state_fd;
	monitor->lock_fd = lock_fd;
	monitor->exit_source = (struct loop_source){.fd = -1, .on_event = on_exit_event};
	monitor->link_source = (struct loop_source){.fd = -1, .on_event = on_link};
	link_queue_init(&monitor->queue);
	monitor->restart.on_expiry = on_restart;
	monitor->pong.on_expiry = on_pong_timeout;
	monitor->path = strdup(path);
	if (monitor->path)
		r = map_state(monitor);
	if (r == 0) {
		*out = monitor;
		r = start(monitor);
	}
	if (r < 0) {
		monitor_process_free(monitor);
		*out = NULL;
	}
	return r;
}

void monitor_process_end(struct monitor_process *monitor)
{
	loop_timer_cancel(monitor->loop, &monitor->restart);
	end_process(monitor);
}

void monitor_process_free(struct monitor_process *monitor)
{
	if (!monitor)
		return;
	monitor_process_end(monitor);
	if (monitor->state)
		(void)munmap(monitor->state, sizeof(*monitor->state));
	close_fd(&monitor->state_fd);
	free(monitor->path);
	free(monitor);
}

const struct shared_state *monitor_state(const struct monitor_process *monitor)
{
	return monitor->state;
}

void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain)
{
	ASSERT(domain < MAX_DOMAINS);
	memset(monitor->state->vcpus[domain], 0, sizeof(monitor->state->vcpus[domain]));
}

void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel)
{
	ASSERT(channel < MAX_CHANNELS);
	memset(&monitor->state->channels[channel], 0, sizeof(monitor->state->channels[channel]));
}

void monitor_forget_leftover(struct monitor_process *monitor, uint32_t channel)
{
	ASSERT(channel < MAX_CHANNELS);
	shared_store(monitor->state->channels[channel].leftover, 0);
}

pid_t monitor_pid(const struct monitor_process *monitor)
{
	return monitor->pid;
}

uint32_t monitor_restarts(const struct monitor_process *monitor)
{
	return monitor->restarts;
}
