/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool style_wanted(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

const char *style(FILE *out, enum style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m",  [STYLE_GOOD] = "\033[32m", [STYLE_WARNING] = "\033[33m",
		[STYLE_BAD] = "\033[1;31m", [STYLE_FAINT] = "\033[2m", [STYLE_HEADING] = "\033[1m",
	};

	return style_wanted(out) ? sequences[style] : "";
}
