/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmpowerd - the manager: control plane of vmpower
 *
 * Creates the parts of the manager and runs the loop. The manager never reads what a guest wrote:
 * the monitor does, a separate process without privileges.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
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
#include "helper/manager/monitor/spawn.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/report/status_line.h"
#include "helper/manager/service/inherited_fds.h"
#include "helper/manager/service/instance_lock.h"
#include "helper/manager/service/listening.h"
#include "helper/manager/service/notify.h"
#include "helper/manager/service/signals.h"
#include "helper/manager/sources/hook_server.h"
#include "helper/manager/sources/libvirt_sync.h"

struct manager {
	struct options options;
	struct config config;
	struct reload reload;
	char runtime_dir[PATH_MAX];
	char monitor_path[PATH_MAX];
	struct loop *loop;
	struct signals signals;
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
	struct listening listening;
	int hook_fd; /* -1: not open, or the hook server has it */
	bool leave;  /* at the end leave the monitor, and everything with it, to a successor */
	int failure; /* the exit status if it fails */
};

/* --- callbacks ---------------------------------------------------------------------------- */

static void on_cpus_changed(void *context, const struct cpuset *changed)
{
	struct manager *manager = context;

	domains_cpus_changed(manager->domains, changed);
}

/* Emits warnings and errors as events, unless they have one; not from the libvirt thread. */
static void on_log(void *context, const struct log_about *about, int priority, const char *text)
{
	struct manager *manager = context;

	if (priority <= LOG_WARNING && !(about && about->has_event) && gettid() == getpid())
		events_emit_text(&manager->events, EVENT_WARNING, text);
}

static void form_status(void *context, char text[static NOTIFY_STATUS_SIZE])
{
	const struct manager *manager = context;

	status_line(manager->registry, manager->cpufreq, text, NOTIFY_STATUS_SIZE);
}

static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	struct manager *manager = container_of(tap, struct manager, notify_tap);

	(void)event;
	if (kind <= EVENT_CHANNEL_GONE)
		notify_changed(manager->notify);
}

/* systemd's watchdog also covers the monitor: check that it responds. A flood may have ended. */
static void on_watchdog(void *context)
{
	struct manager *manager = context;

	monitor_ping(domains_monitor(manager->domains));
	log_left_out();
}

static void on_signal(void *context, int signo)
{
	struct manager *manager = context;
	struct reload_result result;
	struct config_error error;

	if (signo == SIGHUP) {
		(void)reload_config(&manager->reload, &result, &error); /* it logs */
		return;
	}
	/* Under systemd ExecStop= says before, with SIGINT, that it is a stop: vmpower-stopping */
	manager->leave = signo == SIGUSR1 || (signo == SIGTERM && getenv("NOTIFY_SOCKET"));
	log_life(NULL, LOG_INFO, "stopping: signal %d (%s)", signo, strsignal(signo));
	notify_stopping(manager->notify);
	loop_quit(manager->loop, 0);
}

/* --- the phases of the start, in order --------------------------------------------------- */

static int read_configuration(struct manager *manager)
{
	struct config_error error;
	int r = config_load(manager->options.config, manager->options.config_given,
			    &manager->config, &error);

	manager->failure = r < 0 ? EX_CONFIG : EXIT_FAILURE;
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
		r = signals_watch(&manager->signals, manager->loop, on_signal, manager);
	(void)raise_fd_limit();
	events_add_tap(&manager->events, &manager->notify_tap);
	log_set_tap(on_log, manager);
	/* libxml2's initialisation is not thread-safe: call it while there is only one thread. */
	xmlInitParser();
	return r;
}

/*
 * Runs before take_lock(). If another vmpowerd serves here, it has this socket, and we fail at
 * once. If it is ending, it has only the lock, and we wait for that.
 */
static int listen_for_hooks(struct manager *manager)
{
	struct inherited_fds inherited;
	int r = inherited_fds_get(&inherited);

	if (r == 0)
		r = listening_init(&manager->listening, manager->runtime_dir, &inherited);
	/* others, such as channels that version 0.1 has stored: QEMU serves one connection only */
	inherited_fds_clear(&inherited);
	if (r < 0)
		return r;
	manager->hook_fd = listening_open(&manager->listening, LISTENING_HOOK);
	return manager->hook_fd < 0 ? manager->hook_fd : 0;
}

/* Runs before anything is read that a predecessor may still write. */
static int take_lock(struct manager *manager)
{
	manager->lock_fd = instance_lock(manager->runtime_dir);
	if (manager->lock_fd >= 0)
		return 0;
	log_error("can't lock %s: %s; end the vmpowerd that uses it", manager->runtime_dir,
		  strerror(-manager->lock_fd));
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

	/* Listen before the scan, so that no change is missed. */
	if (r == 0)
		r = cpu_hotplug_new(manager->loop, on_cpus_changed, manager, &manager->cpu_hotplug);
	if (r == 0)
		r = cpufreq_new(&manager->config, state_path, &manager->cpufreq);
	return r;
}

/* A frequency that no CPU can do is refused like any other mistake. */
static int check_frequencies(struct manager *manager)
{
	const struct khz_range range = cpufreq_range(manager->cpufreq);
	struct config_error error;
	int r = config_check_range(&manager->config, &range, &error);

	if (r < 0) {
		manager->failure = EX_CONFIG;
		log_error("%s", error.text);
		return r;
	}
	cpufreq_log_rounding(manager->cpufreq, "[limits]", manager->config.min_khz,
			     manager->config.max_khz);
	return 0;
}

static int read_predecessor_state(struct manager *manager)
{
	const struct succession_parts parts = {
		.loop = manager->loop,
		.registry = manager->registry,
		.events = &manager->events,
		.runtime_dir = manager->runtime_dir,
	};

	return succession_new(&parts, &manager->succession);
}

/* Connects to the monitor, or starts one. */
static int serve_domains(struct manager *manager)
{
	const struct domains_parts parts = {
		.loop = manager->loop,
		.config = &manager->config,
		.registry = manager->registry,
		.cpufreq = manager->cpufreq,
		.monitor_path = manager->monitor_path,
		.runtime_dir = manager->runtime_dir,
		.lease_s = manager->options.lease_s,
		.succession = manager->succession,
		.events = &manager->events,
	};
	int r = monitor_find_program(manager->monitor_path);

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
		.hook_waits = hook_server_waits(manager->hook_server),
	};
	int fd;

	manager->reload = (struct reload){
		.path = manager->options.config,
		.required = manager->options.config_given,
		.config = &manager->config,
		.cpufreq = manager->cpufreq,
		.domains = manager->domains,
		.events = &manager->events,
	};
	fd = listening_open(&manager->listening, LISTENING_CONTROL);
	return fd < 0 ? fd : control_new(&parts, fd, &manager->control);
}

static int report_ready(struct manager *manager)
{
	const struct notify_parts parts = {
		.loop = manager->loop,
		.status = form_status,
		.on_watchdog = on_watchdog,
		.context = manager,
	};
	int r;

	log_life(&(struct log_about){.message = MESSAGE_SERVING}, LOG_INFO,
		 "vmpowerd " VMPOWER_VERSION " serves in %s: %u frequency domains",
		 manager->runtime_dir, cpufreq_count_present(manager->cpufreq));
	r = notify_new(&parts, &manager->notify);
	manager->reload.notify = manager->notify;
	return r;
}

static int start(struct manager *manager)
{
	static int (*const phases[])(struct manager *) = {
		read_configuration,	make_runtime_dir,  set_up_loop,
		listen_for_hooks,	take_lock,	   make_registry,
		find_frequency_domains, check_frequencies, read_predecessor_state,
		serve_domains,		follow_libvirt,	   serve_hooks,
		serve_control,		report_ready,
	};
	int r = 0;

	for (size_t i = 0; i < array_size(phases) && r == 0; i++)
		r = phases[i](manager);
	return r;
}

static void stop(struct manager *manager)
{
	if (manager->leave) {
		hook_server_finish(manager->hook_server);
		succession_save(manager->succession);
	}
	/* Must precede the closing of the sockets: later the files may be another vmpowerd's. */
	listening_end(&manager->listening);
	control_free(manager->control);
	hook_server_free(manager->hook_server);
	libvirt_sync_free(manager->libvirt);
	cpu_hotplug_free(manager->cpu_hotplug);
	domains_free(manager->domains, manager->leave);
	/* Killed before that, the next one goes on with the monitor and its domains. */
	if (!manager->leave)
		succession_forget(manager->succession);
	cpufreq_free(manager->cpufreq);
	registry_free(manager->registry);
	events_remove_tap(&manager->events, &manager->notify_tap);
	notify_free(manager->notify);
	succession_free(manager->succession);
	signals_close(&manager->signals);
	loop_free(manager->loop);
	config_clear(&manager->config);
	close_fd(&manager->hook_fd);
	close_fd(&manager->lock_fd);
}

/* vmpowerd --check-config. Return: exit status */
static int check_config(const struct options *options)
{
	struct khz_range range = {0, 0};
	struct cpufreq *cpufreq = NULL;
	struct config_error error;
	struct config config;
	int r = config_load(options->config, options->config_given, &config, &error);

	if (r == 0) {
		/* What is found, and what is not, does not matter here. */
		log_init("vmpowerd", LOG_CRIT);
		if (cpufreq_new(&config, "", &cpufreq) == 0)
			range = cpufreq_range(cpufreq);
		r = config_check_range(&config, &range, &error);
		cpufreq_free(cpufreq);
		config_clear(&config);
	}
	if (r < 0)
		(void)fprintf(stderr, "%s\n", error.text);
	return r < 0 ? EX_CONFIG : EXIT_SUCCESS;
}

/*
 * vmpowerd --restore: a monitor's service has ended. Return: exit status. Whoever holds the lock
 * takes care of the baselines; a configuration that is refused must not keep them.
 */
static int restore(const struct options *options)
{
	cleanup_close int lock_fd = instance_lock_try(options->runtime_dir);
	char state_path[PATH_MAX];
	struct cpufreq *cpufreq = NULL;
	struct config_error error;
	struct config config;
	int r;

	if (lock_fd < 0)
		return lock_fd == -EWOULDBLOCK || lock_fd == -ENOENT ? EXIT_SUCCESS : EXIT_FAILURE;
	if (config_load(options->config, options->config_given, &config, &error) < 0) {
		log_warning("%s; restoring as without a configuration", error.text);
		config_defaults(&config);
	}
	r = path_join(state_path, options->runtime_dir, "baseline");
	if (r == 0)
		r = cpufreq_new(&config, state_path, &cpufreq);
	if (r == 0)
		r = cpufreq_restore_all(cpufreq);
	cpufreq_free(cpufreq);
	config_clear(&config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct manager manager = {
		.notify_tap = {.on_event = on_event},
		.lock_fd = -1,
		.hook_fd = -1,
	};
	int r = options_parse(argc, argv, &manager.options);

	if (r >= 0)
		return r;
	if (manager.options.check_config)
		return check_config(&manager.options);
	log_init("vmpowerd", manager.options.log_level);
	journal_open();
	if (manager.options.restore)
		return restore(&manager.options);
	(void)umask(022);
	r = start(&manager);
	if (r == 0)
		r = loop_run(manager.loop);
	if (r < 0)
		log_life(NULL, LOG_ERR, "vmpowerd ends: %s", strerror(-r));
	stop(&manager);
	log_left_out();
	return r < 0 ? manager.failure : EXIT_SUCCESS;
}
