/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"

static const int watched[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};

static void on_readable(struct loop_source *source, uint32_t events)
{
	struct signals *signals = container_of(source, struct signals, source);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		signals->on_signal(signals->context, (int)info.ssi_signo);
}

int signals_watch(struct signals *signals, struct loop *loop,
		  void (*on_signal)(void *context, int signo), void *context)
{
	cleanup_close int fd = -1;
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < array_size(watched); i++)
		(void)sigaddset(&set, watched[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*signals = (struct signals){
		.source = {.fd = -1, .on_event = on_readable, .name = "signals"},
		.on_signal = on_signal,
		.context = context,
	};
	r = loop_add(loop, &signals->source, fd, EPOLLIN);
	if (r < 0)
		return r;
	signals->loop = loop;
	(void)take_fd(&fd);
	return 0;
}

void signals_close(struct signals *signals)
{
	if (signals->loop)
		loop_close(signals->loop, &signals->source);
}
