/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal of watch: ncurses, with signals as something to wait for. */
#ifndef VMPOWER_CTL_WATCH_SCREEN_H
#define VMPOWER_CTL_WATCH_SCREEN_H

#include <stdbool.h>

#include "lines.h"

struct watch_screen {
	void *terminal; /* ncurses' SCREEN; NULL: it is not in use */
	int signal_fd;	/* -1 */
	bool colours;
	size_t top;	/* the first of the lines that is shown ... */
	size_t n_lines; /* ... of so many */
};

/** watch_screen_open() - Return: 0; -ENOTTY; -ENODEV: it can't do what is needed; -errno */
int watch_screen_open(struct watch_screen *screen);
void watch_screen_close(struct watch_screen *screen);

size_t watch_screen_width(void);

void watch_screen_draw(struct watch_screen *screen, const struct watch_lines *lines);

enum watch_input {
	INPUT_NOTHING,
	INPUT_REDRAW, /* another size, or another part of the lines is wanted */
	INPUT_QUIT,
};

/** watch_screen_key(), watch_screen_signal() - stdin, signal_fd are readable */
enum watch_input watch_screen_key(struct watch_screen *screen);
enum watch_input watch_screen_signal(struct watch_screen *screen);

#endif
