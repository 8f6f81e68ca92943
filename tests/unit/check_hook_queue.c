/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/hook_queue.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/run_turn.h"
#include "tests/unit/runner.h"

#define XML "<domain type='kvm' id='1'><name>%s</name><uuid>" UUID "</uuid><vcpu>1</vcpu></domain>"
#define UUID "11111111-1111-1111-1111-111111111111"

static struct loop *loop;
static struct hook_queue queue;
static char acted[512]; /* "a+ b+ a-": started, ended */
static uint32_t n_acted;

/* The linker takes it before the library's. */
int domains_report(struct domains *domains, const struct domain_report *report)
{
	size_t at = strlen(acted);

	(void)domains;
	n_acted++;
	(void)snprintf(acted + at, sizeof(acted) - at, "%s%s%c", at ? " " : "", report->name,
		       report->starts ? '+' : '-');
	ck_assert_str_eq(report->uuid, UUID);
	if (report->starts) {
		ck_assert_str_eq(report->running->name, report->name);
		domain_description_free(report->running);
	}
	return 0;
}

static void set_up(void)
{
	acted[0] = '\0';
	n_acted = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	hook_queue_init(&queue, loop, NULL);
}

static void tear_down(void)
{
	hook_queue_clear(&queue);
	loop_free(loop);
}

FIXTURE(set_up, tear_down)

/* @size: more than @text has is filled up with spaces */
static int file_of(const char *text, size_t size)
{
	int fd = memfd_create("xml", MFD_CLOEXEC);
	char *xml = malloc(size);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(xml);
	memset(xml, ' ', size);
	memcpy(xml, text, strlen(text));
	ck_assert_int_eq(write(fd, xml, size), (ssize_t)size);
	free(xml);
	return fd;
}

/* Return: the event's file */
static int add_sized(enum hook_operation operation, const char *name, size_t size)
{
	struct hook_event event = {.operation = operation};
	char xml[256];
	int fd;

	(void)snprintf(event.domain, sizeof(event.domain), "%s", name);
	(void)snprintf(xml, sizeof(xml), XML, name);
	event.xml_size = (uint32_t)(size ? size : strlen(xml));
	fd = file_of(xml, event.xml_size);
	hook_queue_add(&queue, &event, fd);
	return fd;
}

static int add(enum hook_operation operation, const char *name)
{
	return add_sized(operation, name, 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

TEST(acts_on_one_event_a_turn_in_order)
{
	int first = add(HOOK_STARTED, "a"), second = add(HOOK_STARTED, "b");

	add(HOOK_STOPPED, "a");
	ck_assert_str_eq(acted, "");
	run_turn(loop);
	ck_assert_str_eq(acted, "a+");
	ck_assert(!is_open(first));
	ck_assert(is_open(second));
	add(HOOK_RECONNECT, "a"); /* heard in between: last */
	run_turn(loop);
	ck_assert_str_eq(acted, "a+ b+");
	run_turn(loop);
	run_turn(loop);
	ck_assert_str_eq(acted, "a+ b+ a- a+");
	ck_assert_uint_eq(queue.timer.due_ns, 0); /* nothing ticks */
	ck_assert_uint_eq(queue.bytes, 0);
}

TEST(has_room_for_so_many_events)
{
	for (uint32_t i = 0; i < HOOK_QUEUE_EVENTS; i++)
		add(HOOK_RELEASE, "x");
	ck_assert_uint_eq(n_acted, 0);
	add(HOOK_RELEASE, "x");
	ck_assert_uint_eq(n_acted, 1);
	hook_queue_finish(&queue);
	ck_assert_uint_eq(n_acted, HOOK_QUEUE_EVENTS + 1);
}

TEST(has_room_for_so_many_bytes)
{
	for (uint32_t i = 0; i < HOOK_QUEUE_BYTES / MAX_DOMAIN_XML; i++)
		add_sized(HOOK_RELEASE, "x", MAX_DOMAIN_XML);
	ck_assert_uint_eq(n_acted, 0);
	add(HOOK_RELEASE, "x");
	ck_assert_uint_eq(n_acted, 1);
}

TEST(finishes_at_once)
{
	add(HOOK_STARTED, "a");
	add(HOOK_RELEASE, "a");
	hook_queue_finish(&queue);
	ck_assert_str_eq(acted, "a+ a-");
	run_turn(loop);
	ck_assert_str_eq(acted, "a+ a-");
}

TEST(forgets)
{
	int fd = add(HOOK_STARTED, "a");

	hook_queue_clear(&queue);
	ck_assert(!is_open(fd));
	run_turn(loop);
	ck_assert_str_eq(acted, "");
}
