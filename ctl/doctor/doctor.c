/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command_line/text.h"
#include "ctl/common/print.h"
#include "ctl/common/style.h"
#include "ctl/doctor/checks.h"

#define INDENT 19 /* of a finding's text */

static void check_rights(struct doctor *doctor)
{
	if (geteuid() == 0)
		return;
	doctor_add(doctor, HEALTH_NOTE, "some checks need root");
	doctor_remedy(doctor, "use sudo");
}

/* The order matters: later checks use what earlier ones found. Several may share a name. */
static const struct {
	const char *name;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{"doctor", check_rights},
	{"config", check_config},
	{"daemon", check_daemon},
	{"monitor", check_monitor},
	{"libvirt", check_connection},
	{"foreign", check_foreign},
	{"sockets", check_sockets},
	{"baseline", check_baseline},
	{"hook", check_hook},
	{"libvirt", check_libvirt},
	{"hook", check_hook_seen},
	{"selinux", check_selinux},
	{"apparmor", check_apparmor},
	{"cpufreq", check_cpufreq},
	{"cpufreq", check_intel_pstate},
	{"smt", check_siblings},
	{"writers", check_writers},
	{"nova", check_nova},
	{"domains", check_known_domains},
	{"domains", check_running_domains},
};

/* Print a finding's text: wrapped and indented on a terminal, else in one line */
static void print_words(const char *text)
{
	size_t width = ctl_terminal_width(), column = INDENT;

	if (width < 2 * INDENT) {
		(void)printf("%s\n", text);
		return;
	}
	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > INDENT && column + 1 + length > width) {
			(void)printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			(void)fputc(' ', stdout);
			column++;
		}
		(void)printf("%.*s", (int)length, text);
		column += length;
		text += length + strspn(text + length, " ");
	}
	(void)fputc('\n', stdout);
}

static void print_finding(json_t *finding)
{
	static const enum style styles[] = {STYLE_GOOD, STYLE_PLAIN, STYLE_WARNING, STYLE_BAD};
	const char *status = ctl_text(finding, "status"), *remedy = ctl_text(finding, "remedy");
	cleanup_free char *line =
		text_make("%s%s%s", ctl_text(finding, "text"), *remedy ? "; remedy: " : "", remedy);
	enum health health = HEALTH_OK;

	while (health < HEALTH_PROBLEM && strcmp(status, health_name(health)) != 0)
		health++;
	(void)printf("%s%-7s%s  %-8s  ", style(stdout, styles[health]), status,
		     style(stdout, STYLE_PLAIN), ctl_text(finding, "check"));
	print_words(line ? line : "out of memory");
}

static void print_all(const struct doctor *doctor)
{
	json_t *finding;

	ctl_for_each (finding, doctor->findings)
		print_finding(finding);
	(void)fputc('\n', stdout);
	for (int health = HEALTH_PROBLEM; health > HEALTH_OK; health--)
		(void)printf("%d %s%s%s", doctor->n[health], health_name((enum health)health),
			     doctor->n[health] == 1 ? "" : "s", health > HEALTH_NOTE ? ", " : "\n");
}

static void print_json(const struct doctor *doctor)
{
	cleanup_json json_t *all =
		json_pack("{s:i, s:i, s:i, s:O}", "problems", doctor->n[HEALTH_PROBLEM], "warnings",
			  doctor->n[HEALTH_WARNING], "notes", doctor->n[HEALTH_NOTE], "findings",
			  doctor->findings);

	ctl_print_json(all, JSON_INDENT(2));
}

int ctl_doctor(const struct ctl *ctl)
{
	struct doctor doctor = {
		.ctl = ctl,
		.root = ctl->root ? ctl->root : "",
		.findings = json_array(),
	};

	for (size_t i = 0; i < array_size(checks); i++) {
		doctor.check = checks[i].name;
		checks[i].run(&doctor);
	}
	if (ctl->json)
		print_json(&doctor);
	else
		print_all(&doctor);
	json_decref(doctor.findings);
	json_decref(doctor.status);
	json_decref(doctor.cpus);
	json_decref(doctor.known);
	return doctor.n[HEALTH_PROBLEM] + doctor.n[HEALTH_WARNING] > 0 ? CTL_FAILED : CTL_OK;
}
