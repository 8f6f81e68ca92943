/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_SETTINGS_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_SETTINGS_JSON_H

#include <jansson.h>

#include "helper/manager/registry/registry.h"

/** control_json_settings() - type Settings; NULL: out of memory */
json_t *control_json_settings(const struct config *config, const struct domain *domain);

#endif
