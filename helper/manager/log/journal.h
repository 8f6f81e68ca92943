/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends the manager's log lines to the systemd journal with fields for their subjects, so that
 * `journalctl VMPOWER_DOMAIN=vm1` finds them. It does not wait for the journal, as
 * sd_journal_sendv(3) would: a line for which the journal has no room goes to stderr, without its
 * fields. The monitor logs to stderr.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOG_JOURNAL_H
#define VMPOWER_HELPER_MANAGER_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "common/log.h"
#include "helper/manager/log/message_id.h"

/*
 * Facts for log_about(); NULL and 0 are left out. ABOUT_DOMAIN() and ABOUT_CHANNEL() (registry.h)
 * and ABOUT_FREQUENCY_DOMAIN() (frequency_domain.h) set the facts about an object.
 */
struct log_about {
	enum message_id message;
	const char *domain, *domain_uuid;
	const uint32_t *channel, *vcpu; /* their numbers in the domain */
	const uint32_t *policy;		/* N of policyN */
	const struct cpuset *cpus;
	uint32_t old_khz, new_khz;
	const char *reason;
	bool has_event; /* an event of its own was emitted: the line must not emit one */
};

/* A datagram of the journal's native protocol: a line NAME=value for each field. */
struct journal_entry {
	size_t size;
	char text[16384];
};

/** journal_entry() - form a line's entry; fields that do not fit are left out. Pure. */
void journal_entry(struct journal_entry *entry, const struct log_about *about, int priority,
		   const char *text);

/** journal_open() - limit lines by domain; send them to the journal if stderr is connected to it */
void journal_open(void);

#endif
