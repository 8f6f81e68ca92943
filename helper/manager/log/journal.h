/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's log lines in the systemd journal, with fields for what they are about, so that
 * `journalctl VMPOWER_DOMAIN=vm1` finds them. The monitor's own lines go to stderr and have none.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOG_JOURNAL_H
#define VMPOWER_HELPER_MANAGER_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/cpuset.h"
#include "common/log.h"
#include "helper/manager/log/message_id.h"

/*
 * For log_about(): plain facts; fields that are NULL or 0 are left out. ABOUT_DOMAIN(),
 * ABOUT_CHANNEL() (registry.h) and ABOUT_FREQUENCY_DOMAIN() (frequency_domain.h) fill in those of
 * an object.
 */
struct log_about {
	enum message_id message;
	const char *domain, *domain_uuid;
	const uint32_t *channel, *vcpu; /* their numbers in the domain */
	const uint32_t *policy;		/* number of the frequency domain */
	const struct cpuset *cpus;
	uint32_t old_khz, new_khz;
	const char *reason;
	bool has_event; /* an event says more than this line to whoever watches events */
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

/** journal_open() - write log lines to the journal if stderr is the journal's */
void journal_open(void);

#endif
