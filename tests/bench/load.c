/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load: QEMU's end of many channels, and the guests behind it. Listens, waits until all
 * are connected, and then does what stdin says, one line at a time; prints one line for each.
 *
 * usage: load DIR N VCPUS	listens at DIR/0 ... DIR/<N-1>; channel <i> is vCPU <i mod VCPUS>
 *
 *   prime			each channel asks for the lowest frequency, once
 *   one SECONDS		one request outstanding in all; a channel asks for max, then min;
 *				then the next channel does: each request changes a frequency
 *   closed DEPTH SECONDS	DEPTH requests outstanding on each channel
 *   open RATE SECONDS		RATE requests a second in all, whether answered or not
 *   flood SECONDS		as "one" on all channels but the first, which floods
 *   calm SECONDS		the same without the flood
 *
 * Prints a line: requests answered, seconds, and the median, 99th and 99.9th percentile of their
 * latency in microseconds. A reply other than ACK is an error and ends it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/bench_frame.h"

#define MAX_EVENTS 256
#define MAX_DEPTH 64u
#define MAX_SAMPLES (1u << 22)
#define ANSWER_MS 30000 /* then something is broken */
#define QUIET_MS 100

struct channel {
	int fd;
	uint32_t vcpu;
	uint64_t sent, answered;    /* requests */
	uint64_t received;	    /* bytes of replies */
	uint64_t due_ns[MAX_DEPTH]; /* when a request was sent, or should have been */
};

static struct {
	struct channel *channels;
	uint32_t n_channels;
	int epoll_fd;
	uint64_t n_answered;
	uint32_t *samples; /* ns */
	uint32_t n_samples;
} load;

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static _Noreturn void wrong(const char *what, const struct channel *channel)
{
	(void)fprintf(stderr, "load: channel %ld: %s\n", (long)(channel - load.channels), what);
	exit(1);
}

/* --- one channel ------------------------------------------------------------------------- */

static void put_frame(uint8_t *frame, const struct channel *channel, uint8_t unit)
{
	memset(frame, 0, BENCH_FRAME_SIZE);
	memcpy(frame + BENCH_VCPU_AT, &channel->vcpu, sizeof(channel->vcpu));
	frame[BENCH_UNIT_AT] = unit;
	frame[BENCH_COMMAND_AT] = BENCH_CPU_POWER;
	memcpy(frame + BENCH_NAME_AT, BENCH_NAME, sizeof(BENCH_NAME));
}

/* Send @n equal requests in one write; their latency counts from @due_ns. */
static void ask(struct channel *channel, uint32_t n, uint8_t unit, uint64_t due_ns)
{
	static uint8_t frames[MAX_DEPTH * BENCH_FRAME_SIZE];

	for (uint32_t i = 0; i < n; i++) {
		put_frame(frames + (size_t)i * BENCH_FRAME_SIZE, channel, unit);
		channel->due_ns[channel->sent++ % MAX_DEPTH] = due_ns;
	}
	if (send(channel->fd, frames, (size_t)n * BENCH_FRAME_SIZE, MSG_NOSIGNAL) !=
	    (ssize_t)n * BENCH_FRAME_SIZE)
		die("send");
}

static uint32_t outstanding(const struct channel *channel)
{
	return (uint32_t)(channel->sent - channel->answered);
}

static void note_latency(uint64_t due_ns, uint64_t now)
{
	uint64_t ns = now - due_ns;

	if (load.n_samples < MAX_SAMPLES)
		load.samples[load.n_samples++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* Read replies, waiting for the first. Return: how many */
static uint32_t take_replies(struct channel *channel, bool wait, bool measure)
{
	static uint8_t bytes[MAX_DEPTH * BENCH_FRAME_SIZE];
	ssize_t n = recv(channel->fd, bytes, sizeof(bytes), wait ? 0 : MSG_DONTWAIT);
	uint64_t first = channel->answered, now = monotonic_ns();

	if (n < 0 && errno == EAGAIN && !wait)
		return 0;
	if (n <= 0)
		wrong(n < 0 ? "no reply" : "hung up", channel);
	for (ssize_t i = 0; i < n; i++) {
		uint64_t at = (channel->received + (uint64_t)i) % BENCH_FRAME_SIZE;

		if (at == BENCH_COMMAND_AT && bytes[i] != BENCH_ACK)
			wrong("a request was refused", channel);
		/* on to the next frame's command */
		i += at < BENCH_COMMAND_AT
			     ? (ssize_t)(BENCH_COMMAND_AT - at - 1)
			     : (ssize_t)(BENCH_FRAME_SIZE - at + BENCH_COMMAND_AT - 1);
	}
	channel->received += (uint64_t)n;
	channel->answered = channel->received / BENCH_FRAME_SIZE;
	for (uint64_t i = first; measure && i < channel->answered; i++)
		note_latency(channel->due_ns[i % MAX_DEPTH], now);
	load.n_answered += channel->answered - first;
	return (uint32_t)(channel->answered - first);
}

/* --- all channels ------------------------------------------------------------------------ */

/* Wait for replies. Return: how many channels have some */
static int wait_for_replies(struct epoll_event events[MAX_EVENTS], int timeout_ms)
{
	int n = epoll_wait(load.epoll_fd, events, MAX_EVENTS, timeout_ms);

	if (n < 0)
		die("epoll_wait");
	if (n == 0 && timeout_ms > 0) {
		(void)fprintf(stderr, "load: no reply for %d ms\n", timeout_ms);
		exit(1);
	}
	return n;
}

static void take_all(bool measure)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t left = 0;

	for (uint32_t i = 0; i < load.n_channels; i++)
		left += outstanding(&load.channels[i]);
	while (left > 0) {
		int n = wait_for_replies(events, ANSWER_MS);

		for (int i = 0; i < n; i++)
			left -= take_replies(events[i].data.ptr, false, measure);
	}
}

static void prime(void)
{
	for (uint32_t i = 0; i < load.n_channels; i++)
		ask(&load.channels[i], 1, BENCH_MIN, 0);
	take_all(false);
}

static void one(uint64_t end_ns)
{
	for (uint32_t i = 0; monotonic_ns() < end_ns; i = (i + 1) % load.n_channels) {
		struct channel *channel = &load.channels[i];

		for (uint8_t unit = BENCH_MAX; unit <= BENCH_MIN; unit++) {
			ask(channel, 1, unit, monotonic_ns());
			while (outstanding(channel) > 0)
				(void)take_replies(channel, true, true);
		}
	}
}

/* @depth requests, alternately for max and for min: each batch changes the vote. */
static void ask_on(struct channel *channel, uint32_t n, uint32_t depth)
{
	uint64_t now = monotonic_ns();

	while (n > 0) {
		uint32_t same = depth - (uint32_t)(channel->sent % depth);

		same = same < n ? same : n;
		ask(channel, same, channel->sent / depth % 2 ? BENCH_MIN : BENCH_MAX, now);
		n -= same;
	}
}

static void closed(uint32_t depth, uint64_t end_ns)
{
	struct epoll_event events[MAX_EVENTS];

	for (uint32_t i = 0; i < load.n_channels; i++)
		ask_on(&load.channels[i], depth, depth);
	while (monotonic_ns() < end_ns) {
		int n = wait_for_replies(events, ANSWER_MS);

		for (int i = 0; i < n; i++) {
			struct channel *channel = events[i].data.ptr;

			ask_on(channel, take_replies(channel, false, true), depth);
		}
	}
	take_all(true);
}

static void open_loop(uint64_t rate, uint64_t begin_ns, uint64_t end_ns)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t n_sent = 0;

	for (uint64_t now = begin_ns; now < end_ns; now = monotonic_ns()) {
		uint64_t due_ns = begin_ns + n_sent * NS_PER_S / rate;
		struct channel *channel = &load.channels[n_sent / 2 % load.n_channels];
		int n;

		if (due_ns <= now && outstanding(channel) < MAX_DEPTH) {
			ask(channel, 1, n_sent % 2 ? BENCH_MIN : BENCH_MAX, due_ns);
			n_sent++;
			continue;
		}
		n = wait_for_replies(events, 0);
		for (int i = 0; i < n; i++)
			(void)take_replies(events[i].data.ptr, false, true);
	}
	take_all(true);
}

/* Write as much as the socket takes, beginning with the rest of a partly written frame. */
static void pour(struct channel *channel, size_t *part)
{
	static uint8_t frames[MAX_DEPTH * BENCH_FRAME_SIZE];
	ssize_t n;

	if (frames[BENCH_COMMAND_AT] == 0)
		for (uint32_t i = 0; i < MAX_DEPTH; i++)
			put_frame(frames + (size_t)i * BENCH_FRAME_SIZE, channel, BENCH_MIN);
	n = send(channel->fd, frames + *part, sizeof(frames) - *part, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		die("send");
	if (n > 0) {
		channel->sent += (*part % BENCH_FRAME_SIZE + (size_t)n) / BENCH_FRAME_SIZE;
		*part = (*part + (size_t)n) % BENCH_FRAME_SIZE;
	}
}

/* Replies not read in time are dropped: what is left arrives now or never. */
static void settle(struct channel *flooder, size_t part)
{
	struct epoll_event events[MAX_EVENTS];
	int n;

	while (part > 0) {
		pour(flooder, &part);
		(void)take_replies(flooder, false, false);
	}
	while ((n = epoll_wait(load.epoll_fd, events, MAX_EVENTS, QUIET_MS)) > 0)
		for (int i = 0; i < n; i++)
			(void)take_replies(events[i].data.ptr, false, false);
	flooder->received -= flooder->answered * BENCH_FRAME_SIZE;
	flooder->sent = 0;
	flooder->answered = 0;
}

/* The first channel floods or is silent; one of the others has a request outstanding. */
static void beside(bool flooding, uint64_t end_ns)
{
	struct channel *flooder = &load.channels[0];
	uint32_t victim = 1, asked = 0;
	size_t part = 0;

	while (monotonic_ns() < end_ns) {
		struct epoll_event events[MAX_EVENTS];
		int n;

		if (load.n_channels > 1 && outstanding(&load.channels[victim]) == 0) {
			/* max, then min, then the next one */
			victim = asked++ % 2 ? victim : victim % (load.n_channels - 1) + 1;
			ask(&load.channels[victim], 1, asked % 2 ? BENCH_MAX : BENCH_MIN,
			    monotonic_ns());
		}
		if (flooding)
			pour(flooder, &part);
		n = wait_for_replies(events, 0);
		for (int i = 0; i < n; i++)
			(void)take_replies(events[i].data.ptr, false,
					   events[i].data.ptr != flooder);
	}
	settle(flooder, part);
	take_all(false);
}

/* --- commands ---------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double percentile_us(double part)
{
	if (load.n_samples == 0)
		return 0;
	return load.samples[(uint32_t)((load.n_samples - 1) * part)] / 1000.0;
}

static void obey(char *line)
{
	double seconds = 0;
	unsigned long n = 0;
	uint64_t begin_ns, end_ns;
	char word[16];

	load.n_answered = 0;
	load.n_samples = 0;
	begin_ns = monotonic_ns();
	if (sscanf(line, "%15s", word) != 1)
		return;
	if (strcmp(word, "closed") == 0 || strcmp(word, "open") == 0) {
		if (sscanf(line, "%*s %lu %lf", &n, &seconds) != 2 || n == 0)
			word[0] = '\0';
	} else if (sscanf(line, "%*s %lf", &seconds) != 1 && strcmp(word, "prime") != 0) {
		word[0] = '\0';
	}
	end_ns = begin_ns + (uint64_t)(seconds * 1e9);
	if (strcmp(word, "prime") == 0) {
		prime();
	} else if (strcmp(word, "one") == 0) {
		one(end_ns);
	} else if (strcmp(word, "closed") == 0 && n <= MAX_DEPTH) {
		closed((uint32_t)n, end_ns);
	} else if (strcmp(word, "open") == 0) {
		open_loop(n, begin_ns, end_ns);
	} else if (strcmp(word, "flood") == 0 || strcmp(word, "calm") == 0) {
		beside(word[0] == 'f', end_ns);
	} else {
		(void)fprintf(stderr, "load: can't do: %s", line);
		exit(2);
	}
	seconds = (double)(monotonic_ns() - begin_ns) / 1e9;
	qsort(load.samples, load.n_samples, sizeof(*load.samples), compare);
	(void)printf("%llu %.6f %.2f %.2f %.2f\n", (unsigned long long)load.n_answered, seconds,
		     percentile_us(0.5), percentile_us(0.99), percentile_us(0.999));
}

static int listen_at(const char *dir, uint32_t i)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%u", dir, i);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(address.sun_path) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		die("listen");
	return fd;
}

static void connect_all(const char *dir, uint32_t vcpus)
{
	const struct timeval patience = {.tv_sec = ANSWER_MS / 1000};

	for (uint32_t i = 0; i < load.n_channels; i++) {
		load.channels[i].fd = listen_at(dir, i);
		load.channels[i].vcpu = i % vcpus;
	}
	(void)puts("listening");
	for (uint32_t i = 0; i < load.n_channels; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load.channels[i]};
		int fd = accept4(load.channels[i].fd, NULL, NULL, SOCK_CLOEXEC);

		(void)close(load.channels[i].fd);
		load.channels[i].fd = fd;
		if (fd < 0 || epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
			die("accept");
	}
	(void)puts("connected");
}

int main(int argc, char **argv)
{
	char line[128];
	uint32_t vcpus;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: load DIR N VCPUS\n");
		return 2;
	}
	bench_raise_fd_limit();
	load.n_channels = (uint32_t)strtoul(argv[2], NULL, 10);
	vcpus = (uint32_t)strtoul(argv[3], NULL, 10);
	load.channels = calloc(load.n_channels, sizeof(*load.channels));
	load.samples = malloc(MAX_SAMPLES * sizeof(*load.samples));
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!load.channels || !load.samples || load.epoll_fd < 0 || vcpus == 0)
		die("start");
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	connect_all(argv[1], vcpus);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
