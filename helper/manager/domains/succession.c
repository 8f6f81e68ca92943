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
#include "common/clock.h"
#include "common/log.h"
#include "common/whole_file.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/registry/saved_domain.h"

/* No file is begun when a turn has taken this long. */
#define SLICE_NS (2 * NS_PER_MS)

struct succession {
	struct succession_parts parts;
	struct event_tap tap;
	struct loop_timer save;
	int dir;		      /* one file per domain; -1: none */
	uint8_t changed[MAX_DOMAINS]; /* by domain id: its file must be written */
	uint32_t next;		      /* id: the first that is looked at in the next turn */
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

/* Return: was it written, or tried? */
static bool save_if_changed(struct succession *succession, uint32_t id)
{
	const struct domain *domain = registry_get(succession->parts.registry, id);
	bool due = domain && succession->changed[id] && succession->dir >= 0;

	if (due)
		save(succession, domain);
	succession->changed[id] = false;
	return due;
}

void succession_save(struct succession *succession)
{
	loop_timer_cancel(succession->parts.loop, &succession->save);
	for (uint32_t id = 0; id < MAX_DOMAINS; id++)
		(void)save_if_changed(succession, id);
}

/* The domains have turns: one that keeps changing keeps no other from being saved. */
static void on_save(struct loop_timer *timer)
{
	struct succession *succession = container_of(timer, struct succession, save);
	uint64_t end = monotonic_ns() + SLICE_NS;

	for (uint32_t n = 0; n < MAX_DOMAINS; n++) {
		uint32_t id = succession->next;

		succession->next = (id + 1) % MAX_DOMAINS;
		if (!save_if_changed(succession, id) || monotonic_ns() < end)
			continue;
		loop_timer_set(succession->parts.loop, timer, 0);
		return;
	}
}

/* A file is written in a later turn of the loop, and so but once for all that happens in this one.
 */
static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	struct succession *succession = container_of(tap, struct succession, tap);

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

/* A file's name is the UUID of the domain that it is about. Return: 0; -ENOENT: it is not, logged
 */
static int check_name(const struct succession *succession, const char *name,
		      const struct domain_description *description)
{
	if (strcmp(name, description->uuid) == 0)
		return 0;
	log_about(&(struct log_about){ABOUT_DOMAIN(description)}, LOG_WARNING,
		  "%s/domains/%s is about domain %s: not taken over", succession->parts.runtime_dir,
		  name, description->uuid);
	return -ENOENT;
}

/* Return: 0; -ENOENT: the domain seems gone; -errno */
static int restore(struct succession *succession, const char *name)
{
	struct saved_domain saved;
	cleanup_free char *text = NULL;
	struct domain *domain;
	size_t size;
	int r;

	r = whole_file_read(succession->dir, name, SAVED_DOMAIN_MAX, true, &text, &size);
	if (r < 0)
		return r;
	r = saved_domain_parse(text, size, &saved);
	if (r < 0)
		return r;
	r = check_name(succession, name, saved.description);
	if (r == 0)
		r = registry_restore(succession->parts.registry, &saved, &domain);
	if (r == 0)
		succession->changed[domain->id] = true;
	saved_domain_free(&saved);
	return r;
}

static void restore_all(struct succession *succession)
{
	int fd = succession->dir < 0 ? -1 : openat(succession->dir, ".", O_RDONLY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint32_t n_failed = 0;
	int error = 0;

	while (dir && (entry = readdir(dir))) {
		int r;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) != 36)
			continue;
		r = restore(succession, entry->d_name);
		if (r < 0 && r != -ENOENT) {
			n_failed++;
			error = r;
		}
	}
	if (n_failed > 0)
		log_warning("%u domains that a predecessor saved can't be taken over (%s): their "
			    "channels are reconnected",
			    n_failed,
			    error == -EPROTONOSUPPORT ? "of another version" : strerror(-error));
}

void succession_restore(struct succession *succession)
{
	if (succession)
		restore_all(succession);
}

void succession_begin(struct succession *succession)
{
	if (!succession)
		return;
	remove_files(succession);
	succession_save(succession);
	events_add_tap(succession->parts.events, &succession->tap);
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

	if (!succession)
		return -ENOMEM;
	succession->parts = *parts;
	succession->tap.on_event = on_event;
	succession->save = (struct loop_timer){.on_expiry = on_save, .name = "saving domains"};
	succession->dir = -1;
	succession->dir = open_dir(parts->runtime_dir);
	if (succession->dir < 0)
		log_warning("%s/domains can't be used: %s; a restart of vmpowerd will reconnect "
			    "the channels",
			    parts->runtime_dir, strerror(-succession->dir));
	*out = succession;
	return 0;
}

void succession_free(struct succession *succession)
{
	if (!succession)
		return;
	events_remove_tap(succession->parts.events, &succession->tap);
	close_fd(&succession->dir);
	free(succession);
}
