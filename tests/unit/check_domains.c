/* SPDX-License-Identifier: BSD-3-Clause */
/* What a report changes, and what is sent to the monitor. */
#include <stdio.h>

#include "common/log.h"
#include "helper/manager/log/journal.h"
#include "tests/unit/domains_stage.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)

TEST(a_pause_is_passed_on)
{
	struct link_message last;

	libvirt(XML("1", "vm", "yes"), monotonic_ns(), true);
	ck_assert(known()->paused);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_MAY_VOTE | VCPU_PROTECTED | VCPU_PAUSED);
	/* the hook can't know: a paused domain reconnects as well */
	hook(XML("1", "vm", "yes"));
	ck_assert(known()->paused);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 0);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert(!known()->paused);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_MAY_VOTE | VCPU_PROTECTED);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(n_sent, 0);
}

TEST(another_run_is_not_paused)
{
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), true);
	hook(XML("2", "vm", "yes"));
	ck_assert_int_eq(known()->description->id, 2);
	ck_assert(!known()->paused);
}

TEST(a_vcpu_is_plugged)
{
	struct link_message last;

	hook(XML("1", "vm", "no"));
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, 0);
	libvirt(XML("1", "vm", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(sent[0].type, LINK_VCPUS_SET); /* still the same domain */
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.first, 1);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_MAY_VOTE | VCPU_PROTECTED);
}

TEST(a_domain_is_renamed)
{
	struct link_message last;

	hook(XML("1", "vm", "yes"));
	n_sent = 0;
	libvirt(XML("1", "new", "yes"), monotonic_ns(), false);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(take(LINK_DOMAIN_ADD, &last), 1);
	ck_assert_str_eq(last.domain.name, "new");
	ck_assert_ptr_eq(registry_find(registry, "new"), known());
	ck_assert_ptr_null(registry_find(registry, "vm"));
}

static int unreadable(const char *uuid, const char *name, uint64_t asked_ns)
{
	return domains_report(domains, &(struct domain_report){.source = "libvirt",
							       .asked_ns = asked_ns,
							       .uuid = uuid,
							       .name = name,
							       .unreadable = "not XML"});
}

/* No vote moves a CPU that the vCPU may have left, until its XML can be read again. */
TEST(xml_that_cannot_be_read)
{
	struct link_message last;
	uint64_t now = monotonic_ns();

	ck_assert_int_eq(unreadable(UUID, NULL, now), -ENOENT);
	hook_at(XML("1", "vm", "yes"), now);
	n_sent = 0;
	ck_assert_int_eq(unreadable(UUID, NULL, now - 1), 0);
	ck_assert_uint_eq(n_sent, 0);
	ck_assert_int_eq(unreadable(UUID, NULL, now + 1), 0);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_PROTECTED);
	ck_assert_str_eq(known()->description->problem,
			 "requests are refused, since its XML can't be read: not XML");
	/* said once */
	ck_assert_int_eq(unreadable(UUID, NULL, now + 2), 0);
	ck_assert_uint_eq(n_sent, 0);
	/* an older good XML does not make up for it */
	libvirt(XML("1", "vm", "yes"), now + 1, false);
	ck_assert_uint_eq(n_sent, 0);
	libvirt(XML("1", "vm", "yes"), now + 3, false);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_MAY_VOTE | VCPU_PROTECTED);
	ck_assert_str_eq(known()->description->problem, "");
	/* by name, from a hook whose XML has no UUID either */
	ck_assert_int_eq(unreadable(NULL, "vm", now + 4), 0);
	ck_assert_uint_eq(take(LINK_VCPUS_SET, &last), 2);
	ck_assert_uint_eq(last.vcpus.flags, VCPU_PROTECTED);
}

/* The last error as the journal has it: its fields but PRIORITY and SYSLOG_IDENTIFIER, a line each
 */
static char journaled[1000];

static void on_log(void *context, const struct log_about *about, int priority, const char *text)
{
	static const char common[] = "PRIORITY=3\nSYSLOG_IDENTIFIER=vmpowerd\n";
	struct journal_entry entry;
	const char *cut;

	(void)context;
	if (priority > LOG_ERR)
		return;
	journal_entry(&entry, about, priority, text);
	entry.text[entry.size] = '\0';
	cut = strstr(entry.text, common);
	(void)snprintf(journaled, sizeof(journaled), "%.*s%s", (int)(cut - entry.text), entry.text,
		       cut + strlen(common));
}

#define NOT_SERVED "MESSAGE_ID=6f5b25d18d9642dbb3dd93aef469ce9e\n"

TEST(xml_that_cannot_be_read_is_found_in_the_journal)
{
	uint64_t now = monotonic_ns();

	log_set_tap(on_log, NULL);
	/* of a domain that is not known: all that the source knows */
	ck_assert_int_eq(unreadable(UUID, "vm", now), -ENOENT);
	ck_assert_str_eq(journaled,
			 "MESSAGE=domain \"vm\" (libvirt): not served: not XML\n" NOT_SERVED
			 "VMPOWER_DOMAIN=vm\nVMPOWER_DOMAIN_UUID=" UUID
			 "\nVMPOWER_REASON=not XML\n");
	ck_assert_int_eq(unreadable(UUID, NULL, now), -ENOENT);
	ck_assert_str_eq(journaled,
			 "MESSAGE=domain \"" UUID "\" (libvirt): not served: not XML\n" NOT_SERVED
			 "VMPOWER_DOMAIN_UUID=" UUID "\nVMPOWER_REASON=not XML\n");
	/* an update: by its UUID alone it is known by name */
	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_int_eq(unreadable(UUID, NULL, now + 1), 0);
	ck_assert_str_eq(
		journaled,
		"MESSAGE=domain \"vm\" (libvirt): not served in full: requests are refused, "
		"since its XML can't be read: not XML\n" NOT_SERVED
		"VMPOWER_DOMAIN=vm\nVMPOWER_DOMAIN_UUID=" UUID
		"\nVMPOWER_REASON=requests are refused, since its XML can't be read: not XML\n");
	/* once */
	journaled[0] = '\0';
	ck_assert_int_eq(unreadable(UUID, NULL, now + 2), 0);
	ck_assert_str_eq(journaled, "");
	log_set_tap(NULL, NULL);
}

/* The operator's override moves a CPU as well. */
TEST(an_override_rests_while_xml_cannot_be_read)
{
	struct link_message last;
	uint64_t now = monotonic_ns();

	hook_at(XML("1", "vm", "yes"), now);
	ck_assert_int_eq(domains_set_override(domains, known(), 1, 1200000), 0);
	n_sent = 0;
	ck_assert_int_eq(unreadable(UUID, NULL, now + 1), 0);
	ck_assert_uint_eq(take(LINK_OVERRIDE, &last), 1);
	ck_assert_uint_eq(last.override.khz, 0);
	libvirt(XML("1", "vm", "yes"), now + 2, false);
	ck_assert_uint_eq(take(LINK_OVERRIDE, &last), 1);
	ck_assert_uint_eq(last.override.khz, 1200000);
}

static int rebooted(int32_t id)
{
	return domains_report(domains, &(struct domain_report){.source = "libvirt",
							       .asked_ns = monotonic_ns(),
							       .uuid = UUID,
							       .rebooted = true,
							       .id = id});
}

/* A guest that died at min does not boot at min, with this monitor or with its successor. */
TEST(a_reboot_ends_the_votes)
{
	struct link_message last;

	ck_assert_int_eq(rebooted(1), -ENOENT);
	hook(XML("1", "vm", "yes"));
	shared.vcpus[known()->id][0].said = 7;
	n_sent = 0;
	ck_assert_int_eq(rebooted(1), 0);
	ck_assert_uint_eq(take(LINK_DOMAIN_SILENCE, &last), 1);
	ck_assert_uint_eq(last.id, known()->id);
	ck_assert_uint_eq(shared.vcpus[known()->id][0].said, 0);
	/* the former run's, told late: this run's votes stay */
	ck_assert_int_eq(rebooted(7), 0);
	ck_assert_uint_eq(n_sent, 0);
}

#define WITH_CHANNEL                                                                               \
	"<domain id='1'><name>vm</name><uuid>" UUID "</uuid><vcpu>1</vcpu><devices>"               \
	"<channel type='unix'><source mode='bind' path='/nowhere'/><target type='virtio' "         \
	"name='virtio.serial.port.poweragent.0'/></channel></devices></domain>"

/* A channel that was given up after QEMU hung up. */
TEST(a_start_connects_given_up_channels)
{
	uint64_t now = monotonic_ns();
	struct channel *channel;

	hook_at(WITH_CHANNEL, now);
	channel = &known()->channels[0];
	channel->state = CHANNEL_DISCONNECTED;
	channel->hung_up = true;
	channel->attempts = 10;
	libvirt(WITH_CHANNEL, now + 1, false);
	channel = &known()->channels[0];
	ck_assert_int_eq(channel->state, CHANNEL_DISCONNECTED);
	hook_at(WITH_CHANNEL, now + 2);
	channel = &known()->channels[0];
	ck_assert_int_eq(channel->state, CHANNEL_CONNECTING);
	ck_assert(!channel->hung_up && channel->attempts == 0);
	/* what the operator removed stays so */
	channel->state = CHANNEL_REMOVED;
	hook_at(WITH_CHANNEL, now + 3);
	ck_assert_int_eq(known()->channels[0].state, CHANNEL_REMOVED);
}
