/* SPDX-License-Identifier: BSD-3-Clause */
/* An event from vmpowerd's method Monitor as a line for people. */
#ifndef VMPOWER_CTL_COMMANDS_EVENT_TEXT_H
#define VMPOWER_CTL_COMMANDS_EVENT_TEXT_H

#include <jansson.h>

#include "ctl/common/style.h"

/** event_text() - what happened, fit for a terminal; owned by the caller; NULL: no memory */
char *event_text(json_t *event);

/** event_style() - the style of its line: important events stand out */
enum style event_style(json_t *event);

#endif
