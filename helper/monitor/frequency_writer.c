/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/frequency_writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/monitor/state/syscall_rule.h"

enum { MIN_FREQ, MAX_FREQ }; /* of fds */

static unsigned int n_files(const struct frequency_writer *writer)
{
	return writer->method == METHOD_LIMITS ? 2 : 1;
}

void frequency_writer_init(struct frequency_writer *writer)
{
	memset(writer, 0, sizeof(*writer));
	writer->fds[0] = -1;
	writer->fds[1] = -1;
	writer->max_khz = UINT32_MAX;
}

const char *frequency_format(uint32_t khz, char text[static FREQUENCY_TEXT])
{
	unsigned int at = FREQUENCY_TEXT;

	text[--at] = '\n';
	/* two digits a division: this is a tenth of what a request costs */
	for (; khz >= 10; khz /= 100) {
		text[--at] = (char)('0' + khz % 10);
		text[--at] = (char)('0' + khz / 10 % 10);
	}
	if (khz > 0 || at == FREQUENCY_TEXT - 1)
		text[--at] = (char)('0' + khz);
	return text + at;
}

static int write_khz(int fd, uint32_t khz)
{
	char text[FREQUENCY_TEXT];
	const char *first = frequency_format(khz, text);
	size_t length = (size_t)(text + sizeof(text) - first);
	ssize_t n;

	do
		n = pwrite(fd, first, length, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

const struct syscall_rule frequency_writer_syscalls[] = {
	ALLOW(pwrite64, "a frequency"),
	ALLOW(pread64, "what scaling_max_freq holds"),
	{0},
};

/* What scaling_max_freq holds: it decides which of the two limits goes first. */
static uint32_t read_max(const struct frequency_writer *writer)
{
	char text[16];
	ssize_t n = pread(writer->fds[MAX_FREQ], text, sizeof(text), 0);
	uint32_t khz = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && khz < UINT32_MAX / 10 - 1;
	     i++)
		khz = khz * 10 + (uint32_t)(text[i] - '0');
	return khz > 0 ? khz : UINT32_MAX;
}

int frequency_writer_open(struct frequency_writer *writer, enum frequency_method method,
			  const int *fds, unsigned int n_fds)
{
	frequency_writer_close(writer);
	for (unsigned int i = 0; i < n_fds; i++) {
		int fd = fds[i];

		if (i < array_size(writer->fds))
			writer->fds[i] = fd;
		else
			close_fd(&fd);
	}
	writer->method = method;
	if (n_fds != n_files(writer)) {
		frequency_writer_close(writer);
		return -EPROTO;
	}
	if (method == METHOD_LIMITS)
		writer->max_khz = read_max(writer);
	return 0;
}

void frequency_writer_close(struct frequency_writer *writer)
{
	close_fd(&writer->fds[0]);
	close_fd(&writer->fds[1]);
	frequency_writer_init(writer);
}

/* In between, the minimum must not be above the maximum. */
static int write_limits(struct frequency_writer *writer, uint32_t low_khz, uint32_t high_khz)
{
	const uint32_t khz[] = {[MIN_FREQ] = low_khz, [MAX_FREQ] = high_khz};
	const uint32_t held[] = {[MIN_FREQ] = writer->low_khz, [MAX_FREQ] = writer->high_khz};
	int first = low_khz > writer->max_khz ? MAX_FREQ : MIN_FREQ, r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		int file = i ^ first;

		if (khz[file] != held[file])
			r = write_khz(writer->fds[file], khz[file]);
	}
	/* after a failure read the file: someone else may have changed it */
	writer->max_khz = r == 0 ? high_khz : read_max(writer);
	return r;
}

int frequency_writer_set(struct frequency_writer *writer, uint32_t low_khz, uint32_t high_khz)
{
	int r;

	ASSERT(writer->fds[n_files(writer) - 1] >= 0);
	r = writer->method == METHOD_LIMITS ? write_limits(writer, low_khz, high_khz)
					    : write_khz(writer->fds[0], high_khz);
	writer->low_khz = r == 0 ? low_khz : 0;
	writer->high_khz = r == 0 ? high_khz : 0;
	return r;
}

void frequency_writer_forget(struct frequency_writer *writer)
{
	writer->low_khz = 0;
	writer->high_khz = 0;
}
