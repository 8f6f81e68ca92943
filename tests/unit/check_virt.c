/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following libvirt, on libvirt's own test driver. The test acts as the operator; the thread under
 * test has its own connection to the same host.
 */
#include "helper/manager/sources/virt.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/manager/loop/loop.h"
#include "tests/unit/runner.h"

#define URI "test:///default" /* all connections of a process share it */
#define PATIENCE_NS UINT64_C(60000000000)
#define MAX_TOLD 64

struct told {
	char what; /* 'r'unning, 'p'aused, 's'topped, 'l'isted, 'u'nreadable, re'b'ooted */
	char text[4096];
	uint64_t asked_ns;
};

static struct {
	struct loop *loop;
	struct loop_timer patience;
	struct virt *virt;
	struct told told[MAX_TOLD];
	size_t n_told;
	char wanted; /* what ends the loop */
	const char *wanted_text;
	size_t from; /* looked at up to here */
	int rebooted_id;
	int lookup_error;
	char lookup_xml[4096];
} t;

static virConnectPtr operator_connection;

static char lost[VIR_UUID_STRING_BUFLEN]; /* a domain that the connection no longer knows */

/* The thread under test calls these in place of libvirt's. */
int virDomainIsActive(virDomainPtr domain)
{
	int (*real)(virDomainPtr) = (int (*)(virDomainPtr))dlsym(RTLD_NEXT, "virDomainIsActive");
	char uuid[VIR_UUID_STRING_BUFLEN];

	ck_assert_ptr_nonnull(real);
	if (virDomainGetUUIDString(domain, uuid) == 0 && strcmp(uuid, lost) == 0)
		return real(NULL); /* an error other than "unknown" */
	return real(domain);
}

static bool xml_fails;

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
	char *(*real)(virDomainPtr, unsigned int) =
		(char *(*)(virDomainPtr, unsigned int))dlsym(RTLD_NEXT, "virDomainGetXMLDesc");

	ck_assert_ptr_nonnull(real);
	return __atomic_load_n(&xml_fails, __ATOMIC_SEQ_CST) ? NULL : real(domain, flags);
}

/* The test driver has no reboots: the test calls what the thread has registered for them. */
static void (*reboot)(virConnectPtr connection, virDomainPtr domain, void *opaque);
static void *reboot_opaque;

int virConnectDomainEventRegisterAny(virConnectPtr connection, virDomainPtr domain, int id,
				     virConnectDomainEventGenericCallback callback, void *opaque,
				     virFreeCallback free_opaque)
{
	int (*real)(virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback, void *,
		    virFreeCallback) =
		(int (*)(virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback,
			 void *, virFreeCallback))dlsym(RTLD_NEXT,
							"virConnectDomainEventRegisterAny");

	ck_assert_ptr_nonnull(real);
	if (id == VIR_DOMAIN_EVENT_ID_REBOOT) {
		reboot = (void (*)(virConnectPtr, virDomainPtr, void *))callback;
		reboot_opaque = opaque;
	}
	return real(connection, domain, id, callback, opaque, free_opaque);
}

/* How many threads of this process call libvirt? */
static int libvirt_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int n = 0;

	ck_assert_ptr_nonnull(tasks);
	while ((task = readdir(tasks))) {
		char path[300], name[32] = "";
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		file = fopen(path, "re");
		if (!file)
			continue; /* it has ended */
		if (fgets(name, sizeof(name), file))
			n += strcmp(name, "libvirt\n") == 0;
		(void)fclose(file);
	}
	(void)closedir(tasks);
	return n;
}

static void on_patience(struct loop_timer *timer)
{
	(void)timer;
	loop_quit(t.loop, -ETIMEDOUT);
}

static void tell(char what, const char *text, size_t size, uint64_t asked_ns)
{
	struct told *told = &t.told[t.n_told++];

	ck_assert_uint_lt(t.n_told, MAX_TOLD);
	ck_assert_uint_lt(size, sizeof(told->text));
	told->what = what;
	told->asked_ns = asked_ns;
	memcpy(told->text, text, size);
	told->text[size] = '\0';
	if (what == t.wanted && strstr(told->text, t.wanted_text))
		loop_quit(t.loop, 0);
}

static void on_running(void *context, const struct virt_about *about, const char *xml, size_t size)
{
	(void)context;
	ck_assert_uint_le(about->asked_ns, monotonic_ns());
	ck_assert_ptr_nonnull(strstr(xml, about->uuid));
	tell(about->paused ? 'p' : 'r', xml, size, about->asked_ns);
}

static void on_unreadable(void *context, const struct virt_about *about, const char *reason)
{
	(void)context;
	ck_assert_ptr_nonnull(reason);
	tell('u', about->uuid, strlen(about->uuid), about->asked_ns);
}

static void on_rebooted(void *context, const struct virt_about *about)
{
	(void)context;
	t.rebooted_id = about->id;
	tell('b', about->uuid, strlen(about->uuid), about->asked_ns);
}

static void on_stopped(void *context, const struct virt_about *about)
{
	(void)context;
	tell('s', about->uuid, strlen(about->uuid), about->asked_ns);
}

static void on_listed(void *context, const char (*uuids)[UUID_SIZE], size_t n, uint64_t asked_ns)
{
	(void)context;
	tell('l', n > 0 ? uuids[0] : "", n > 0 ? 36 : 0, asked_ns);
}

/* Run the loop until that is reported. */
static const struct told *await(char what, const char *text)
{
	t.wanted = what;
	t.wanted_text = text;
	for (; t.from < t.n_told; t.from++) {
		if (t.told[t.from].what == what && strstr(t.told[t.from].text, text))
			return &t.told[t.from++];
	}
	loop_timer_set(t.loop, &t.patience, PATIENCE_NS);
	ck_assert_msg(loop_run(t.loop) == 0, "not told of: %c %s", what, text);
	loop_timer_cancel(t.loop, &t.patience);
	while (t.told[t.from].what != what || !strstr(t.told[t.from].text, text))
		t.from++;
	return &t.told[t.from++];
}

static void start(const char *uri)
{
	const struct virt_handlers handlers = {
		.running = on_running,
		.unreadable = on_unreadable,
		.rebooted = on_rebooted,
		.stopped = on_stopped,
		.listed = on_listed,
	};

	ck_assert_int_eq(virt_new(t.loop, uri, &handlers, &t.virt), 0);
}

static void no_print(void *opaque, virErrorPtr error)
{
	(void)opaque;
	(void)error;
}

static void set_up(void)
{
	memset(&t, 0, sizeof(t));
	t.patience.on_expiry = on_patience;
	ck_assert_int_eq(loop_new(&t.loop), 0);
	virSetErrorFunc(NULL, no_print);
	/* start the thread first: it registers libvirt's event loop */
	start(URI);
	(void)await('l', "");
	operator_connection = virConnectOpen(URI);
	ck_assert_ptr_nonnull(operator_connection);
}

static void tear_down(void)
{
	(void)virConnectClose(operator_connection);
	virt_free(t.virt);
	loop_free(t.loop);
	/* virt_free() waits for the thread with a limit; the process must not exit beside it */
	while (libvirt_threads() > 0)
		(void)sched_yield();
}

static virDomainPtr domain(void)
{
	virDomainPtr domain = virDomainLookupByName(operator_connection, "test");

	ck_assert_ptr_nonnull(domain);
	return domain;
}

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(running_domains_are_listed)
{
	const struct told *listed = NULL, *running = NULL;

	for (size_t i = 0; i < t.n_told; i++) {
		if (t.told[i].what == 'l')
			listed = &t.told[i];
		if (t.told[i].what == 'r')
			running = &t.told[i];
	}
	ck_assert_ptr_nonnull(listed);
	ck_assert_ptr_nonnull(running);
	/* first the domains, then the end of the list, dated before the first was asked */
	ck_assert(running < listed);
	ck_assert_uint_le(listed->asked_ns, running->asked_ns);
	ck_assert_ptr_nonnull(strstr(running->text, "<name>test</name>"));
	ck_assert_ptr_nonnull(strstr(running->text, listed->text));
	ck_assert(virt_connected(t.virt));
}

TEST(a_domain_is_paused_and_goes_on)
{
	virDomainPtr test = domain();

	ck_assert_int_eq(virDomainSuspend(test), 0);
	(void)await('p', "<name>test</name>");
	ck_assert_int_eq(virDomainResume(test), 0);
	(void)await('r', "<name>test</name>");
	(void)virDomainFree(test);
}

TEST(a_domain_stops_and_starts)
{
	virDomainPtr test = domain();
	char uuid[VIR_UUID_STRING_BUFLEN];
	uint64_t before = monotonic_ns();

	ck_assert_int_eq(virDomainGetUUIDString(test, uuid), 0);
	ck_assert_int_eq(virDomainDestroy(test), 0);
	ck_assert_uint_ge(await('s', uuid)->asked_ns, before);
	virt_refresh(t.virt, uuid); /* it does not run: nothing is reported */
	ck_assert_int_eq(virDomainCreate(test), 0);
	(void)await('r', uuid);
	for (size_t i = 0; i < t.n_told; i++)
		ck_assert(t.told[i].what != 'r' || strstr(t.told[i].text, " id='"));
	(void)virDomainFree(test);
}

#define TRANSIENT(n)                                                                               \
	"<domain type='test'><name>passing</name>"                                                 \
	"<uuid>11111111-2222-3333-4444-55555555555" n "</uuid>"                                    \
	"<memory>1024</memory><os><type>hvm</type></os></domain>"

/* It runs, and then libvirt no longer knows it. */
static virDomainPtr run_transient(const char *xml, char uuid[VIR_UUID_STRING_BUFLEN])
{
	virDomainPtr passing = virDomainCreateXML(operator_connection, xml, 0);

	ck_assert_ptr_nonnull(passing);
	ck_assert_int_eq(virDomainGetUUIDString(passing, uuid), 0);
	(void)await('r', uuid);
	return passing;
}

TEST(a_transient_domain_ends)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	virDomainPtr passing = run_transient(TRANSIENT("1"), uuid);

	ck_assert_int_eq(virDomainDestroy(passing), 0);
	(void)await('s', uuid);
	(void)virDomainFree(passing);
}

/* After "stopped" libvirt says nothing reliable about the domain. */
TEST(unknown_domain_is_not_reported)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	virDomainPtr passing = run_transient(TRANSIENT("2"), uuid), test = domain();

	(void)strcpy(lost, uuid);
	ck_assert_int_eq(virDomainDestroy(passing), 0);
	ck_assert_int_eq(virDomainSuspend(test), 0);
	(void)await('p', "<name>test</name>"); /* events arrive in order */
	for (size_t i = 0; i < t.n_told; i++)
		ck_assert(t.told[i].what != 's');
	(void)virDomainFree(passing);
	(void)virDomainFree(test);
}

TEST(a_domain_is_rebooted)
{
	virDomainPtr test = domain();
	char uuid[VIR_UUID_STRING_BUFLEN];

	ck_assert_int_eq(virDomainGetUUIDString(test, uuid), 0);
	ck_assert_ptr_nonnull(reboot);
	reboot(operator_connection, test, reboot_opaque);
	(void)await('b', uuid);
	ck_assert_int_eq(t.rebooted_id, (int)virDomainGetID(test));
	(void)virDomainFree(test);
}

/* It runs, and libvirt can't give its XML: what was known may be wrong. */
TEST(xml_is_not_to_be_had)
{
	virDomainPtr test = domain();
	char uuid[VIR_UUID_STRING_BUFLEN];

	ck_assert_int_eq(virDomainGetUUIDString(test, uuid), 0);
	__atomic_store_n(&xml_fails, true, __ATOMIC_SEQ_CST);
	virt_refresh(t.virt, uuid);
	(void)await('u', uuid);
	__atomic_store_n(&xml_fails, false, __ATOMIC_SEQ_CST);
	virt_refresh(t.virt, uuid);
	(void)await('r', uuid);
	(void)virDomainFree(test);
}

TEST(refresh_reports_a_domain_again)
{
	virDomainPtr test = domain();
	char uuid[VIR_UUID_STRING_BUFLEN];
	size_t n;

	ck_assert_int_eq(virDomainGetUUIDString(test, uuid), 0);
	n = t.n_told;
	virt_refresh(t.virt, uuid);
	(void)await('r', uuid);
	ck_assert_uint_eq(t.n_told, n + 1);
	virt_refresh(t.virt, "00000000-0000-0000-0000-000000000001");
	virt_refresh(t.virt, uuid);
	(void)await('r', uuid);
	ck_assert_uint_eq(t.n_told, n + 2);
	(void)virDomainFree(test);
}

static void found(void *context, int error, const char *xml, size_t size, uint64_t asked_ns)
{
	(void)context;
	ck_assert(asked_ns > 0 && asked_ns <= monotonic_ns());
	t.lookup_error = error;
	ck_assert_uint_lt(size, sizeof(t.lookup_xml));
	if (xml)
		memcpy(t.lookup_xml, xml, size + 1);
	loop_quit(t.loop, 0);
}

TEST(lookups_are_answered)
{
	ck_assert_int_gt(virt_lookup(t.virt, "test", found, NULL), 0);
	ck_assert_int_eq(loop_run(t.loop), 0);
	ck_assert_int_eq(t.lookup_error, 0);
	ck_assert_ptr_nonnull(strstr(t.lookup_xml, "<name>test</name>"));
	ck_assert_int_gt(virt_lookup(t.virt, "no such", found, NULL), 0);
	ck_assert_int_eq(loop_run(t.loop), 0);
	ck_assert_int_eq(t.lookup_error, -ENOENT);
}

/* A transient domain whose name is the UUID of "test". */
TEST(a_name_that_is_a_uuid)
{
	virDomainPtr test = domain(), liar;
	char uuid[VIR_UUID_STRING_BUFLEN], xml[512];

	ck_assert_int_eq(virDomainGetUUIDString(test, uuid), 0);
	(void)snprintf(xml, sizeof(xml),
		       "<domain type='test'><name>%s</name><memory>1024</memory>"
		       "<os><type>hvm</type></os></domain>",
		       uuid);
	liar = virDomainCreateXML(operator_connection, xml, 0);
	ck_assert_ptr_nonnull(liar);
	ck_assert_int_gt(virt_lookup(t.virt, uuid, found, NULL), 0);
	ck_assert_int_eq(loop_run(t.loop), 0);
	ck_assert_int_eq(t.lookup_error, 0);
	ck_assert_ptr_nonnull(strstr(t.lookup_xml, "<name>test</name>"));
	ck_assert_int_eq(virDomainDestroy(liar), 0);
	(void)virDomainFree(liar);
	(void)virDomainFree(test);
}

/* No libvirt: the thread retries, and the loop neither waits nor spins. */
TEST(libvirt_is_away)
{
	virt_free(t.virt);
	start("qemu+unix:///system?socket=/nonexistent/vmpower-test");
	ck_assert(!virt_connected(t.virt));
	ck_assert_int_eq(virt_lookup(t.virt, "test", found, NULL), -ENOTCONN);
	virt_refresh(t.virt, "00000000-0000-0000-0000-000000000001");
}

TEST(without_libvirt)
{
	virt_free(t.virt);
	start("none");
	ck_assert(!virt_connected(t.virt));
	ck_assert_int_eq(virt_lookup(t.virt, "test", found, NULL), -ENOTCONN);
	virt_refresh(t.virt, "00000000-0000-0000-0000-000000000001");
	ck_assert_str_eq(virt_uri(t.virt), "none");
}
