/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/watch/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/common/client.h"
#include "ctl/common/print.h"
#include "ctl/watch/lines.h"
#include "ctl/watch/model.h"
#include "ctl/watch/screen.h"

#define REFRESH_MS 250	  /* at most one refresh in this time */
#define RATE_LOOK_MS 1000 /* while requests arrive: no event says that they have stopped */

struct watch {
	const struct ctl *ctl;
	struct client client;
	struct watch_model model;
	struct watch_lines lines;
	struct watch_screen screen;
	bool changed; /* there were events since the last refresh */
	int64_t refreshed_ms;
	char *problem;
};

static int draw(struct watch *watch)
{
	watch_lines_clear(&watch->lines);
	if (watch_lines_make(&watch->lines, watch->model.shown, watch_screen_width()) < 0)
		return CTL_FAILED;
	watch_screen_draw(&watch->screen, &watch->lines);
	return CTL_OK;
}

static int refresh_all(struct watch *watch)
{
	int r;

	watch->changed = false;
	watch->refreshed_ms = monotonic_ms();
	r = watch_model_refresh(&watch->model, watch->ctl, watch->refreshed_ms, &watch->problem);
	if (r != CTL_OK)
		return r;
	if (!watch->ctl->json)
		return draw(watch);
	ctl_print_json(watch->model.shown, JSON_COMPACT);
	return fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}

/* Time until the next refresh; negative: wait for an event */
static int sleep_ms(const struct watch *watch)
{
	int64_t wait = watch->changed ? REFRESH_MS : watch->model.moving ? RATE_LOOK_MS : -1;

	if (wait < 0)
		return -1;
	wait -= monotonic_ms() - watch->refreshed_ms;
	return wait > 0 ? (int)wait : 0;
}

/* Take all replies that have arrived. */
static int take_events(struct watch *watch)
{
	for (;;) {
		json_t *reply;
		int r = ctl_next(&watch->client, 0, &reply, &watch->problem);

		if (r != CTL_OK || !reply)
			return r;
		watch->changed = true;
		json_decref(reply);
	}
}

static enum watch_input take_input(struct watch *watch, const struct pollfd *fds)
{
	enum watch_input signal = INPUT_NOTHING, key = INPUT_NOTHING;

	if (fds[1].revents)
		signal = watch_screen_signal(&watch->screen);
	if (fds[2].revents & POLLIN)
		key = watch_screen_key(&watch->screen);
	else if (fds[2].revents)
		return INPUT_QUIT; /* the terminal is gone */
	return signal > key ? signal : key;
}

/* Return: CTL_OK: the user quit; else an exit code, with watch->problem. */
static int run(struct watch *watch)
{
	struct pollfd fds[] = {
		{.fd = watch->client.fd, .events = POLLIN},
		{.fd = watch->screen.signal_fd, .events = POLLIN},
		{.fd = watch->ctl->json ? -1 : STDIN_FILENO, .events = POLLIN},
	};
	int r = refresh_all(watch);

	while (r == CTL_OK) {
		int timeout = sleep_ms(watch);
		enum watch_input input;

		if (poll(fds, array_size(fds), timeout) < 0 && errno != EINTR)
			return CTL_FAILED;
		input = take_input(watch, fds);
		if (input == INPUT_QUIT)
			return CTL_OK;
		if (fds[0].revents)
			r = take_events(watch);
		if (r == CTL_OK && sleep_ms(watch) == 0)
			r = refresh_all(watch);
		else if (r == CTL_OK && input == INPUT_REDRAW)
			r = draw(watch);
	}
	return r;
}

static int explain_screen(int error)
{
	const char *term = getenv("TERM");

	if (error == -ENOTTY)
		ctl_error("watch needs a terminal; scripts use \"watch --json\" or \"events\"");
	else if (error == -ENODEV)
		ctl_error("the terminal type \"%s\" is unknown or can't move its cursor: set "
			  "TERM to one that can, such as xterm",
			  term ? term : "");
	else
		ctl_error("can't use the terminal: %s", strerror(-error));
	return CTL_USAGE;
}

int ctl_watch(const struct ctl *ctl)
{
	struct watch watch = {.ctl = ctl, .client = {.fd = -1}, .screen = {.signal_fd = -1}};
	int r = ctl_stream(ctl, "Monitor", json_pack("{s:b}", "requests", 1), &watch.client,
			   &watch.problem);
	int error = 0;

	if (r == CTL_OK && !ctl->json)
		error = watch_screen_open(&watch.screen);
	if (r == CTL_OK && error == 0)
		r = run(&watch);
	watch_screen_close(&watch.screen);
	client_close(&watch.client);
	watch_model_clear(&watch.model);
	watch_lines_clear(&watch.lines);
	if (error < 0)
		r = explain_screen(error);
	else if (!ferror(stdout)) /* main() reports it */
		r = ctl_report(r, watch.problem);
	free(watch.problem);
	return r;
}
