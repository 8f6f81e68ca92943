/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/text.h"

VARLINK_TEXT(varlink_text_service, "helper/manager/varlink/org.varlink.service.varlink");
