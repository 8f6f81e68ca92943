/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenStack's nova-compute can manage the power of dedicated CPUs ([libvirt] cpu_power_management):
 * it takes them offline, or writes their governor. docs/HOSTS.md says what follows.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/frequency_method.h"
#include "common/value.h"
#include "ctl/common/print.h"
#include "ctl/doctor/checks.h"

/* What of nova.conf matters, and how much of it could be read. */
struct nova {
	bool seen; /* a file exists */
	bool read; /* and was read */
	bool manages;
	bool governor; /* by the strategy "governor", else "cpu_state" */
};

static bool is_true(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0 ||
	       strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

/* @line: "key = value" in section [libvirt] */
static void take_line(struct nova *nova, char *line)
{
	char *equals = strchr(line, '=');
	const char *key, *value;

	if (!equals)
		return;
	*equals = '\0';
	key = value_trim(line);
	value = value_trim(equals + 1);
	if (strcmp(key, "cpu_power_management") == 0)
		nova->manages = is_true(value);
	else if (strcmp(key, "cpu_power_management_strategy") == 0)
		nova->governor = strcmp(value, "governor") == 0;
}

/* oslo.config's files: the last value counts, in one file and of several */
static void read_file(struct nova *nova, const char *path)
{
	cleanup_fclose FILE *file = fopen(path, "re");
	cleanup_free char *buffer = NULL;
	size_t size = 0;
	bool ours = false;

	nova->seen |= file || errno == EACCES;
	nova->read |= file != NULL;
	while (file && getline(&buffer, &size, file) >= 0) {
		char *line = value_trim(buffer);

		if (*line == '[')
			ours = strncmp(line, "[libvirt]", strlen("[libvirt]")) == 0;
		else if (ours && *line != '#' && *line != ';')
			take_line(nova, line);
	}
}

static void read_all(const struct doctor *doctor, struct nova *nova)
{
	/* of packages, devstack, Kolla, TripleO */
	static const char *const places[] = {
		"/etc/nova/nova.conf",
		"/etc/nova/nova-cpu.conf",
		"/etc/nova/nova.conf.d/*.conf",
		"/etc/kolla/nova-compute/nova.conf",
		"/var/lib/config-data/puppet-generated/nova_libvirt/etc/nova/nova.conf",
	};

	for (size_t i = 0; i < array_size(places); i++) {
		cleanup_free char *pattern = doctor_path(doctor, "%s", places[i]);
		glob_t found = {0};

		if (pattern && glob(pattern, GLOB_NOMAGIC, NULL, &found) == 0) {
			for (size_t n = 0; n < found.gl_pathc; n++)
				read_file(nova, found.gl_pathv[n]);
		}
		globfree(&found);
	}
}

/* Does vmpowerd use method setspeed for any CPU? */
static bool uses_setspeed(json_t *cpus)
{
	json_t *cpu;

	ctl_for_each (cpu, cpus) {
		if (strcmp(ctl_text(cpu, "method"), METHOD_NAME_SETSPEED) == 0)
			return true;
	}
	return false;
}

static void find_conflict(struct doctor *doctor, const struct nova *nova)
{
	static const char by_governor[] =
		"nova-compute writes scaling_governor of dedicated CPUs as instances come and go, "
		"and "
		"of all when it starts (cpu_power_management_strategy = governor)";
	static const char by_state[] =
		"nova-compute takes dedicated CPUs offline and online as instances come and go "
		"(cpu_power_management_strategy = cpu_state)";
	const char *what = nova->governor ? by_governor : by_state;

	if (!doctor->cpus) {
		doctor_add(doctor, HEALTH_NOTE,
			   "%s: method limits gets on with that; vmpowerd does not answer which "
			   "method it uses",
			   what);
	} else if (!uses_setspeed(doctor->cpus)) {
		doctor_add(doctor, HEALTH_OK, "%s: method limits gets on with that", what);
		return;
	} else if (nova->governor) {
		doctor_add(
			doctor, HEALTH_WARNING,
			"%s: with method setspeed, requests for these CPUs are refused from then "
			"on",
			what);
	} else {
		doctor_add(doctor, HEALTH_WARNING,
			   "%s, and refuses to start while their governors differ, as they do with "
			   "method setspeed once a guest has asked",
			   what);
	}
	doctor_remedy(doctor, "set [cpufreq] method = limits, which keeps the governor");
}

void check_nova(struct doctor *doctor)
{
	pid_t pid = doctor_process(doctor, "nova-compute");
	struct nova nova = {0};

	read_all(doctor, &nova);
	if (nova.read && nova.manages) {
		find_conflict(doctor, &nova);
	} else if (nova.read && pid > 0) {
		doctor_add(doctor, HEALTH_OK,
			   "nova-compute (pid %d) leaves the power of CPUs alone: "
			   "cpu_power_management is off",
			   (int)pid);
	} else if (pid > 0 || nova.seen) {
		doctor_add(doctor, HEALTH_NOTE,
			   "nova-compute%s may manage the power of CPUs: its configuration %s",
			   pid > 0 ? " runs and" : "",
			   nova.seen ? "can't be looked at" : "is not where it usually is");
		doctor_remedy(doctor,
			      "%sif [libvirt] cpu_power_management is on, set [cpufreq] method = "
			      "limits in vmpower.conf",
			      nova.seen ? "use sudo; " : "");
	}
}
