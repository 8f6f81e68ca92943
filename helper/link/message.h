/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link between manager and monitor: a SOCK_SEQPACKET connection that carries one struct
 * link_message per packet, with fds. The monitor listens, managers come and go, one at a time. The
 * two programs share this folder and common/, nothing else.
 *
 * Ids are indices into the manager's arrays, reused after a REMOVE: domain id < MAX_DOMAINS,
 * channel id = domain id * MAX_DOMAIN_CHANNELS + index, frequency domain id <
 * MAX_FREQUENCY_DOMAINS. Messages are handled in order. An invalid message is a fault of its
 * sender: if the monitor receives one, it exits; if the manager receives one, it drops the link.
 *
 * A link begins with the monitor's HELLO, a duplicate of each channel, and HELLO_END. The manager
 * says SETUP, then everything that there is, as to a monitor that knows nothing, but for the
 * channels that the monitor has; then SYNCED. What is known keeps its votes; what was not named
 * is gone. Meanwhile the monitor serves guests with what it has.
 *
 * Life of a frequency domain: FREQUENCY_DOMAIN_SET announces it. On the first vote or override the
 * monitor sends ACQUIRE. The manager saves the baseline, prepares the governor and answers
 * ACQUIRED, with the fds to write to or with an error (the monitor tries again after a while). When
 * the last vote and override are gone, or silence has decided for a while, the monitor closes the
 * fds and sends RELEASE, and the manager restores the baseline. The manager also sends ACQUIRED
 * unsolicited: see enum acquired_reason. If a SET changes the method of an acquired frequency
 * domain, the monitor releases and acquires it again.
 */
#ifndef VMPOWER_HELPER_LINK_MESSAGE_H
#define VMPOWER_HELPER_LINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/bounds.h"
#include "common/cpuset.h"
#include "common/domain_settings.h"
#include "common/frequency_method.h"
#include "helper/link/frequency.h"
#include "helper/link/policy.h"
#include "helper/link/refusal.h"
#include "helper/link/vote.h"

/* The monitor's fds; its system call filter knows them. */
#define LINK_LISTEN_FD 3
/* The link has this number, or the next: a manager that connects is asked who it is before it
 * replaces another one. */
#define LINK_FD 4
#define LINK_FD_MASK (UINT32_MAX - 1)

/*
 * Increase it with every change of a message or of its meaning. HELLO, CHANNEL_HELD, HELLO_END and
 * END never change: with them a manager takes over from a monitor of any version.
 */
#define LINK_VERSION 6u

enum link_direction { LINK_TO_MONITOR, LINK_TO_MANAGER };

/*
 * The message types: X(type, number, direction, field of the union, minimum and maximum of fds,
 * check of the content (check_... in message.c)).
 */
#define LINK_TYPES(X)                                                                              \
	/* a manager's first message; fd: the memfd of the shared state, if HELLO came without */  \
	X(LINK_SETUP, 1, LINK_TO_MONITOR, setup, 0, 1, setup)                                      \
	/* a new frequency domain, or a new table, limits or method of a known one */              \
	X(LINK_FREQUENCY_DOMAIN_SET, 2, LINK_TO_MONITOR, frequency_domain, 0, 0, frequency_domain) \
	/* a new domain, or new settings of a known one, which keeps votes and channels */         \
	X(LINK_DOMAIN_ADD, 3, LINK_TO_MONITOR, domain, 0, 0, domain)                               \
	/* new vCPUs, or a new pinning of known ones, which keep their votes */                    \
	X(LINK_VCPUS_SET, 4, LINK_TO_MONITOR, vcpus, 0, 0, vcpus)                                  \
	/* close its channels, drop its votes */                                                   \
	X(LINK_DOMAIN_REMOVE, 5, LINK_TO_MONITOR, id, 0, 0, domain_id)                             \
	/* its guest boots again: drop its votes */                                                \
	X(LINK_DOMAIN_SILENCE, 6, LINK_TO_MONITOR, id, 0, 0, domain_id)                            \
	/* fd: the connected socket */                                                             \
	X(LINK_CHANNEL_ADD, 7, LINK_TO_MONITOR, channel, 1, 1, channel)                            \
	/* requests on a disabled channel are answered with NACK */                                \
	X(LINK_CHANNEL_ENABLE, 8, LINK_TO_MONITOR, channel, 0, 0, channel)                         \
	X(LINK_CHANNEL_REMOVE, 9, LINK_TO_MONITOR, id, 0, 0, channel_id)                           \
	/* fds: scaling_setspeed, or scaling_min_freq and scaling_max_freq; none with an error */  \
	X(LINK_ACQUIRED, 10, LINK_TO_MONITOR, acquired, 0, 2, acquired)                            \
	/* the operator fixes a vCPU's frequency, or releases it */                                \
	X(LINK_OVERRIDE, 11, LINK_TO_MONITOR, override, 0, 0, override)                            \
	/* answered with PONG: proves that the monitor's loop runs */                              \
	X(LINK_PING, 12, LINK_TO_MONITOR, nothing, 0, 0, any)                                      \
	/* replaces the settings of SETUP */                                                       \
	X(LINK_SETTINGS, 13, LINK_TO_MONITOR, settings, 0, 0, any)                                 \
	/* id: the new log level, LOG_ERR to LOG_DEBUG */                                          \
	X(LINK_LOG_LEVEL, 14, LINK_TO_MONITOR, id, 0, 0, log_level)                                \
	/* everything was sent since SETUP: what was not named is gone */                          \
	X(LINK_SYNCED, 15, LINK_TO_MONITOR, nothing, 0, 0, any)                                    \
	/* the local hour: the answer to HOUR_WANTED, or the clock or zone was set since */        \
	X(LINK_HOUR, 16, LINK_TO_MONITOR, hour, 0, 0, hour)                                        \
	/* fd: the memfd of struct traffic_area, in place of a former one */                       \
	X(LINK_TRAFFIC_AREA, 17, LINK_TO_MONITOR, nothing, 1, 1, any)                              \
	/* the interfaces of a known domain, all of them */                                        \
	X(LINK_INTERFACES, 18, LINK_TO_MONITOR, interfaces, 0, 0, interfaces)                      \
	/* SETUP is done */                                                                        \
	X(LINK_READY, 32, LINK_TO_MANAGER, nothing, 0, 0, any)                                     \
	X(LINK_ACQUIRE, 33, LINK_TO_MANAGER, id, 0, 0, frequency_domain_id)                        \
	X(LINK_RELEASE, 34, LINK_TO_MANAGER, id, 0, 0, frequency_domain_id)                        \
	/* the guest hung up; the monitor has closed the channel */                                \
	X(LINK_CHANNEL_GONE, 35, LINK_TO_MANAGER, id, 0, 0, channel_id)                            \
	/* once when writes begin to fail, not per write */                                        \
	X(LINK_WRITE_FAILED, 36, LINK_TO_MANAGER, write_failed, 0, 0, write_failed)                \
	/* the monitor's last message; id: number of the forbidden system call */                  \
	X(LINK_VIOLATION, 37, LINK_TO_MANAGER, id, 0, 0, any)                                      \
	X(LINK_PONG, 38, LINK_TO_MANAGER, nothing, 0, 0, any)                                      \
	/* a sample of a channel's refused requests, for the log */                                \
	X(LINK_REFUSED, 39, LINK_TO_MANAGER, refused, 0, 0, refused)                               \
	/* a policy goes by the hour, which is unknown, or over */                                 \
	X(LINK_HOUR_WANTED, 40, LINK_TO_MANAGER, nothing, 0, 0, any)                               \
	/* a policy goes by a domain's traffic, or none does any more */                           \
	X(LINK_TRAFFIC_WANTED, 41, LINK_TO_MANAGER, traffic_wanted, 0, 0, traffic_wanted)          \
	/* the monitor's first message; fd: the shared state, unless it has none yet */            \
	X(LINK_HELLO, 60, LINK_TO_MANAGER, hello, 0, 1, any)                                       \
	/* fd: a duplicate of the socket of a channel that it serves */                            \
	X(LINK_CHANNEL_HELD, 61, LINK_TO_MANAGER, id, 1, 1, channel_id)                            \
	X(LINK_HELLO_END, 62, LINK_TO_MANAGER, nothing, 0, 0, any)                                 \
	/* write nothing more, and exit: all is put back, or another monitor goes on with it */    \
	X(LINK_END, 63, LINK_TO_MONITOR, nothing, 0, 0, any)

enum link_type {
#define LINK_ENUMERATOR(type, number, ...) type = (number),
	LINK_TYPES(LINK_ENUMERATOR)
#undef LINK_ENUMERATOR
};

/* Settings of all domains, until the next LINK_SETTINGS. */
struct link_settings {
	uint8_t silence_protects; /* [arbitration] silence */
	uint8_t pad[3];
	uint32_t total_rate; /* [channel] total-rate, requests/s of all channels; 0: unlimited */
	uint32_t transition_interval_us;
};

/* Which file a program was started from, as stat(2) tells: an upgrade installs another one. */
struct link_program {
	uint64_t device, inode, size;
	int64_t modified_ns; /* since 1970 */
};

/** link_program_of() - of a file's status */
static inline struct link_program link_program_of(const struct stat *st)
{
	return (struct link_program){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.modified_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec,
	};
}

struct link_hello {
	uint32_t version;	/* LINK_VERSION */
	uint32_t state_version; /* SHARED_STATE_VERSION */
	struct link_program program;
};

struct link_setup {
	uint32_t version; /* LINK_VERSION */
	struct link_settings settings;
};

struct link_frequency_domain {
	uint32_t id;
	uint32_t method;	   /* enum frequency_method */
	uint32_t floor;		   /* step: config's lower limit */
	uint32_t ceiling;	   /* step: config's upper limit, >= floor */
	uint32_t baseline_max_khz; /* the baseline's upper limit; 0: unknown */
	uint8_t priority; /* flag: guaranteed a higher frequency than others; guests may query it */
	uint8_t pad[3];
	struct frequency_table table;
};

struct link_domain {
	uint32_t id;
	uint32_t n_vcpus; /* 1..MAX_DOMAIN_VCPUS */
	uint64_t run;	  /* another number under a known id: another domain, or started anew */
	struct domain_settings settings;
	char name[MAX_DOMAIN_NAME]; /* for log lines */
};

#define VCPU_MAY_VOTE 1u  /* pinned, or config lets unpinned vCPUs vote */
#define VCPU_PROTECTED 2u /* while silent it must not be slower than without us */
#define VCPU_PAUSED 4u	  /* neither its vote nor its silence counts */
#define VCPU_FLAGS (VCPU_MAY_VOTE | VCPU_PROTECTED | VCPU_PAUSED)

#define LINK_VCPUS 64 /* at most in one message: it bounds what a message costs the monitor */

/* vCPUs with consecutive numbers that have all of this in common, but for what they said. */
struct link_vcpus {
	uint32_t domain;
	uint32_t first, n;		 /* n: 1..LINK_VCPUS */
	uint32_t flags;			 /* VCPU_* */
	struct cpuset frequency_domains; /* ids, not CPUs */
	/* to begin with, taken over from a predecessor: vote_pack(); only the first n are sent */
	uint32_t said[LINK_VCPUS];
};

_Static_assert(MAX_FREQUENCY_DOMAINS <= MAX_CPUS, "a cpuset holds ids of frequency domains");

struct link_channel {
	uint32_t id;
	uint32_t number; /* n of the port's name, for log lines */
	uint8_t enabled;
	uint8_t pad[3];
};

struct link_override {
	uint32_t domain;
	uint32_t vcpu;
	uint32_t khz; /* 0: release */
};

struct link_hour {
	uint32_t hour; /* < POLICY_HOURS */
	uint32_t pad;
	uint64_t until_ns; /* CLOCK_MONOTONIC: when it is over */
};

#define INTERFACE_PRESENT 1u /* else nothing else is said of the slot */
#define INTERFACE_COUNTED 2u /* its packets are, in this slot of the area, while that is wanted */
#define INTERFACE_NAMED 4u   /* the operator's policy goes by it */
#define INTERFACE_FLAGS (INTERFACE_PRESENT | INTERFACE_COUNTED | INTERFACE_NAMED)

struct link_interface {
	uint8_t mac[MAC_SIZE];
	uint8_t flags; /* INTERFACE_* */
	uint8_t pad;
};

struct link_interfaces {
	uint32_t domain;
	uint32_t pad;
	struct link_interface slots[MAX_DOMAIN_INTERFACES];
};

struct link_traffic_wanted {
	uint32_t domain;
	uint32_t wanted; /* 0 or 1 */
};

/*
 * Messages cross, so ACQUIRED says why it was sent. Otherwise the monitor could mistake one for the
 * answer to an ACQUIRE that the manager has not seen, and write before a baseline is saved.
 */
enum acquired_reason {
	ACQUIRED_ANSWER = 1, /* to an ACQUIRE: one each, in order */
	/*
	 * Between SETUP and SYNCED, after all votes: new files for what is acquired, to keep or
	 * release. Dropped if the monitor has sent ACQUIRE or RELEASE since SETUP. What it had
	 * acquired and is not sent by SYNCED is not acquired any more.
	 */
	ACQUIRED_TAKEN_OVER = 2,
	/*
	 * New files for a frequency domain that the monitor has acquired: write the target to them.
	 * With an error: earlier writes are void and nothing can be written for now. Dropped if the
	 * monitor has not acquired the frequency domain, or has released it.
	 */
	ACQUIRED_RENEWED = 3,
};

struct link_acquired {
	uint32_t frequency_domain;
	int32_t error;	   /* 0 or -errno */
	uint8_t reason;	   /* enum acquired_reason */
	uint8_t restarted; /* RENEWED: the driver was restarted and may assume a frequency */
	uint8_t decides;   /* enum deciding_limit, of method limits */
	uint8_t pad;
	/* the baseline's limits; 0: unknown */
	uint32_t baseline_min_khz, baseline_max_khz;
};

struct link_refused {
	uint32_t channel;
	uint32_t refusal; /* enum refusal, not REFUSAL_NONE */
	uint32_t vcpu;	  /* in the request; MAX_DOMAIN_VCPUS: the domain has no such vCPU */
	uint32_t more;	  /* the domain's other refusals since its last LINK_REFUSED */
};

#define LINK_MAX_ERRNO 4095 /* the kernel's MAX_ERRNO */

struct link_write_failed {
	uint32_t frequency_domain;
	int32_t error; /* -errno, not below -LINK_MAX_ERRNO */
	uint32_t khz;
};

struct link_message {
	uint32_t type; /* enum link_type */
	uint32_t pad;
	union {
		struct link_hello hello;
		struct link_setup setup;
		struct link_settings settings;
		struct link_frequency_domain frequency_domain;
		struct link_domain domain;
		struct link_vcpus vcpus;
		struct link_channel channel;
		struct link_acquired acquired;
		struct link_override override;
		struct link_hour hour;
		struct link_interfaces interfaces;
		struct link_traffic_wanted traffic_wanted;
		struct link_write_failed write_failed;
		struct link_refused refused;
		uint32_t id; /* for types that only name an object */
		struct {
		} nothing; /* for types without content */
	};
};

/** link_type_name() - "VCPUS_SET", ... for log lines; "unknown" for any other value */
const char *link_type_name(uint32_t type);

/** link_size() - bytes of this message on the wire: header and used part of the union */
size_t link_size(const struct link_message *message);

/**
 * link_validate() - is a received message valid? Pure.
 * @message:	buffer of full size, of which @size bytes were received
 * @n_fds:	number of fds that came with it
 * @direction:	which side received it
 *
 * Checks type, exact size, number of fds, every id and count against its bound, tables
 * (ascending, steps inside) and strings (NUL-terminated); not whether an id is in use.
 *
 * Return: 0 or -EPROTO.
 */
int link_validate(const struct link_message *message, size_t size, unsigned int n_fds,
		  enum link_direction direction);

/**
 * link_send() - send one message, non-blocking; @fds remain the caller's
 *
 * Return: 0; -EAGAIN (socket full: wait for EPOLLOUT); -errno.
 */
int link_send(int fd, const struct link_message *message, const int *fds, unsigned int n_fds);

/** link_is_full() - does a send's -errno mean that there will be room later? */
bool link_is_full(int error);

/**
 * link_receive() - receive and validate one message, non-blocking
 * @fds:	room for UNIX_MAX_FDS; received fds are owned by the caller
 * @n_fds:	set to the number of fds; 0 unless the result is 1
 *
 * Return: 1; 0 (the other side is gone); -EAGAIN; -EPROTO (invalid message); -errno.
 */
int link_receive(int fd, struct link_message *message, int *fds, unsigned int *n_fds,
		 enum link_direction direction);

#endif
