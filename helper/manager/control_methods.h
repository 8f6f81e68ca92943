/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of org.vmpower.Manager, as its varlink file describes them. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H
#define VMPOWER_HELPER_MANAGER_CONTROL_METHODS_H

#include <stddef.h>

#include "varlink.h"

extern const struct varlink_method control_methods[];
extern const size_t n_control_methods;
extern const char control_methods_text[]; /* that file */

#endif
