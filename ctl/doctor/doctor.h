/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_CTL_DOCTOR_DOCTOR_H
#define VMPOWER_CTL_DOCTOR_DOCTOR_H

#include "ctl/common/ctl.h"

/** ctl_doctor() - the subcommand doctor. Return: the exit code */
int ctl_doctor(const struct ctl *ctl);

#endif
