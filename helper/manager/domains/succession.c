/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/succession.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/whole_file.h"
#include "helper/manager/monitor/shared_area.h"
#include "helper/manager/registry/saved_domain.h"
#include "helper/manager/service/fd_store.h"

struct succession {
	struct succession_parts parts;
	struct fd_store *store;
	struct event_tap tap;
	struct loop_timer save;
	int dir;		      /* one file per domain; -1: none */
	uint8_t changed[MAX_DOMAINS]; /* by domain id: its file must be written */
	bool failure_logged;
};

/* --- saving ---------------------------------------------------------------------------- */

static void save(struct succession *succession, const struct domain *domain)
{
	/* Must survive vmpowerd, not a reboot. */
	static const struct whole_file_write how = {.suffix = ".new", .mode = 0600};
	cleanup_free char *text = saved_domain_format(domain);
	int r = !text ? -ENOMEM
		      : whole_file_replace(succession->dir, domain->description->uuid, text,
					   strlen(text), &how);

	if (r == 0)
		return;
	/* No file is better than an outdated one. */
	(void)unlinkat(succession->dir, domain->description->uuid, 0);
	if (!succession->failure_logged)
		log_warning("domain \"%s\" can't be saved in %s/domains: %s; a restart of vmpowerd "
			    "will reconnect its channels",
			    domain->description->name, succession->parts.runtime_dir, strerror(-r));
	succession->failure_logged = true;
}

void succession_save(struct succession *succession)
{
	struct registry *registry = succession->parts.registry;

	loop_timer_cancel(succession->parts.loop, &succession->save);
	registry_for_each (d, registry) {
		if (succession->changed[d->id] && succession->dir >= 0)
			save(succession, d);
		succession->changed[d->id] = false;
	}
}

static void on_save(struct loop_timer *timer)
{
	succession_save(container_of(timer, struct succession, save));
}

/* Sockets are stored at once; files are written once per turn of the loop. */
static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	struct succession *succession = container_of(tap, struct succession, tap);

	if (kind == EVENT_CHANNEL_CONNECTED)
		fd_store_put(succession->store, FD_STORE_CHANNEL, event->channel->fd);
	if (kind == EVENT_DOMAIN_UNREGISTERED) {
		succession->changed[event->domain->id] = false;
		(void)unlinkat(succession->dir, event->domain->description->uuid, 0);
	} else if (event->domain && (kind <= EVENT_CHANNEL_GONE || kind == EVENT_OVERRIDE)) {
		succession->changed[event->domain->id] = true;
		if (succession->save.due_ns == 0)
			loop_timer_set(succession->parts.loop, &succession->save, 0);
	}
}

/* --- taking over -------------------------------------------------------------------------- */

/* Saved domains, and files that a crash left half written. */
static void remove_files(const struct succession *succession)
{
	int fd = succession->dir < 0 ? -1 : openat(succession->dir, ".", O_RDONLY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			(void)unlinkat(succession->dir, entry->d_name, 0);
	}
}

/* Return: the number of channels that stay connected */
static uint32_t adopt_channels(struct succession *succession, struct channel_manager *channels,
			       struct domain *domain, const struct saved_channel *saved)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];
		int fd = channel->state == CHANNEL_CONNECTING
				 ? fd_store_take_socket(succession->store, saved[i].cookie)
				 : -1;

		if (fd >= 0 && channel_manager_adopt(channels, channel, fd) == 0)
			n++;
	}
	return n;
}

/* Return: the number of channels taken over; -ENOENT: the domain seems gone; -errno */
static int adopt(struct succession *succession, struct channel_manager *channels, const char *name)
{
	struct saved_domain saved;
	cleanup_free char *text = NULL;
	struct domain *domain;
	size_t size;
	uint32_t n;
	int r;

	r = whole_file_read(succession->dir, name, SAVED_DOMAIN_MAX, true, &text, &size);
	if (r == 0)
		r = saved_domain_parse(text, size, &saved);
	if (r < 0)
		return r;
	r = registry_restore(succession->parts.registry, &saved, &domain);
	if (r == 0) {
		n = adopt_channels(succession, channels, domain, saved.channels);
		succession->changed[domain->id] = true;
		r = (int)n;
		/* Without a connected channel only libvirt's listing shows whether it runs. */
		if (n == 0 && !succession->parts.listing) {
			registry_remove(succession->parts.registry, domain);
			r = -ENOENT;
		}
	}
	saved_domain_free(&saved);
	return r;
}

static uint32_t adopt_all(struct succession *succession, struct channel_manager *channels)
{
	int fd = succession->dir < 0 ? -1 : openat(succession->dir, ".", O_RDONLY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint32_t n_channels = 0, n_failed = 0;
	int error = 0;

	while (dir && (entry = readdir(dir))) {
		int r;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) != 36)
			continue;
		r = adopt(succession, channels, entry->d_name);
		if (r >= 0) {
			n_channels += (uint32_t)r;
		} else if (r != -ENOENT) {
			n_failed++;
			error = r;
		}
	}
	if (n_failed > 0)
		log_warning("%u domains that a predecessor saved can't be taken over (%s): their "
			    "channels are reconnected",
			    n_failed,
			    error == -EPROTONOSUPPORT ? "of another version" : strerror(-error));
	return n_channels;
}

/* Return: the predecessor's state, the caller's; -errno: none, or unusable */
static int take_state(struct succession *succession)
{
	cleanup_close int fd = fd_store_take_state(succession->store);
	int r;

	if (fd < 0)
		return -ENOENT;
	r = shared_area_check(fd);
	if (r < 0) {
		log_notice("the state that a predecessor left can't be used (%s): channels are "
			   "reconnected",
			   r == -EPROTONOSUPPORT ? "of another version" : "damaged");
		return r;
	}
	return take_fd(&fd);
}

/* Make systemd's fd store hold exactly our fds. */
static void put_all(const struct succession *succession, int state_fd)
{
	struct registry *registry = succession->parts.registry;

	fd_store_remove(succession->store, FD_STORE_CHANNEL);
	fd_store_remove(succession->store, FD_STORE_STATE);
	fd_store_put(succession->store, FD_STORE_STATE, state_fd);
	registry_for_each (d, registry) {
		for (uint32_t i = 0; i < d->n_channels; i++) {
			if (d->channels[i].state == CHANNEL_CONNECTED)
				fd_store_put(succession->store, FD_STORE_CHANNEL,
					     d->channels[i].fd);
		}
	}
}

int succession_take_over(struct succession *succession, struct channel_manager *channels,
			 int *state_fd, bool *taken_over)
{
	uint32_t n_channels = 0;
	size_t n_stale;
	bool adopted;

	*taken_over = false;
	if (!succession) {
		*state_fd = shared_area_new();
		return *state_fd < 0 ? *state_fd : 0;
	}
	*state_fd = take_state(succession);
	adopted = *state_fd >= 0;
	if (adopted)
		n_channels = adopt_all(succession, channels);
	else
		*state_fd = shared_area_new();
	if (*state_fd < 0)
		return *state_fd;
	*taken_over = registry_count(succession->parts.registry) > 0;
	n_stale = fd_store_close_unused(succession->store);
	if (n_stale > 0)
		log_notice("unused sockets of a predecessor closed: %zu", n_stale);
	if (*taken_over)
		log_info("taken over from a predecessor: %u domains, %u channels",
			 registry_count(succession->parts.registry), n_channels);
	remove_files(succession);
	succession_save(succession);
	if (!fd_store_available(succession->store))
		return 0;
	if (!adopted || n_stale > 0)
		put_all(succession, *state_fd);
	events_add_tap(succession->parts.events, &succession->tap);
	return 0;
}

bool succession_possible(const struct succession *succession)
{
	return succession && fd_store_available(succession->store) && succession->dir >= 0;
}

void succession_forget(struct succession *succession)
{
	if (succession)
		remove_files(succession);
}

static int open_dir(const char *runtime_dir)
{
	cleanup_close int parent = open(runtime_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (parent < 0 || (mkdirat(parent, "domains", 0700) < 0 && errno != EEXIST))
		return -errno;
	fd = openat(parent, "domains", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int succession_new(const struct succession_parts *parts, struct succession **out)
{
	struct succession *succession = calloc(1, sizeof(*succession));
	int r;

	if (!succession)
		return -ENOMEM;
	succession->parts = *parts;
	succession->tap.on_event = on_event;
	succession->save.on_expiry = on_save;
	succession->dir = -1;
	r = fd_store_new(parts->inherited, &succession->store);
	if (r < 0) {
		free(succession);
		return r;
	}
	if (fd_store_available(succession->store)) {
		succession->dir = open_dir(parts->runtime_dir);
		if (succession->dir < 0)
			log_warning("%s/domains can't be used: %s; a restart of vmpowerd will "
				    "reconnect the channels",
				    parts->runtime_dir, strerror(-succession->dir));
	}
	*out = succession;
	return 0;
}

void succession_free(struct succession *succession)
{
	if (!succession)
		return;
	events_remove_tap(succession->parts.events, &succession->tap);
	fd_store_free(succession->store);
	close_fd(&succession->dir);
	free(succession);
}
