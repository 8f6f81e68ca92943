/* SPDX-License-Identifier: BSD-3-Clause */
/* The interfaces' descriptions, the *.varlink files beside this one, as compiled in. */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H

extern const char varlink_text_service[]; /* org.varlink.service */
extern const char varlink_text_manager[]; /* org.vmpower.Manager */

#endif
