/* SPDX-License-Identifier: BSD-3-Clause */
/* The link's messages: how long each is, what may be in it, sending and receiving. */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "cleanup.h"
#include "unix_socket.h"

#define HEADER_SIZE offsetof(struct link_message, setup)
#define VCPU_SIZE offsetof(struct link_vcpu, frequency_domains)

size_t link_size(const struct link_message *message)
{
	switch ((enum link_type)message->type) {
	case LINK_SETUP:
		return HEADER_SIZE + sizeof(message->setup);
	case LINK_SETTINGS:
		return HEADER_SIZE + sizeof(message->settings);
	case LINK_FREQUENCY_DOMAIN_SET:
		return HEADER_SIZE + sizeof(message->frequency_domain);
	case LINK_DOMAIN_ADD:
		return HEADER_SIZE + sizeof(message->domain);
	case LINK_VCPU_SET:
		return HEADER_SIZE + VCPU_SIZE +
		       message->vcpu.n_frequency_domains * sizeof(uint32_t);
	case LINK_CHANNEL_ADD:
	case LINK_CHANNEL_ENABLE:
		return HEADER_SIZE + sizeof(message->channel);
	case LINK_ACQUIRED:
		return HEADER_SIZE + sizeof(message->acquired);
	case LINK_OVERRIDE:
		return HEADER_SIZE + sizeof(message->override);
	case LINK_WRITE_FAILED:
		return HEADER_SIZE + sizeof(message->write_failed);
	case LINK_FOREIGN:
		return HEADER_SIZE + sizeof(message->foreign);
	case LINK_REFUSED:
		return HEADER_SIZE + sizeof(message->refused);
	case LINK_DOMAIN_REMOVE:
	case LINK_DOMAIN_SILENCE:
	case LINK_CHANNEL_REMOVE:
	case LINK_ACQUIRE:
	case LINK_RELEASE:
	case LINK_CHANNEL_GONE:
	case LINK_VIOLATION:
	case LINK_LOG_LEVEL:
		return HEADER_SIZE + sizeof(message->id);
	case LINK_READY:
	case LINK_PING:
	case LINK_PONG:
		return HEADER_SIZE;
	}
	return HEADER_SIZE;
}

static bool frequency_domain_valid(const struct link_frequency_domain *domain)
{
	const struct frequency_table *table = &domain->table;

	if (domain->id >= MAX_FREQUENCY_DOMAINS || domain->policy >= MAX_CPUS)
		return false;
	if (domain->method != METHOD_SETSPEED && domain->method != METHOD_LIMITS)
		return false;
	if (table->n_steps < 1 || table->n_steps > MAX_FREQUENCY_STEPS ||
	    table->non_turbo >= table->n_steps)
		return false;
	if (domain->floor > domain->ceiling || domain->ceiling >= table->n_steps)
		return false;
	/* 0 kHz is how "none" is told everywhere else */
	for (uint32_t step = 0; step < table->n_steps; step++)
		if (table->khz[step] <= (step > 0 ? table->khz[step - 1] : 0))
			return false;
	return true;
}

static bool domain_valid(const struct link_domain *domain)
{
	return domain->id < MAX_DOMAINS && domain->n_vcpus >= 1 &&
	       domain->n_vcpus <= MAX_DOMAIN_VCPUS && !(domain->commands & ~LINK_COMMANDS_ALL) &&
	       memchr(domain->name, '\0', sizeof(domain->name));
}

static bool vcpu_valid(const struct link_vcpu *vcpu)
{
	if (vcpu->domain >= MAX_DOMAINS || vcpu->vcpu >= MAX_DOMAIN_VCPUS ||
	    (vcpu->flags & ~VCPU_FLAGS))
		return false;
	for (uint32_t i = 0; i < vcpu->n_frequency_domains; i++)
		if (vcpu->frequency_domains[i] >= MAX_FREQUENCY_DOMAINS)
			return false;
	return true;
}

static bool to_monitor_valid(const struct link_message *message, unsigned int n_fds)
{
	switch ((enum link_type)message->type) {
	case LINK_SETUP:
		return n_fds == 1;
	case LINK_FREQUENCY_DOMAIN_SET:
		return n_fds == 0 && frequency_domain_valid(&message->frequency_domain);
	case LINK_DOMAIN_ADD:
		return n_fds == 0 && domain_valid(&message->domain);
	case LINK_VCPU_SET:
		return n_fds == 0 && vcpu_valid(&message->vcpu);
	case LINK_DOMAIN_REMOVE:
	case LINK_DOMAIN_SILENCE:
		return n_fds == 0 && message->id < MAX_DOMAINS;
	case LINK_CHANNEL_ADD:
		return n_fds == 1 && message->channel.id < MAX_CHANNELS &&
		       message->channel.number <= MAX_CHANNEL_NUMBER;
	case LINK_CHANNEL_ENABLE:
		return n_fds == 0 && message->channel.id < MAX_CHANNELS &&
		       message->channel.number <= MAX_CHANNEL_NUMBER;
	case LINK_CHANNEL_REMOVE:
		return n_fds == 0 && message->id < MAX_CHANNELS;
	case LINK_PING:
	case LINK_SETTINGS:
		return n_fds == 0;
	case LINK_LOG_LEVEL:
		return n_fds == 0 && message->id >= LOG_ERR && message->id <= LOG_DEBUG;
	case LINK_ACQUIRED:
		if (message->acquired.frequency_domain >= MAX_FREQUENCY_DOMAINS ||
		    message->acquired.why < ACQUIRED_ANSWER ||
		    message->acquired.why > ACQUIRED_RENEWED)
			return false;
		if (message->acquired.error != 0)
			return n_fds == 0 && message->acquired.error < 0;
		return n_fds == 1 || n_fds == 2;
	case LINK_OVERRIDE:
		return n_fds == 0 && message->override.domain < MAX_DOMAINS &&
		       message->override.vcpu < MAX_DOMAIN_VCPUS;
	default:
		return false;
	}
}

static bool to_manager_valid(const struct link_message *message, unsigned int n_fds)
{
	if (n_fds != 0)
		return false;
	switch ((enum link_type)message->type) {
	case LINK_READY:
	case LINK_VIOLATION:
	case LINK_PONG:
		return true;
	case LINK_ACQUIRE:
	case LINK_RELEASE:
		return message->id < MAX_FREQUENCY_DOMAINS;
	case LINK_CHANNEL_GONE:
		return message->id < MAX_CHANNELS;
	case LINK_WRITE_FAILED:
		return message->write_failed.frequency_domain < MAX_FREQUENCY_DOMAINS &&
		       message->write_failed.error < 0 &&
		       message->write_failed.error >= -LINK_MAX_ERRNO;
	case LINK_FOREIGN:
		return message->foreign.frequency_domain < MAX_FREQUENCY_DOMAINS &&
		       message->foreign.ours_khz > 0;
	case LINK_REFUSED:
		return message->refused.channel < MAX_CHANNELS &&
		       message->refused.refusal > REFUSED_NOT &&
		       message->refused.refusal < N_REFUSALS &&
		       message->refused.vcpu <= MAX_DOMAIN_VCPUS;
	default:
		return false;
	}
}

int link_validate(const struct link_message *message, size_t size, unsigned int n_fds,
		  enum link_direction direction)
{
	if (size < HEADER_SIZE)
		return -EPROTO;
	/* the one length that depends on a field: make sure that the field was received */
	if (message->type == LINK_VCPU_SET &&
	    (size < HEADER_SIZE + VCPU_SIZE ||
	     message->vcpu.n_frequency_domains > MAX_FREQUENCY_DOMAINS))
		return -EPROTO;
	if (size != link_size(message))
		return -EPROTO;
	if (direction == LINK_TO_MONITOR)
		return to_monitor_valid(message, n_fds) ? 0 : -EPROTO;
	return to_manager_valid(message, n_fds) ? 0 : -EPROTO;
}

int link_send(int fd, const struct link_message *message, const int *fds, unsigned int n_fds)
{
	return unix_send(fd, message, link_size(message), fds, n_fds, MSG_DONTWAIT);
}

int link_receive(int fd, struct link_message *message, int *fds, unsigned int *n_fds,
		 enum link_direction direction)
{
	ssize_t size;

	*n_fds = UNIX_MAX_FDS;
	size = unix_receive(fd, message, sizeof(*message), fds, n_fds, MSG_DONTWAIT);
	if (size <= 0) {
		*n_fds = 0;
		if (size == -EMSGSIZE)
			return -EPROTO;
		/* a peer that died with our messages unread */
		return size == -ECONNRESET ? 0 : (int)size;
	}
	if (link_validate(message, (size_t)size, *n_fds, direction) < 0) {
		for (unsigned int i = 0; i < *n_fds; i++)
			close_fd(&fds[i]);
		*n_fds = 0;
		return -EPROTO;
	}
	return 1;
}

const char *refusal_name(enum refusal refusal)
{
	static const char *const names[N_REFUSALS] = {
		[REFUSED_NOT] = "none",		 [REFUSED_VCPU] = "vcpu",
		[REFUSED_UNPINNED] = "unpinned", [REFUSED_NO_CPUFREQ] = "no-cpufreq",
		[REFUSED_COMMAND] = "command",	 [REFUSED_UNIT] = "unit",
		[REFUSED_PHYSICAL] = "physical", [REFUSED_WRITE] = "write",
		[REFUSED_ACQUIRE] = "acquire",	 [REFUSED_DENIED] = "denied",
	};

	return (unsigned int)refusal < N_REFUSALS ? names[refusal] : "unknown";
}

const char *refusal_remedy(enum refusal refusal)
{
	static const char *const remedies[N_REFUSALS] = {
		[REFUSED_NOT] = "it was not refused",
		[REFUSED_VCPU] = "the domain has no such vCPU: vCPUs are numbered from 0",
		[REFUSED_UNPINNED] = "the vCPU is not pinned: \"virsh vcpupin\" pins it",
		[REFUSED_NO_CPUFREQ] = "no CPU below the vCPU has a frequency to set: \"vmpowerctl "
				       "cpu\" shows which have",
		[REFUSED_COMMAND] = "vmpower does not do that command: see vmpower-protocol(7)",
		[REFUSED_UNIT] = "there is no such unit: see vmpower-protocol(7)",
		[REFUSED_PHYSICAL] = "guests name vCPUs, not CPUs of the host",
		[REFUSED_WRITE] = "the kernel refused the frequency: see the line about it",
		[REFUSED_ACQUIRE] = "the CPU's frequency files could not be opened: see vmpowerd's "
				    "line about it",
		[REFUSED_DENIED] = "the channel is disabled, or the domain may not do that: see "
				   "\"vmpowerctl show\"",
	};

	return (unsigned int)refusal < N_REFUSALS ? remedies[refusal] : "unknown";
}
