/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tests' guest with DPDK's own power library. PID 1 and the control port are those of
 * tests/guest (guest-init.c); requests are carried out through the library's public API alone.
 * RETURN is what the library's function returned.
 *
 *   ping [WORD]                    ok [WORD]
 *   eal                            ok VERSION...   rte_eal_init() with a lcore a vCPU
 *   supported                      ok RETURN       rte_power_check_env_supported(KVM_VM)
 *   env kvm | none                 ok RETURN       rte_power_set_env(), rte_power_unset_env()
 *   init L | exit L                ok RETURN ENV   ENV: kvm, none, or a number
 *   up | down | max | min | turbo | noturbo L
 *                                  ok RETURN       rte_power_freq_*()
 *   alternate L COUNT              ok GOOD         COUNT times min and max; GOOD returned 1
 *   send L COMMAND [VCPU [UNIT [NAME]]]
 *                                  ok RETURN       rte_power_guest_channel_send_msg()
 *   policy L [KEY=VALUE...]        ok RETURN       sends a policy as guest_cli builds it, but for
 *                                                  type, workload, busy, quiet (hours), macs
 *   receive L answer|frequencies|capabilities [TRIES]
 *                                  ok RETURN TRIED [KEY=VALUE...]
 *                                                  rte_power_guest_channel_receive_msg(), which
 *                                                  waits 10 ms, until it has something
 *   drain L                        ok COUNT        answers that were not read
 *   reboot | poweroff              ok              and then does it
 *
 * An answer "error TEXT" means that the library was not called.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_power.h>
#include <rte_power_guest_channel.h>
#include <rte_version.h>

#include "tests/guest/commands.h"

#define PORTS_DIRECTORY "/sys/class/virtio-ports"
#define LINKS_DIRECTORY "/dev/virtio-ports"
#define MAX_WORDS 16
/* no huge pages, no devices, nothing shared with other processes */
#define EAL_ARGUMENTS "power-guest --no-shconf --no-huge -m 64 --no-pci --no-telemetry -l 0-%ld"
#define DRAIN_MAX 10000u
#define TRIES 500u /* of 10 ms */

/* As udev does: the library opens ports by name. */
static void link_port(const char *device)
{
	char path[300], name[128], target[300];
	FILE *file;

	snprintf(path, sizeof(path), PORTS_DIRECTORY "/%s/name", device);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, sizeof(name), file)) {
		name[strcspn(name, "\n")] = '\0';
		snprintf(path, sizeof(path), LINKS_DIRECTORY "/%s", name);
		snprintf(target, sizeof(target), "../%s", device);
		if (symlink(target, path) && errno != EEXIST)
			printf("guest: link %s: %s\n", path, strerror(errno));
	}
	fclose(file);
}

static void link_ports(void)
{
	DIR *directory = opendir(PORTS_DIRECTORY);
	struct dirent *entry;

	if (!directory)
		return;
	mkdir(LINKS_DIRECTORY, 0755);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			link_port(entry->d_name);
	closedir(directory);
}

/* Split a line into words. Return: how many; the rest of @words is NULL. */
static int split(char *line, char *words[MAX_WORDS + 1])
{
	char *rest = NULL;
	int n = 0;

	memset(words, 0, (MAX_WORDS + 1) * sizeof(*words));
	for (char *word = strtok_r(line, " \t\r", &rest); word && n < MAX_WORDS;
	     word = strtok_r(NULL, " \t\r", &rest))
		words[n++] = word;
	return n;
}

static void run_eal(char **words, char *answer)
{
	static char line[256], *arguments[MAX_WORDS + 1]; /* EAL keeps pointers to them */

	(void)words;
	link_ports();
	snprintf(line, sizeof(line), EAL_ARGUMENTS, sysconf(_SC_NPROCESSORS_ONLN) - 1);
	if (rte_eal_init(split(line, arguments), arguments) < 0)
		say(answer, "error rte_eal_init: %s", rte_strerror(rte_errno));
	else
		say(answer, "ok %s, %u lcores", rte_version(), rte_lcore_count());
}

static void run_supported(char **words, char *answer)
{
	(void)words;
	say(answer, "ok %d", rte_power_check_env_supported(PM_ENV_KVM_VM));
}

static void run_env(char **words, char *answer)
{
	int status = 0;

	if (words[1] && !strcmp(words[1], "kvm"))
		status = rte_power_set_env(PM_ENV_KVM_VM);
	else
		rte_power_unset_env();
	say(answer, "ok %d", status);
}

static void say_env(char *answer)
{
	enum power_management_env env = rte_power_get_env();

	if (env == PM_ENV_KVM_VM)
		say(answer, " kvm");
	else if (env == PM_ENV_NOT_SET)
		say(answer, " none");
	else
		say(answer, " %d", (int)env);
}

static unsigned int lcore_of(char **words)
{
	return words[1] ? (unsigned int)strtoul(words[1], NULL, 10) : 0;
}

static void run_init(char **words, char *answer)
{
	say(answer, "ok %d", rte_power_init(lcore_of(words)));
	say_env(answer);
}

static void run_exit(char **words, char *answer)
{
	say(answer, "ok %d", rte_power_exit(lcore_of(words)));
	say_env(answer);
}

/* The library sets these pointers with the environment. */
static const struct {
	const char *name;
	const rte_power_freq_change_t *function;
} changes[] = {
	{"up", &rte_power_freq_up},
	{"down", &rte_power_freq_down},
	{"max", &rte_power_freq_max},
	{"min", &rte_power_freq_min},
	{"turbo", &rte_power_freq_enable_turbo},
	{"noturbo", &rte_power_freq_disable_turbo},
};

static void run_change(char **words, char *answer)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (strcmp(words[0], changes[i].name) != 0)
			continue;
		if (*changes[i].function)
			say(answer, "ok %d", (*changes[i].function)(lcore_of(words)));
		else
			say(answer, "error no environment is set");
	}
}

static void run_alternate(char **words, char *answer)
{
	unsigned long count = words[1] && words[2] ? strtoul(words[2], NULL, 10) : 1, good = 0;
	unsigned int lcore = lcore_of(words);

	if (!rte_power_freq_min || !rte_power_freq_max) {
		say(answer, "error no environment is set");
		return;
	}
	for (unsigned long i = 0; i < count; i++) {
		good += rte_power_freq_min(lcore) == 1;
		good += rte_power_freq_max(lcore) == 1;
	}
	say(answer, "ok %lu", good);
}

static void run_send(char **words, char *answer)
{
	struct rte_power_channel_packet packet;

	if (!words[1] || !words[2]) {
		say(answer, "error send L COMMAND [VCPU [UNIT [NAME]]]");
		return;
	}
	memset(&packet, 0, sizeof(packet));
	packet.command = (uint32_t)strtoul(words[2], NULL, 10);
	if (words[3]) {
		packet.resource_id = strtoul(words[3], NULL, 10);
		if (words[4])
			packet.unit = (uint32_t)strtoul(words[4], NULL, 10);
		if (words[4] && words[5])
			memcpy(packet.vm_name, words[5],
			       strnlen(words[5], sizeof(packet.vm_name) - 1));
	}
	say(answer, "ok %d", rte_power_guest_channel_send_msg(&packet, lcore_of(words)));
}

static void put_hours(int32_t hours[RTE_POWER_HOURS_PER_DAY], char *list)
{
	char *rest = NULL;
	int n = 0;

	memset(hours, 0, RTE_POWER_HOURS_PER_DAY * sizeof(hours[0]));
	for (char *hour = strtok_r(list, ",", &rest); hour && n < RTE_POWER_HOURS_PER_DAY;
	     hour = strtok_r(NULL, ",", &rest))
		hours[n++] = (int32_t)strtol(hour, NULL, 10);
}

/* set_policy_defaults() of examples/vm_power_manager/guest_cli, with 2 vCPUs */
static void set_policy_defaults(struct rte_power_channel_packet *packet)
{
	static const int busy[] = {3, 4, 5}, quiet[] = {11, 12, 13}, traffic[] = {8, 10};

	memset(packet, 0, sizeof(*packet));
	packet->command = RTE_POWER_PKT_POLICY;
	snprintf(packet->vm_name, sizeof(packet->vm_name), "ubuntu2");
	packet->traffic_policy.min_packet_thresh = 96000;
	packet->traffic_policy.avg_max_packet_thresh = 1800000;
	packet->traffic_policy.max_max_packet_thresh = 2000000;
	packet->vcpu_to_control[1] = 1;
	packet->num_vcpu = 2;
	memcpy(packet->timer_policy.busy_hours, busy, sizeof(busy));
	memcpy(packet->timer_policy.quiet_hours, quiet, sizeof(quiet));
	memcpy(packet->timer_policy.hours_to_use_traffic_profile, traffic, sizeof(traffic));
	packet->core_type = RTE_POWER_CORE_TYPE_VIRTUAL;
	packet->workload = RTE_POWER_WL_LOW;
	packet->policy_to_use = RTE_POWER_POLICY_TIME;
}

static void run_policy(char **words, char *answer)
{
	struct rte_power_channel_packet packet;

	set_policy_defaults(&packet);
	for (char **word = words + 2; words[1] && *word; word++) {
		char *value = strchr(*word, '=');

		if (!value) {
			say(answer, "error policy L [KEY=VALUE...]");
			return;
		}
		*value++ = '\0';
		if (!strcmp(*word, "busy"))
			put_hours(packet.timer_policy.busy_hours, value);
		else if (!strcmp(*word, "quiet"))
			put_hours(packet.timer_policy.quiet_hours, value);
		else if (!strcmp(*word, "workload"))
			packet.workload = (enum rte_power_workload_level)strtoul(value, NULL, 10);
		else if (!strcmp(*word, "macs"))
			packet.nb_mac_to_monitor = (int)strtol(value, NULL, 10);
		else
			packet.policy_to_use = (enum rte_power_policy)strtoul(value, NULL, 10);
	}
	say(answer, "ok %d", rte_power_guest_channel_send_msg(&packet, lcore_of(words)));
}

static void say_frequencies(char *answer, const struct rte_power_channel_packet_freq_list *list)
{
	say(answer, " command=%u num_vcpu=%u khz=", list->command, list->num_vcpu);
	for (int i = 0; i < RTE_POWER_MAX_VCPU_PER_VM; i++)
		say(answer, "%s%u", i ? "," : "", list->freq_list[i]);
}

static void say_capabilities(char *answer, const struct rte_power_channel_packet_caps_list *list)
{
	say(answer, " command=%u num_vcpu=%u turbo=", list->command, list->num_vcpu);
	for (int i = 0; i < RTE_POWER_MAX_VCPU_PER_VM; i++)
		say(answer, "%s%llu", i ? "," : "", (unsigned long long)list->turbo[i]);
	say(answer, " priority=");
	for (int i = 0; i < RTE_POWER_MAX_VCPU_PER_VM; i++)
		say(answer, "%s%llu", i ? "," : "", (unsigned long long)list->priority[i]);
}

static void run_receive(char **words, char *answer)
{
	union {
		struct rte_power_channel_packet packet;
		struct rte_power_channel_packet_freq_list frequencies;
		struct rte_power_channel_packet_caps_list capabilities;
	} reply;
	const char *what = words[1] && words[2] ? words[2] : "answer";
	bool frequencies = !strcmp(what, "frequencies"),
	     capabilities = !strcmp(what, "capabilities");
	unsigned long tries =
		words[1] && words[2] && words[3] ? strtoul(words[3], NULL, 10) : TRIES;
	unsigned long tried = 0;
	int status;
	size_t size = frequencies    ? sizeof(reply.frequencies)
		      : capabilities ? sizeof(reply.capabilities)
				     : sizeof(reply.packet);

	memset(&reply, 0, sizeof(reply));
	do {
		status = rte_power_guest_channel_receive_msg(&reply, size, lcore_of(words));
	} while (++tried < tries && status != 0);
	say(answer, "ok %d %lu", status, tried);
	if (status)
		return;
	if (frequencies)
		say_frequencies(answer, &reply.frequencies);
	else if (capabilities)
		say_capabilities(answer, &reply.capabilities);
	else
		say(answer, " command=%u vcpu=%llu unit=%u", reply.packet.command,
		    (unsigned long long)reply.packet.resource_id, reply.packet.unit);
}

static void run_drain(char **words, char *answer)
{
	struct rte_power_channel_packet packet;
	unsigned int count = 0;

	while (count < DRAIN_MAX &&
	       !rte_power_guest_channel_receive_msg(&packet, sizeof(packet), lcore_of(words)))
		count++;
	say(answer, "ok %u", count);
}

static void run_ping(char **words, char *answer)
{
	say(answer, words[1] ? "ok %s" : "ok", words[1]);
}

static const struct {
	const char *name;
	void (*run)(char **words, char *answer);
	enum after after;
} commands[] = {
	{"ping", run_ping, AFTER_NOTHING},	     {"eal", run_eal, AFTER_NOTHING},
	{"supported", run_supported, AFTER_NOTHING}, {"env", run_env, AFTER_NOTHING},
	{"init", run_init, AFTER_NOTHING},	     {"exit", run_exit, AFTER_NOTHING},
	{"up", run_change, AFTER_NOTHING},	     {"down", run_change, AFTER_NOTHING},
	{"max", run_change, AFTER_NOTHING},	     {"min", run_change, AFTER_NOTHING},
	{"turbo", run_change, AFTER_NOTHING},	     {"noturbo", run_change, AFTER_NOTHING},
	{"alternate", run_alternate, AFTER_NOTHING}, {"send", run_send, AFTER_NOTHING},
	{"policy", run_policy, AFTER_NOTHING},	     {"receive", run_receive, AFTER_NOTHING},
	{"drain", run_drain, AFTER_NOTHING},	     {"reboot", run_ping, AFTER_REBOOT},
	{"poweroff", run_ping, AFTER_POWEROFF},
};

enum after command_run(char *line, char answer[ANSWER_MAX])
{
	char *words[MAX_WORDS + 1];
	int n = split(line, words);

	answer[0] = '\0';
	for (size_t i = 0; n && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(words[0], commands[i].name)) {
			commands[i].run(words, answer);
			return commands[i].after;
		}
	}
	say(answer, "error unknown request %s", n ? words[0] : "");
	return AFTER_NOTHING;
}
