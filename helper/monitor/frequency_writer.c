/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/frequency_writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/monitor/syscall_rule.h"

enum { LIMIT_MIN, LIMIT_MAX };

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
	writer->exact = true;
}

unsigned int frequency_format(uint32_t khz, char *text)
{
	char digits[10];
	unsigned int n = 0, length = 0;

	do {
		digits[n++] = (char)('0' + khz % 10);
		khz /= 10;
	} while (khz > 0);
	while (n > 0)
		text[length++] = digits[--n];
	text[length++] = '\n';
	return length;
}

static int write_khz(int fd, uint32_t khz)
{
	char text[12];
	unsigned int length = frequency_format(khz, text);
	ssize_t n;

	do
		n = pwrite(fd, text, length, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (unsigned int)n == length ? 0 : -EIO;
}

const struct syscall_rule frequency_writer_syscalls[] = {
	ALLOW(pwrite64, "a frequency"),
	ALLOW(pread64, "what the files say: someone else may have changed it"),
	END_OF_RULES,
};

/* Read a file. Return: kHz; 0: not a number; -1: it can't be read */
static int64_t read_khz(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint32_t khz = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && khz < UINT32_MAX / 10 - 1;
	     i++)
		khz = khz * 10 + (uint32_t)(text[i] - '0');
	return n > 0 ? (int64_t)khz : -1;
}

/* What scaling_max_freq holds: it decides which of the two limits goes first. */
static uint32_t read_max(const struct frequency_writer *writer)
{
	int64_t khz = read_khz(writer->fds[LIMIT_MAX]);

	return khz > 0 ? (uint32_t)khz : UINT32_MAX;
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

/* Set both limits to @khz; in between, the minimum must not be above the maximum. */
static int write_limits(struct frequency_writer *writer, uint32_t khz)
{
	int first = khz > writer->max_khz ? LIMIT_MAX : LIMIT_MIN;
	int r;

	r = write_khz(writer->fds[first], khz);
	if (r == 0)
		r = write_khz(writer->fds[1 - first], khz);
	/* after a failure read the file: someone else may have changed it */
	writer->max_khz = r == 0 ? khz : read_max(writer);
	return r;
}

int frequency_writer_set(struct frequency_writer *writer, uint32_t khz)
{
	ASSERT(writer->fds[n_files(writer) - 1] >= 0);
	writer->error = writer->method == METHOD_LIMITS ? write_limits(writer, khz)
							: write_khz(writer->fds[0], khz);
	writer->khz = writer->error == 0 ? khz : 0;
	writer->seen[0] = 0;
	writer->seen[1] = 0;
	return writer->error;
}

void frequency_writer_forget(struct frequency_writer *writer)
{
	writer->khz = 0;
	writer->max_khz = UINT32_MAX;
	writer->seen[0] = 0;
	writer->seen[1] = 0;
}

void frequency_writer_learn(struct frequency_writer *writer)
{
	if (writer->khz == 0)
		return;
	writer->exact = true;
	for (unsigned int i = 0; i < n_files(writer); i++) {
		int64_t khz = read_khz(writer->fds[i]);

		writer->seen[i] = khz > 0 ? (uint32_t)khz : 0;
		if (writer->seen[i] != 0 && writer->seen[i] != writer->khz)
			writer->exact = false;
	}
}

bool frequency_writer_foreign(const struct frequency_writer *writer, uint32_t *found_khz)
{
	for (unsigned int i = 0; writer->khz != 0 && i < n_files(writer); i++) {
		int64_t khz;

		/* a file that may not show what was written is only compared with what it showed */
		if (writer->seen[i] == 0 && !writer->exact)
			continue;
		khz = read_khz(writer->fds[i]);
		if (khz < 0 || khz == writer->khz || (khz > 0 && khz == writer->seen[i]))
			continue;
		*found_khz = (uint32_t)khz;
		return true;
	}
	return false;
}
