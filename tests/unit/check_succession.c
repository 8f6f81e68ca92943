/* SPDX-License-Identifier: BSD-3-Clause */
/* When domains' files are written: a few in each turn of the loop, and none is forgotten. */
#include "helper/manager/domains/succession.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "helper/manager/registry/saved_domain.h"
#include "tests/unit/runner.h"
#include "xml/domain_xml.h"

#define N_DOMAINS 40

static char directory[] = "/tmp/check_succession.XXXXXX";
static struct loop *loop;
static struct registry *registry;
static struct events events;
static struct succession *succession;
static struct domain *domains[N_DOMAINS];
static struct {
	unsigned int n;		      /* all */
	unsigned int n_in_turn, most; /* in this turn; in any */
	uint64_t turn;
	unsigned int of[N_DOMAINS];
} written;
static bool goes_on; /* the first domain changes again whenever it is saved */

/* Longer than what is left of a turn's time: the next file has to wait for the next turn. */
char *saved_domain_format(const struct domain *domain)
{
	int number = atoi(domain->description->name + 2);

	ck_assert(number >= 0 && number < N_DOMAINS);
	if (loop_turn(loop) != written.turn)
		written.n_in_turn = 0;
	written.turn = loop_turn(loop);
	written.n++;
	written.of[number]++;
	if (++written.n_in_turn > written.most)
		written.most = written.n_in_turn;
	(void)usleep(3000);
	return strdup("text");
}

int saved_domain_parse(const char *text, size_t size, struct saved_domain *saved)
{
	(void)text;
	(void)size;
	(void)saved;
	return -EPROTO;
}

void saved_domain_free(struct saved_domain *saved)
{
	(void)saved;
}

static bool has_file(const struct domain *domain)
{
	char path[120];

	(void)snprintf(path, sizeof(path), "%s/domains/%s", directory, domain->description->uuid);
	return access(path, F_OK) == 0;
}

static void set_up(void)
{
	struct succession_parts parts = {.events = &events, .runtime_dir = directory};

	log_init("check", LOG_CRIT);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(registry_new(&registry), 0);
	memset(&written, 0, sizeof(written));
	goes_on = false;
	parts.loop = loop;
	parts.registry = registry;
	ck_assert_int_eq(succession_new(&parts, &succession), 0);
	succession_begin(succession);
	for (int i = 0; i < N_DOMAINS; i++) {
		struct domain_description *description;
		struct xml_error error;
		char xml[200];

		(void)snprintf(xml, sizeof(xml),
			       "<domain type='kvm' id='%d'><name>vm%d</name><uuid>"
			       "00000000-0000-0000-0000-0000000000%02d</uuid><vcpu>1</vcpu>"
			       "</domain>",
			       i + 1, i, i);
		ck_assert_int_eq(domain_xml_parse(xml, strlen(xml), &description, &error), 0);
		ck_assert_int_eq(registry_add(registry, description, &domains[i]), 0);
		events_emit_domain(&events, EVENT_DOMAIN_REGISTERED, domains[i], NULL);
	}
}

static void tear_down(void)
{
	char path[sizeof(directory) + 8];

	succession_forget(succession);
	succession_free(succession);
	registry_free(registry);
	loop_free(loop);
	(void)snprintf(path, sizeof(path), "%s/domains", directory);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	strcpy(directory, "/tmp/check_succession.XXXXXX");
}

/* Runs until there are so many files, in turns of its own. */
static struct {
	struct loop_timer timer;
	unsigned int until;
	unsigned int n; /* its turns */
} other;

static void on_other(struct loop_timer *timer)
{
	other.n++;
	if (goes_on)
		events_emit_domain(&events, EVENT_DOMAIN_CHANGED, domains[0], NULL);
	if (written.n >= other.until)
		loop_quit(loop, 0);
	else
		loop_timer_set(loop, timer, 0);
}

static void run_until(unsigned int n_written)
{
	other.timer = (struct loop_timer){.on_expiry = on_other};
	other.until = n_written;
	other.n = 0;
	loop_timer_set(loop, &other.timer, 0);
	ck_assert_int_eq(loop_run(loop), 0);
}

FIXTURE(set_up, tear_down)

TEST(others_have_their_turns_between_files)
{
	run_until(N_DOMAINS);
	ck_assert_uint_eq(written.most, 1);
	ck_assert_uint_ge(other.n, N_DOMAINS);
	for (int i = 0; i < N_DOMAINS; i++)
		ck_assert(written.of[i] == 1 && has_file(domains[i]));
}

TEST(the_rest_is_written_at_the_end)
{
	run_until(3);
	ck_assert(!has_file(domains[N_DOMAINS - 1]));
	/* one that has ended has no file */
	events_emit_domain(&events, EVENT_DOMAIN_UNREGISTERED, domains[30], NULL);
	registry_remove(registry, domains[30]);
	succession_save(succession);
	for (int i = 0; i < N_DOMAINS; i++)
		ck_assert(written.of[i] == (i != 30) && (i == 30 || has_file(domains[i])));
	/* nothing is due afterwards */
	run_until(0);
	ck_assert_uint_eq(written.n, N_DOMAINS - 1);
}

TEST(one_that_keeps_changing_delays_no_other)
{
	goes_on = true;
	run_until(N_DOMAINS + 2);
	for (int i = 0; i < N_DOMAINS; i++)
		ck_assert_uint_ge(written.of[i], 1);
}
