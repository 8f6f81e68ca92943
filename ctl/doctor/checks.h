/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks of doctor. A new one is declared here and gets a line in the table of doctor.c. */
#ifndef VMPOWER_CTL_DOCTOR_CHECKS_H
#define VMPOWER_CTL_DOCTOR_CHECKS_H

#include "ctl/doctor/look.h"

/* daemon.c */
void check_config(struct doctor *doctor);
void check_daemon(struct doctor *doctor); /* sets doctor->status and doctor->cpus */
void check_monitor(struct doctor *doctor);
void check_connection(struct doctor *doctor); /* of vmpowerd to libvirt */
void check_foreign(struct doctor *doctor);

/* sockets.c */
void check_sockets(struct doctor *doctor);
void check_baseline(struct doctor *doctor);

/* libvirt.c */
void check_hook(struct doctor *doctor);
void check_libvirt(struct doctor *doctor);
void check_hook_seen(struct doctor *doctor);

/* security.c */
void check_selinux(struct doctor *doctor);
void check_apparmor(struct doctor *doctor);

/* cpufreq.c */
void check_cpufreq(struct doctor *doctor);
void check_intel_pstate(struct doctor *doctor);
void check_writers(struct doctor *doctor);

/* siblings.c */
void check_siblings(struct doctor *doctor);

/* nova.c */
void check_nova(struct doctor *doctor);

/* domains.c */
void check_known_domains(struct doctor *doctor); /* sets doctor->known */
/* running.c */
void check_running_domains(struct doctor *doctor);

#endif
