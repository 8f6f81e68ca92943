/* SPDX-License-Identifier: BSD-3-Clause */
/* One line about what vmpowerd serves, for systemd's STATUS. */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_STATUS_LINE_H
#define VMPOWER_HELPER_MANAGER_REPORT_STATUS_LINE_H

#include <stddef.h>

#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

/** status_line() - "2 domains, 16 channels, 64 CPUs": registered, connected, with a frequency
 * domain */
void status_line(struct registry *registry, const struct cpufreq *cpufreq, char *text, size_t size);

#endif
