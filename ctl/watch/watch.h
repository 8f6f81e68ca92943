/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_CTL_WATCH_WATCH_H
#define VMPOWER_CTL_WATCH_WATCH_H

#include "ctl/common/ctl.h"

/** ctl_watch() - the subcommand watch: frequencies, votes and requests as they change */
int ctl_watch(const struct ctl *ctl);

#endif
