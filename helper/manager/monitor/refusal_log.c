/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/refusal_log.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/registry/refusal_names.h"

void refusal_log(struct registry *registry, const struct link_refused *refused)
{
	const struct channel *channel = registry_channel(registry, refused->channel);
	struct log_about about;
	char more[64] = "";

	if (!channel)
		return;
	about = (struct log_about){
		.message = MESSAGE_REQUEST_REFUSED,
		ABOUT_CHANNEL(channel),
		.reason = refusal_name((enum refusal)refused->refusal),
		/* An event of kind requests counts them. */
		.has_event = true,
	};
	if (refused->vcpu < channel->domain->description->n_vcpus)
		about.vcpu = &refused->vcpu;
	if (refused->more > 0)
		(void)snprintf(more, sizeof(more), "; %u more of this domain since its last line",
			       refused->more);
	log_about(&about, LOG_WARNING, "domain \"%s\", channel %u: request refused: %s (%s)%s",
		  about.domain, channel->number, about.reason,
		  refusal_remedy((enum refusal)refused->refusal), more);
}

void violation_log(pid_t monitor, uint32_t number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

	log_about(&(struct log_about){.message = MESSAGE_MONITOR_VIOLATION, .reason = name},
		  LOG_ERR,
		  "monitor (pid %d): tried system call %s (%u), which it never needs, and was "
		  "ended. A guest may have taken it over: please report this",
		  (int)monitor, name ? name : "?", number);
	free(name);
}
