/* SPDX-License-Identifier: BSD-3-Clause */
#include "handed_fds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "log.h"

int handed_fds_get(struct handed_fds *handed)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*handed = (struct handed_fds){.n = 0};
	if (n < 0)
		log_warning("what systemd hands over can't be told: %s; vmpowerd makes its sockets "
			    "itself, and connects channels anew",
			    strerror(-n));
	if (n <= 0)
		return 0;
	handed->names = names;
	handed->n = (size_t)n;
	handed->fds = calloc((size_t)n, sizeof(handed->fds[0]));
	if (!handed->fds) {
		handed_fds_clear(handed);
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++)
		handed->fds[i] = SD_LISTEN_FDS_START + i;
	return 0;
}

int handed_fds_take(struct handed_fds *handed, const char *name)
{
	for (size_t i = 0; i < handed->n; i++) {
		if (handed->fds[i] >= 0 && strcmp(handed->names[i], name) == 0)
			return take_fd(&handed->fds[i]);
	}
	return -1;
}

void handed_fds_clear(struct handed_fds *handed)
{
	for (size_t i = 0; i < handed->n; i++) {
		if (handed->fds)
			close_fd(&handed->fds[i]);
		free(handed->names[i]);
	}
	free(handed->fds);
	free(handed->names);
	*handed = (struct handed_fds){.n = 0};
}
