/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/watch/screen.h"

#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#undef lines /* term.h defines it */
#include <unistd.h>

#include "common/cleanup.h"

#define CTRL_C 3
#define CTRL_L 12
#define FOOTER "q quits, up/down and page keys scroll"

static int catch_signals(struct watch_screen *screen)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGWINCH);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	screen->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return screen->signal_fd < 0 ? -errno : 0;
}

int watch_screen_open(struct watch_screen *screen)
{
	int r;

	*screen = (struct watch_screen){.signal_fd = -1};
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	(void)setlocale(LC_CTYPE, "");
	r = catch_signals(screen);
	if (r < 0)
		return r;
	screen->terminal = newterm(NULL, stdout, stdin);
	if (!screen->terminal)
		return -ENODEV;
	if (!cursor_address) {
		watch_screen_close(screen);
		return -ENODEV;
	}
	screen->colours = style_wanted(stdout) && has_colors();
	if (screen->colours) {
		(void)start_color();
		(void)use_default_colors();
		(void)init_pair(STYLE_GOOD, COLOR_GREEN, -1);
		(void)init_pair(STYLE_WARNING, COLOR_YELLOW, -1);
		(void)init_pair(STYLE_BAD, COLOR_RED, -1);
	}
	(void)raw(); /* Ctrl-C comes as a key */
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)curs_set(0);
	return 0;
}

void watch_screen_close(struct watch_screen *screen)
{
	if (screen->terminal) {
		(void)endwin();
		delscreen(screen->terminal);
		screen->terminal = NULL;
	}
	close_fd(&screen->signal_fd);
}

size_t watch_screen_width(void)
{
	return COLS > 0 ? (size_t)COLS : 1;
}

/* Lines above the footer. */
static size_t page_height(void)
{
	return LINES > 1 ? (size_t)LINES - 1 : 1;
}

static void scroll_to(struct watch_screen *screen, size_t top)
{
	size_t last = screen->n_lines > page_height() ? screen->n_lines - page_height() : 0;

	screen->top = top > last ? last : top;
}

static attr_t attributes(const struct watch_screen *screen, enum style style)
{
	switch (style) {
	case STYLE_HEADING:
		return A_BOLD;
	case STYLE_GOOD:
	case STYLE_WARNING:
	case STYLE_BAD:
		return screen->colours ? (attr_t)COLOR_PAIR(style) : A_NORMAL;
	default:
		return A_NORMAL;
	}
}

void watch_screen_draw(struct watch_screen *screen, const struct watch_lines *lines)
{
	screen->n_lines = lines->n;
	scroll_to(screen, screen->top);
	(void)erase();
	for (size_t y = 0; y < page_height() && screen->top + y < lines->n; y++) {
		const struct watch_line *line = &lines->lines[screen->top + y];

		(void)attrset(attributes(screen, line->style));
		(void)mvaddstr((int)y, 0, line->text);
	}
	(void)attrset(A_REVERSE);
	if (lines->n > page_height())
		(void)mvprintw(LINES - 1, 0, "lines %zu-%zu of %zu; " FOOTER, screen->top + 1,
			       screen->top + page_height(), lines->n);
	else
		(void)mvaddstr(LINES - 1, 0, FOOTER);
	(void)attrset(A_NORMAL);
	(void)refresh();
}

static enum watch_input scroll_by(struct watch_screen *screen, size_t up, size_t down)
{
	scroll_to(screen, screen->top > up ? screen->top - up + down : down);
	return INPUT_REDRAW;
}

enum watch_input watch_screen_key(struct watch_screen *screen)
{
	int key = getch();

	switch (key) {
	case 'q':
	case 'Q':
	case CTRL_C:
		return INPUT_QUIT;
	case KEY_UP:
	case 'k':
		return scroll_by(screen, 1, 0);
	case KEY_DOWN:
	case 'j':
		return scroll_by(screen, 0, 1);
	case KEY_PPAGE:
		return scroll_by(screen, page_height(), 0);
	case KEY_NPAGE:
	case ' ':
		return scroll_by(screen, 0, page_height());
	case CTRL_L:
		(void)clearok(stdscr, TRUE);
		return INPUT_REDRAW;
	default:
		return INPUT_NOTHING;
	}
}

enum watch_input watch_screen_signal(struct watch_screen *screen)
{
	struct signalfd_siginfo info;
	struct winsize size;

	if (read(screen->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return INPUT_NOTHING;
	if (info.ssi_signo != SIGWINCH)
		return INPUT_QUIT;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		(void)resizeterm(size.ws_row, size.ws_col);
	return INPUT_REDRAW;
}
