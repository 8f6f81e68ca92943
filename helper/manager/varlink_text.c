/* SPDX-License-Identifier: BSD-3-Clause */
#include "varlink_text.h"

VARLINK_TEXT(varlink_text_service, "helper/manager/org.varlink.service.varlink");
