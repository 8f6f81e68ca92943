/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a guest's request was refused, for people and clients. */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_REFUSAL_NAMES_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_REFUSAL_NAMES_H

#include "helper/link/refusal.h"

/** refusal_name() - "unpinned", ... for log lines and the control API, or "unknown" */
const char *refusal_name(enum refusal refusal);

/** refusal_remedy() - what it means and what to do about it, as part of a sentence */
const char *refusal_remedy(enum refusal refusal);

#endif
