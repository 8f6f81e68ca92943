/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands except doctor and watch. Each returns the exit code. */
#ifndef VMPOWER_CTL_COMMANDS_COMMANDS_H
#define VMPOWER_CTL_COMMANDS_COMMANDS_H

#include "ctl/common/ctl.h"

int ctl_status(const struct ctl *ctl);
int ctl_list(const struct ctl *ctl);
int ctl_show(const struct ctl *ctl);
int ctl_channel_enable(const struct ctl *ctl);
int ctl_channel_disable(const struct ctl *ctl);
int ctl_channel_add(const struct ctl *ctl);
int ctl_channel_remove(const struct ctl *ctl);
int ctl_domain_add(const struct ctl *ctl);
int ctl_domain_remove(const struct ctl *ctl);
int ctl_cpu(const struct ctl *ctl);
int ctl_explain(const struct ctl *ctl);
int ctl_set(const struct ctl *ctl);
int ctl_policy(const struct ctl *ctl);
int ctl_reload(const struct ctl *ctl);
int ctl_verify(const struct ctl *ctl);
int ctl_events(const struct ctl *ctl);
int ctl_log_level(const struct ctl *ctl);
int ctl_metrics(const struct ctl *ctl);
int ctl_xml(const struct ctl *ctl);
int ctl_attach(const struct ctl *ctl);
int ctl_detach(const struct ctl *ctl);

#endif
