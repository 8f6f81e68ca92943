/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/log/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"

static const struct sockaddr_un journal = {
	.sun_family = AF_UNIX,
	.sun_path = "/run/systemd/journal/socket",
};

static int journal_fd = -1;

static const char *const ids[] = {
#define X_ID(name, id) [name] = (id),
	EACH_MESSAGE(X_ID)
#undef X_ID
};

static void add(struct journal_entry *entry, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct journal_entry *entry, const char *format, ...)
{
	char *field = entry->text + entry->size;
	size_t room = sizeof(entry->text) - entry->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(field, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return;
	/* no value may begin another field */
	for (char *c = field; (c = strchr(c, '\n')) != NULL;)
		*c = ' ';
	field[n] = '\n';
	entry->size += (size_t)n + 1;
}

void journal_entry(struct journal_entry *entry, const struct log_about *about, int priority,
		   const char *text)
{
	char cpus[1024];

	entry->size = 0;
	add(entry, "MESSAGE=%s", text);
	add(entry, "PRIORITY=%d", priority);
	add(entry, "SYSLOG_IDENTIFIER=vmpowerd");
	if (!about)
		return;
	if (about->message > MESSAGE_NONE && about->message < N_MESSAGES)
		add(entry, "MESSAGE_ID=%s", ids[about->message]);
	if (about->domain)
		add(entry, "VMPOWER_DOMAIN=%s", about->domain);
	if (about->domain_uuid)
		add(entry, "VMPOWER_DOMAIN_UUID=%s", about->domain_uuid);
	if (about->channel)
		add(entry, "VMPOWER_CHANNEL=%u", *about->channel);
	if (about->vcpu)
		add(entry, "VMPOWER_VCPU=%u", *about->vcpu);
	if (about->policy)
		add(entry, "VMPOWER_FREQUENCY_DOMAIN=%u", *about->policy);
	if (about->cpus && cpuset_format(about->cpus, cpus, sizeof(cpus)) >= 0)
		add(entry, "VMPOWER_CPUS=%s", cpus);
	if (about->old_khz > 0)
		add(entry, "VMPOWER_OLD_KHZ=%u", about->old_khz);
	if (about->new_khz > 0)
		add(entry, "VMPOWER_NEW_KHZ=%u", about->new_khz);
	if (about->reason)
		add(entry, "VMPOWER_REASON=%s", about->reason);
}

static bool to_journal(const struct log_about *about, int priority, const char *text)
{
	/* On the stack: the libvirt thread logs too. */
	struct journal_entry entry;

	journal_entry(&entry, about, priority, text);
	return sendto(journal_fd, entry.text, entry.size, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&journal, sizeof(journal)) >= 0;
}

static const char *subject(const struct log_about *about)
{
	return about->domain;
}

void journal_open(void)
{
	log_set_subject(subject);
	if (log_is_journal())
		journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal_fd >= 0)
		log_set_sink(to_journal);
}
