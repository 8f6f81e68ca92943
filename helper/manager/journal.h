/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's log lines in the systemd journal, with what they are about as fields of their own,
 * so that `journalctl VMPOWER_DOMAIN=vm1` finds them. What the monitor says of itself
 * comes by stderr, without.
 */
#ifndef VMPOWER_HELPER_MANAGER_JOURNAL_H
#define VMPOWER_HELPER_MANAGER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "frequency_domain.h"
#include "log.h"
#include "message_id.h"
#include "registry.h"

/* For log_about(); what is NULL or 0 is not part of it. */
struct log_about {
	enum message_id message;
	const struct domain_description *domain;
	const struct channel *channel; /* its domain is added where domain is NULL */
	const uint32_t *vcpu;
	const uint32_t *policy; /* number of the frequency domain, where that is not known better */
	const struct frequency_domain *frequency_domain;
	uint32_t old_khz, new_khz;
	const char *reason;
	bool has_event; /* whoever watches events is told by one that has more than this line */
};

#define JOURNAL_FIELDS 16

/* Fields as sd_journal_sendv(3) takes them, in a buffer of their own. */
struct journal_entry {
	struct iovec fields[JOURNAL_FIELDS];
	int n_fields;
	size_t used;
	char text[16384];
};

/** journal_entry() - form the entry of a line; a field that has no room is left out. Pure. */
void journal_entry(struct journal_entry *entry, const struct log_about *about, int priority,
		   const char *text);

/** journal_open() - have log lines go to the journal, where stderr is the journal's already */
void journal_open(void);

#endif
