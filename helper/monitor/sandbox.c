/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/monitor/syscall_rule.h"

/* A sanitizer's runtime opens files and starts threads, up to the end of the process. */
#ifdef __SANITIZE_ADDRESS__
#define CONFINED false
#else
#define CONFINED true
#endif

/* What libc itself needs. */
static const struct syscall_rule libc_syscalls[] = {
	ALLOW_IF(write, 0, UINT32_MAX, STDERR_FILENO, "log lines, a failed assertion"),
	ALLOW(brk, "malloc() for domains and channels that are added"),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0, "malloc() of large pieces; never executable"),
	ALLOW(munmap, "free() of those"),
	ALLOW(mremap, "realloc() of those"),
	ALLOW(exit_group, "the manager has gone, or a forbidden call was made"),
	END_OF_RULES,
};

static const struct syscall_rule *const all_rules[] = {
	channel_monitor_syscalls, monitor_state_syscalls,    monitor_link_syscalls,
	guest_channel_syscalls,	  frequency_writer_syscalls, libc_syscalls,
};

static int failed(const char *what, int error)
{
	log_error("can't be confined: %s: %s; no guest is served without", what, strerror(-error));
	return error;
}

/* --- 1: namespaces ------------------------------------------------------------------- */

/* A new root that is an empty tmpfs, with the old one gone from below it. */
static int empty_root(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, "size=4k") < 0 ||
	    chdir("/tmp") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID,
		  NULL) < 0)
		return -errno;
	return 0;
}

/* In a container even root may lack the right. The filter below allows no call with a path anyway.
 */
static void leave_namespaces(void)
{
	int r = 0;

	if (geteuid() != 0)
		return;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		r = -errno;
	if (r == 0)
		r = empty_root();
	if (r < 0)
		log_notice("keeps its view of the file system: %s; it can't open anything in it "
			   "all the same",
			   strerror(-r));
}

/* --- 2: user and capabilities ----------------------------------------------------------- */

static int drop_user(const struct link_setup *setup)
{
	uid_t uid = setup->uid;
	gid_t gid = setup->gid;

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

/* --- 3: memory that other processes could read --------------------------------------------- */

static int keep_memory_private(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("no_new_privs", -errno);
	/* After the change of user, which sets it anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return failed("forbidding core dumps", -errno);
	return 0;
}

/* --- 4: system calls -------------------------------------------------------------------------- */

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
	(void)sendmsg(LINK_FD, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	_exit(128 + signal);
}

static int add_rule(scmp_filter_ctx filter, const struct syscall_rule *rule)
{
	struct scmp_arg_cmp condition = {
		.arg = rule->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = rule->mask,
		.datum_b = rule->value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->number, rule->mask ? 1 : 0,
				      &condition);
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

int sandbox_enter(const struct link_setup *setup)
{
	int r;

	if (!CONFINED)
		return 0;
	leave_namespaces();
	drop_bounding_set();
	r = drop_user(setup);
	if (r == 0)
		r = drop_capabilities();
	if (r == 0)
		r = keep_memory_private();
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
