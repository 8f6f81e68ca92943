/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/fd_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"

struct inherited {
	uint64_t cookie; /* 0: not a socket */
	int fd;		 /* -1: taken */
	bool state;
};

struct fd_store {
	bool available;
	size_t n;
	struct inherited *inherited; /* sorted by cookie */
};

static int compare(const void *a, const void *b)
{
	const struct inherited *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

int fd_store_new(struct inherited_fds *inherited, struct fd_store **out)
{
	struct fd_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->available = getenv("NOTIFY_SOCKET") != NULL;
	if (inherited->n > 0) {
		store->inherited = calloc(inherited->n, sizeof(store->inherited[0]));
		if (!store->inherited) {
			free(store);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < inherited->n; i++) {
		if (inherited->fds[i] < 0)
			continue;
		store->inherited[store->n++] = (struct inherited){
			.cookie = unix_cookie(inherited->fds[i]),
			.fd = take_fd(&inherited->fds[i]),
			.state = strcmp(inherited->names[i], FD_STORE_STATE) == 0,
		};
	}
	if (store->n > 1)
		qsort(store->inherited, store->n, sizeof(store->inherited[0]), compare);
	*out = store;
	return 0;
}

void fd_store_free(struct fd_store *store)
{
	if (!store)
		return;
	(void)fd_store_close_unused(store);
	free(store);
}

bool fd_store_available(const struct fd_store *store)
{
	return store->available;
}

int fd_store_take_state(struct fd_store *store)
{
	for (size_t i = 0; i < store->n; i++) {
		if (store->inherited[i].state && store->inherited[i].fd >= 0)
			return take_fd(&store->inherited[i].fd);
	}
	return -1;
}

int fd_store_take_socket(struct fd_store *store, uint64_t cookie)
{
	const struct inherited key = {.cookie = cookie};
	struct inherited *found = NULL;

	if (cookie != 0 && store->n > 0)
		found = bsearch(&key, store->inherited, store->n, sizeof(key), compare);
	return found ? take_fd(&found->fd) : -1;
}

size_t fd_store_close_unused(struct fd_store *store)
{
	size_t n = 0;

	for (size_t i = 0; i < store->n; i++) {
		n += store->inherited[i].fd >= 0;
		close_fd(&store->inherited[i].fd);
	}
	free(store->inherited);
	store->inherited = NULL;
	store->n = 0;
	return n;
}

void fd_store_put(const struct fd_store *store, const char *name, int fd)
{
	char message[64];
	int r;

	if (!store->available)
		return;
	(void)snprintf(message, sizeof(message), "FDSTORE=1\nFDNAME=%s", name);
	r = sd_pid_notify_with_fds(0, 0, message, &fd, 1);
	if (r < 0)
		log_warning(
			"can't store an fd with systemd: %s; a restart will disconnect a channel",
			strerror(-r));
}

void fd_store_remove(const struct fd_store *store, const char *name)
{
	if (store->available)
		(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}
