/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal of watch: ncurses, and signals through a signalfd(2). */
#ifndef VMPOWER_CTL_WATCH_SCREEN_H
#define VMPOWER_CTL_WATCH_SCREEN_H

#include <stdbool.h>

#include "ctl/watch/lines.h"

struct watch_screen {
	void *terminal; /* ncurses' SCREEN; NULL: not in use */
	int signal_fd;	/* -1: none */
	bool colours;
	size_t top;	/* the first line shown ... */
	size_t n_lines; /* ... of this many */
};

/** watch_screen_open() - Return: 0; -ENOTTY; -ENODEV: its cursor can't be moved; -errno */
int watch_screen_open(struct watch_screen *screen);
void watch_screen_close(struct watch_screen *screen);

size_t watch_screen_width(void);

void watch_screen_draw(struct watch_screen *screen, const struct watch_lines *lines);

enum watch_input {
	INPUT_NOTHING,
	INPUT_REDRAW, /* the size or the part to show changed */
	INPUT_QUIT,
};

/** watch_screen_key(), watch_screen_signal() - call when stdin, or signal_fd, is readable */
enum watch_input watch_screen_key(struct watch_screen *screen);
enum watch_input watch_screen_signal(struct watch_screen *screen);

#endif
