/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/sensors/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/unix_socket.h"

#define PERMILLE 1000u

int telemetry_open(struct telemetry *telemetry, const char *path)
{
	int fd = unix_connect(path, SOCK_SEQPACKET);

	telemetry->fd = -1;
	if (fd < 0)
		return fd;
	telemetry->fd = fd;
	(void)snprintf(telemetry->path, sizeof(telemetry->path), "%s", path);
	telemetry->state = TELEMETRY_GREETING;
	telemetry->silent = false;
	telemetry->n_lcores = 0;
	telemetry->to_ns = 0;
	return 0;
}

void telemetry_close(struct telemetry *telemetry)
{
	close_fd(&telemetry->fd);
	telemetry->n_lcores = 0;
}

static int say(struct telemetry *telemetry, const char *command, enum telemetry_state then)
{
	if (send(telemetry->fd, command, strlen(command), MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? 0 : -errno;
	telemetry->state = then;
	return 0;
}

int telemetry_ask(struct telemetry *telemetry)
{
	if (telemetry->state != TELEMETRY_READY || telemetry->silent)
		return 0;
	return say(telemetry, "/eal/lcore/usage", TELEMETRY_USAGE);
}

/* Ask for the CPUs of the next lcore whose CPUs are not known. */
static int ask_place(struct telemetry *telemetry)
{
	char command[32];

	telemetry->state = TELEMETRY_READY;
	for (uint32_t i = 0; i < telemetry->n_lcores; i++) {
		if (telemetry->lcores[i].placed)
			continue;
		telemetry->asked = i;
		(void)snprintf(command, sizeof(command), "/eal/lcore/info,%u",
			       telemetry->lcores[i].id);
		return say(telemetry, command, TELEMETRY_INFO);
	}
	return 0;
}

static void start_anew(struct telemetry *telemetry, const struct lcore_counters *counters)
{
	telemetry->n_lcores = counters->n;
	for (uint32_t i = 0; i < counters->n; i++)
		telemetry->lcores[i] = (struct telemetry_lcore){.id = counters->ids[i],
								.total = counters->total[i],
								.busy = counters->busy[i]};
}

static bool same_lcores(const struct telemetry *telemetry, const struct lcore_counters *counters)
{
	if (telemetry->n_lcores != counters->n)
		return false;
	for (uint32_t i = 0; i < counters->n; i++)
		if (telemetry->lcores[i].id != counters->ids[i])
			return false;
	return true;
}

/* A counter that falls has begun anew (testpmd's does); a busy one that outruns the other is wrong.
 */
static void take_difference(struct telemetry_lcore *lcore, uint64_t total, uint64_t busy)
{
	uint64_t all = total - lcore->total, used = busy - lcore->busy;

	lcore->measured = total > lcore->total && busy >= lcore->busy && used <= all;
	lcore->frozen = total == lcore->total ? lcore->frozen + 1 : 0;
	if (lcore->measured) /* without overflow: at most some seconds of cycles */
		lcore->permille = (uint32_t)((double)used / (double)all * PERMILLE + 0.5);
	lcore->total = total;
	lcore->busy = busy;
}

static int take_usage(struct telemetry *telemetry, uint64_t now_ns)
{
	struct lcore_counters counters;
	bool first = telemetry->to_ns == 0;
	int r = telemetry_usage(telemetry->text, &counters);

	telemetry->from_ns = telemetry->to_ns;
	telemetry->to_ns = now_ns;
	if (r == -ENOTSUP) {
		telemetry->n_lcores = 0;
		telemetry->silent = true;
		telemetry->state = TELEMETRY_READY;
	}
	if (r < 0)
		return r;
	if (first || !same_lcores(telemetry, &counters)) {
		start_anew(telemetry, &counters);
		return ask_place(telemetry);
	}
	for (uint32_t i = 0; i < counters.n; i++)
		take_difference(&telemetry->lcores[i], counters.total[i], counters.busy[i]);
	r = ask_place(telemetry);
	return r < 0 ? r : 1;
}

static int take_place(struct telemetry *telemetry)
{
	struct telemetry_lcore *lcore = &telemetry->lcores[telemetry->asked];

	if (telemetry_cpus(telemetry->text, &lcore->cpus) < 0)
		return -EINVAL;
	lcore->placed = true;
	return ask_place(telemetry);
}

int telemetry_read(struct telemetry *telemetry, uint64_t now_ns)
{
	ssize_t n = recv(telemetry->fd, telemetry->text, TELEMETRY_OUTPUT, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	telemetry->text[n] = '\0';
	switch (telemetry->state) {
	case TELEMETRY_GREETING:
		telemetry->state = TELEMETRY_READY;
		return 0;
	case TELEMETRY_USAGE:
		return take_usage(telemetry, now_ns);
	case TELEMETRY_INFO:
		return take_place(telemetry);
	default:
		return -EINVAL; /* nobody asked */
	}
}

bool telemetry_covers(const struct telemetry *telemetry, unsigned int cpu)
{
	for (uint32_t i = 0; i < telemetry->n_lcores; i++) {
		const struct telemetry_lcore *lcore = &telemetry->lcores[i];

		if (lcore->placed && lcore->frozen < TELEMETRY_FROZEN &&
		    cpuset_has(&lcore->cpus, cpu))
			return true;
	}
	return false;
}
