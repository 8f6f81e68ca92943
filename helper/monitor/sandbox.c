/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/link/message.h"
#include "helper/monitor/state/syscall_rule.h"

/* A sanitizer's runtime opens files and starts threads, up to the end of the process. */
#ifdef __SANITIZE_ADDRESS__
#define CONFINED false
#else
#define CONFINED true
#endif

/*
 * The shared state takes 310 MiB of it, 128k channels 80 MiB, and 64,000 vCPUs that may run on any
 * of 1,792 frequency domains 1 GiB. No host has more.
 */
#define ADDRESS_SPACE ((rlim_t)2 << 30)
#define LOG_GROWTH (1 << 20)

/* What libc itself needs. */
static const struct syscall_rule libc_syscalls[] = {
	ALLOW_IF(write, 0, UINT32_MAX, STDERR_FILENO, "log lines, a failed assertion"),
	ALLOW(brk, "malloc() for domains and channels that are added"),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0,
		 "malloc() of large pieces; the shared state, the traffic area"),
	ALLOW(munmap, "free() of those"),
	ALLOW(exit_group, "the manager has gone, or a forbidden call was made"),
	{0},
};

static const struct syscall_rule *const all_rules[] = {
	channel_monitor_syscalls,  monitor_state_syscalls,
	monitor_link_syscalls,	   guest_channel_syscalls,
	frequency_writer_syscalls, managers_syscalls,
	traffic_syscalls,	   libc_syscalls,
};

static int failed(const char *what, int error)
{
	log_error("can't be confined: %s: %s; no guest is served without", what, strerror(-error));
	return error;
}

/* --- 1: user and capabilities ----------------------------------------------------------- */

static int drop_user(const struct sandbox_user *user)
{
	uid_t uid = user->uid;
	gid_t gid = user->gid;

	if (geteuid() != 0 || uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return failed("changing its user", -errno);
	return 0;
}

/* Before changing user: afterwards we lack CAP_SETPCAP. */
static void drop_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		return failed("dropping capabilities", -errno);
	return 0;
}

/* --- 2: memory that other processes could read --------------------------------------------- */

static int limit(int resource, rlim_t value)
{
	const struct rlimit both = {value, value};

	return setrlimit(resource, &both);
}

static int keep_memory_private(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("no_new_privs", -errno);
	/* After the change of user, which sets it anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || limit(RLIMIT_CORE, 0) < 0)
		return failed("forbidding core dumps", -errno);
	return 0;
}

/* --- 3: files, and whatever else can be named ------------------------------------------------ */

/* struct landlock_ruleset_attr of the latest kernels; older ones take the part that they know. */
struct ruleset {
	uint64_t files, network, scopes;
};

static struct ruleset ruleset_of(long abi)
{
	/* make, remove, read, write, execute, ...: each later version has some more */
	static const unsigned int file_rights[] = {0, 13, 14, 15, 15, 16};
	unsigned int n = file_rights[abi < (long)array_size(file_rights)
					     ? abi
					     : (long)array_size(file_rights) - 1];

	return (struct ruleset){
		.files = (UINT64_C(1) << n) - 1,
		.network = abi >= 4 ? 3 : 0, /* TCP: bind, connect */
		.scopes = abi >= 6 ? 3 : 0,  /* abstract sockets, signals */
	};
}

static size_t ruleset_size(long abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset);
	return abi >= 4 ? offsetof(struct ruleset, scopes) : offsetof(struct ruleset, network);
}

/* No rule, so nothing is allowed; what is open stays open. */
static int leave_files(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* the version */);
	struct ruleset rules;
	int fd;

	if (abi < 1) {
		log_info("this kernel has no Landlock: %s", strerror(errno));
		return 0;
	}
	rules = ruleset_of(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, ruleset_size(abi), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
		int r = -errno;

		close_fd(&fd);
		return failed("Landlock", r);
	}
	close_fd(&fd);
	return 0;
}

/* --- 4: the host's memory and disks ---------------------------------------------------------- */

/* sysfs has no sizes, so the limit of file size is for the log alone, where it is a file. */
static int limit_sizes(void)
{
	rlim_t file_size = 4096;
	struct stat log;

	if (fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode))
		file_size = (rlim_t)log.st_size + LOG_GROWTH;
	/* main() ignores SIGXFSZ, so a write that goes beyond fails */
	if (limit(RLIMIT_FSIZE, file_size) < 0 || limit(RLIMIT_AS, ADDRESS_SPACE) < 0)
		return failed("limiting its memory and files", -errno);
	return 0;
}

/* --- 5: system calls -------------------------------------------------------------------------- */

/* Async-signal-safe, and all of it allowed by the filter. */
static void on_violation(int signal, siginfo_t *info, void *context)
{
	const struct {
		uint32_t type, pad;
		uint32_t id;
	} message = {.type = LINK_VIOLATION, .id = (uint32_t)info->si_syscall};
	struct iovec iov = {(void *)&message, sizeof(message)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	_Static_assert(offsetof(struct link_message, id) == 8, "the head of a link_message");
	(void)context;
	/* one is the link; the other leads nowhere */
	(void)sendmsg(LINK_FD, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sendmsg(LINK_FD + 1, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	_exit(128 + signal);
}

static int add_rule(scmp_filter_ctx filter, const struct syscall_rule *rule)
{
	struct scmp_arg_cmp conditions[RULE_CONDITIONS];
	unsigned int n = 0;

	for (; n < RULE_CONDITIONS && rule->only[n].mask; n++)
		conditions[n] = (struct scmp_arg_cmp){
			.arg = rule->only[n].arg,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = rule->only[n].mask,
			.datum_b = rule->only[n].value,
		};
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->number, n, conditions);
}

static void release_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int filter_syscalls(void)
{
	scmp_filter_ctx filter cleanup(release_filter) = seccomp_init(SCMP_ACT_TRAP);
	struct sigaction action = {.sa_sigaction = on_violation, .sa_flags = SA_SIGINFO};
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < array_size(all_rules); i++) {
		for (const struct syscall_rule *rule = all_rules[i]; r == 0 && rule->name; rule++)
			r = add_rule(filter, rule);
	}
	if (r == 0 && sigaction(SIGSYS, &action, NULL) < 0)
		r = -errno;
	if (r == 0)
		r = seccomp_load(filter);
	return r < 0 ? failed("filtering system calls", r) : 0;
}

int sandbox_enter(const struct sandbox_user *user)
{
	int r;

	if (!CONFINED)
		return 0;
	drop_bounding_set();
	r = drop_user(user);
	if (r == 0)
		r = drop_capabilities();
	if (r == 0)
		r = keep_memory_private();
	if (r == 0)
		r = leave_files();
	if (r == 0)
		r = limit_sizes();
	if (r == 0)
		r = filter_syscalls();
	return r;
}

void sandbox_print(FILE *to)
{
	for (size_t i = 0; i < array_size(all_rules); i++) {
		for (const struct syscall_rule *rule = all_rules[i]; rule->name; rule++)
			(void)fprintf(to, "%-16s %s\n", rule->name, rule->reason);
	}
}
