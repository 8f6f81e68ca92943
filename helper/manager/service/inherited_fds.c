/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/inherited_fds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/log.h"

int inherited_fds_get(struct inherited_fds *inherited)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*inherited = (struct inherited_fds){.n = 0};
	if (n < 0)
		log_warning("can't read which fds systemd passes: %s; vmpowerd creates its own "
			    "sockets and reconnects the channels",
			    strerror(-n));
	if (n <= 0)
		return 0;
	inherited->names = names;
	inherited->n = (size_t)n;
	inherited->fds = calloc((size_t)n, sizeof(inherited->fds[0]));
	if (!inherited->fds) {
		inherited_fds_clear(inherited);
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++)
		inherited->fds[i] = SD_LISTEN_FDS_START + i;
	return 0;
}

int inherited_fds_take(struct inherited_fds *inherited, const char *name)
{
	for (size_t i = 0; i < inherited->n; i++) {
		if (inherited->fds[i] >= 0 && strcmp(inherited->names[i], name) == 0)
			return take_fd(&inherited->fds[i]);
	}
	return -1;
}

void inherited_fds_clear(struct inherited_fds *inherited)
{
	for (size_t i = 0; i < inherited->n; i++) {
		if (inherited->fds)
			close_fd(&inherited->fds[i]);
		free(inherited->names[i]);
	}
	free(inherited->fds);
	free(inherited->names);
	*inherited = (struct inherited_fds){.n = 0};
}
