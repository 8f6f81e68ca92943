/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpowerd - the manager: control plane of vmpower
 *
 * Puts the parts together and runs the loop. It never reads a byte that a guest wrote: that is
 * the monitor's, a process of its own with no privileges.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd_limit.h"
#include "common/log.h"
#include "common/path.h"
#include "helper/manager/config/config.h"
#include "helper/manager/config/load.h"
#include "helper/manager/config/options.h"
#include "helper/manager/control/control.h"
#include "helper/manager/cpufreq/cpu_hotplug.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/domains/reload.h"
#include "helper/manager/domains/succession.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/service/inherited_fds.h"
#include "helper/manager/service/instance_lock.h"
#include "helper/manager/service/listening.h"
#include "helper/manager/service/notify.h"
#include "helper/manager/sources/hook_server.h"
#include "helper/manager/sources/libvirt_sync.h"

struct manager {
	struct options options;
	struct config config;
	struct reload reload;
	char runtime_dir[PATH_MAX];
	char monitor_path[PATH_MAX];
	struct loop *loop;
	struct loop_source signals;
	struct registry *registry;
	struct events events;
	struct cpu_hotplug *cpu_hotplug;
	struct cpufreq *cpufreq;
	struct domains *domains;
	struct libvirt_sync *libvirt;
	struct hook_server *hook_server;
	struct control *control;
	struct notify *notify;
	struct event_tap notify_tap;
	struct succession *succession;
	int lock_fd;
	struct inherited_fds inherited;
	struct listening listening;
	int hook_fd; /* -1: not open, or the hook server has it */
	bool keep;   /* at the end: all stays as it is, a successor is on its way */
};

/* Beside our own program where it was built, else where it is installed. */
static int find_monitor(char path[static PATH_MAX])
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

/* --- what the kernel tells ---------------------------------------------------------------- */

static void on_cpus_changed(void *context, const struct cpuset *changed)
{
	struct manager *manager = context;

	domains_cpus_changed(manager->domains, changed);
}

/* --- what the log says ---------------------------------------------------------------------- */

/*
 * Warnings and worse are events, too, where they do not have one already; those of libvirt's
 * thread, which may touch nothing, are not.
 */
static void on_log(void *context, const struct log_about *about, int priority, const char *text)
{
	struct manager *manager = context;

	if (priority <= LOG_WARNING && !(about && about->has_event) && gettid() == getpid())
		events_emit_text(&manager->events, EVENT_WARNING, text);
}

/* --- what systemd is told -------------------------------------------------------------------- */

static unsigned int count_cpus(const struct cpufreq *cpufreq)
{
	unsigned int n = 0;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *f = cpufreq_get(cpufreq, id);

		n += f->gone ? 0 : cpuset_count(&f->cpus);
	}
	return n;
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

static void form_status(void *context, char text[static NOTIFY_STATUS_SIZE])
{
	const struct manager *manager = context;
	uint32_t n_domains = registry_count(manager->registry), n_channels = 0;
	unsigned int n_cpus = count_cpus(manager->cpufreq);

	registry_for_each (d, manager->registry) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			n_channels += d->channels[i].state == CHANNEL_CONNECTED;
	}
	(void)snprintf(text, NOTIFY_STATUS_SIZE, "%u domain%s, %u channel%s, %u CPU%s", n_domains,
		       plural(n_domains), n_channels, plural(n_channels), n_cpus, plural(n_cpus));
}

static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	struct manager *manager = container_of(tap, struct manager, notify_tap);

	(void)event;
	if (kind <= EVENT_CHANNEL_GONE)
		notify_changed(manager->notify);
}

/* As long as we are alive, so must the monitor be. */
static void on_watchdog(void *context)
{
	struct manager *manager = context;

	monitor_ping(domains_monitor(manager->domains));
}

/* --- start and stop ---------------------------------------------------------------------- */

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct manager *manager = container_of(source, struct manager, signals);
	struct signalfd_siginfo info;
	struct reload_result result;
	struct config_error error;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		(void)reload_config(&manager->reload, &result, &error); /* it logs */
		return;
	}
	manager->keep = info.ssi_signo == SIGUSR1;
	log_info("stopping: signal %u (%s)", info.ssi_signo, strsignal((int)info.ssi_signo));
	notify_stopping(manager->notify);
	loop_quit(manager->loop, 0);
}

static int watch_signals(struct manager *manager)
{
	cleanup_close int fd = -1;
	sigset_t signals;
	int r;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGQUIT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	manager->signals.on_event = on_signal;
	r = loop_add(manager->loop, &manager->signals, fd, EPOLLIN);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

/* --- the phases of the start, in their order ------------------------------------------------ */

static int read_configuration(struct manager *manager)
{
	struct config_error error;
	int r = config_load(manager->options.config, manager->options.config_given,
			    &manager->config, &error);

	if (r < 0)
		log_error("%s", error.text);
	return r;
}

static int make_runtime_dir(struct manager *manager)
{
	const char *dir = manager->options.runtime_dir;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		int r = -errno;

		log_error("can't create %s: %s", dir, strerror(-r));
		return r;
	}
	return realpath(dir, manager->runtime_dir) ? 0 : -errno;
}

static int set_up_loop(struct manager *manager)
{
	int r = loop_new(&manager->loop);

	if (r == 0)
		r = watch_signals(manager);
	(void)raise_fd_limit();
	events_add_tap(&manager->events, &manager->notify_tap);
	log_set_tap(on_log, manager);
	/* Before there is a second thread: libxml2's set-up wants to be alone. */
	xmlInitParser();
	return r;
}

/*
 * Before the lock: another vmpowerd that serves here has this socket, and we fail at once; one
 * that is about to end has only the lock, and that is waited for.
 */
static int listen_for_hooks(struct manager *manager)
{
	int r = inherited_fds_get(&manager->inherited);

	if (r == 0)
		r = listening_init(&manager->listening, manager->runtime_dir, &manager->inherited);
	if (r < 0)
		return r;
	manager->hook_fd = listening_open(&manager->listening, LISTENING_HOOK);
	return manager->hook_fd < 0 ? manager->hook_fd : 0;
}

/* Before anything is read that a predecessor may still write, or that its monitor sets. */
static int take_lock(struct manager *manager)
{
	manager->lock_fd = instance_lock(manager->runtime_dir);
	if (manager->lock_fd >= 0)
		return 0;
	log_error("%s/lock can't be had: %s; end the vmpowerd and vmpower-monitor that hold it",
		  manager->runtime_dir, strerror(-manager->lock_fd));
	return manager->lock_fd;
}

static int make_registry(struct manager *manager)
{
	return registry_new(&manager->registry);
}

static int find_frequency_domains(struct manager *manager)
{
	char state_path[PATH_MAX];
	int r = path_join(state_path, manager->runtime_dir, "baseline");

	/* Before CPUs are looked at, so that no change is missed. */
	if (r == 0)
		r = cpu_hotplug_new(manager->loop, on_cpus_changed, manager, &manager->cpu_hotplug);
	if (r == 0)
		r = cpufreq_new(&manager->config, state_path, &manager->cpufreq);
	return r;
}

static int read_what_predecessor_left(struct manager *manager)
{
	const struct succession_parts parts = {
		.loop = manager->loop,
		.registry = manager->registry,
		.events = &manager->events,
		.runtime_dir = manager->runtime_dir,
		.inherited = &manager->inherited,
		.listing = strcmp(manager->config.libvirt_uri, "none") != 0,
	};

	return succession_new(&parts, &manager->succession);
}

/* The monitor starts with them. */
static int serve_domains(struct manager *manager)
{
	const struct domains_parts parts = {
		.loop = manager->loop,
		.config = &manager->config,
		.registry = manager->registry,
		.cpufreq = manager->cpufreq,
		.monitor_path = manager->monitor_path,
		.lock_fd = manager->lock_fd,
		.succession = manager->succession,
		.events = &manager->events,
	};
	int r = find_monitor(manager->monitor_path);

	return r == 0 ? domains_new(&parts, &manager->domains) : r;
}

static int follow_libvirt(struct manager *manager)
{
	const struct libvirt_sync_parts parts = {
		.loop = manager->loop,
		.registry = manager->registry,
		.domains = manager->domains,
		.uri = manager->config.libvirt_uri,
	};

	return libvirt_sync_new(&parts, &manager->libvirt);
}

static int serve_hooks(struct manager *manager)
{
	return hook_server_new(manager->loop, manager->domains, take_fd(&manager->hook_fd),
			       &manager->hook_server);
}

static int serve_control(struct manager *manager)
{
	const struct control_parts parts = {
		.loop = manager->loop,
		.config = &manager->config,
		.registry = manager->registry,
		.domains = manager->domains,
		.cpufreq = manager->cpufreq,
		.virt = libvirt_sync_virt(manager->libvirt),
		.events = &manager->events,
		.reload = &manager->reload,
	};
	int fd;

	manager->reload = (struct reload){
		.path = manager->options.config,
		.required = manager->options.config_given,
		.config = &manager->config,
		.domains = manager->domains,
		.events = &manager->events,
	};
	fd = listening_open(&manager->listening, LISTENING_CONTROL);
	return fd < 0 ? fd : control_new(&parts, fd, &manager->control);
}

static int tell_that_we_serve(struct manager *manager)
{
	const struct notify_parts parts = {
		.loop = manager->loop,
		.status = form_status,
		.on_watchdog = on_watchdog,
		.context = manager,
	};

	log_about(&(struct log_about){.message = MESSAGE_SERVING}, LOG_INFO,
		  "vmpowerd " VMPOWER_VERSION " serves in %s: %u frequency domains",
		  manager->runtime_dir, cpufreq_count(manager->cpufreq));
	return notify_new(&parts, &manager->notify);
}

static int start(struct manager *manager)
{
	static int (*const phases[])(struct manager *) = {
		read_configuration,
		make_runtime_dir,
		set_up_loop,
		listen_for_hooks,
		take_lock,
		make_registry,
		find_frequency_domains,
		read_what_predecessor_left,
		serve_domains,
		follow_libvirt,
		serve_hooks,
		serve_control,
		tell_that_we_serve,
	};
	int r = 0;

	for (size_t i = 0; i < array_size(phases) && r == 0; i++)
		r = phases[i](manager);
	return r;
}

static void stop(struct manager *manager)
{
	bool keep = manager->keep && succession_possible(manager->succession);

	if (keep)
		succession_save(manager->succession);
	else
		succession_forget(manager->succession);
	/* Before they are closed: then they may be another's already. */
	listening_end(&manager->listening);
	control_free(manager->control);
	hook_server_free(manager->hook_server);
	libvirt_sync_free(manager->libvirt);
	cpu_hotplug_free(manager->cpu_hotplug);
	domains_free(manager->domains, keep);
	cpufreq_free(manager->cpufreq);
	registry_free(manager->registry);
	events_remove_tap(&manager->events, &manager->notify_tap);
	notify_free(manager->notify);
	succession_free(manager->succession);
	if (manager->loop)
		loop_close(manager->loop, &manager->signals);
	loop_free(manager->loop);
	config_clear(&manager->config);
	close_fd(&manager->hook_fd);
	close_fd(&manager->lock_fd);
	inherited_fds_clear(&manager->inherited);
}

int main(int argc, char **argv)
{
	static struct manager manager = {
		.signals = {.fd = -1},
		.notify_tap = {.on_event = on_event},
		.lock_fd = -1,
		.hook_fd = -1,
	};
	int r = options_parse(argc, argv, &manager.options);

	if (r >= 0)
		return r;
	log_init("vmpowerd", manager.options.log_level);
	journal_open();
	(void)umask(022);
	r = start(&manager);
	if (r == 0)
		r = loop_run(manager.loop);
	if (r < 0)
		log_error("vmpowerd ends: %s", strerror(-r));
	stop(&manager);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
