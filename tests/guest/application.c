/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/application.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/ports.h"

#define SOCKET "/run/dpdk/rte/dpdk_telemetry.v2"
#define MAX_VCPUS 64
#define CYCLES_PER_US 2000

/* Shared with the process; what is written here counts from then on. */
static struct shared {
	uint64_t since_us[MAX_VCPUS], percent[MAX_VCPUS], total[MAX_VCPUS], busy[MAX_VCPUS];
} * shared;

static pid_t process;

static void count(uint64_t vcpu)
{
	uint64_t now = now_us(), cycles = (now - shared->since_us[vcpu]) * CYCLES_PER_US;

	shared->since_us[vcpu] = now;
	shared->total[vcpu] += cycles;
	shared->busy[vcpu] += cycles / 100 * shared->percent[vcpu];
}

static void list(char *text, const char *name, const uint64_t *values, long n)
{
	size_t used = strlen(text);

	used += (size_t)sprintf(text + used, "\"%s\":[", name);
	for (long i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "%s%llu", i ? "," : "",
					(unsigned long long)(values ? values[i] : (uint64_t)i));
	(void)strcat(text, "]");
}

static void answer(int client, const char *command)
{
	static char text[16384];
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (!strncmp(command, "/eal/lcore/info,", 16)) {
		(void)sprintf(text, "{\"/eal/lcore/info\":{\"cpuset\":[%lu]}}",
			      strtoul(command + 16, NULL, 10));
	} else {
		for (long i = 0; i < n; i++)
			count((uint64_t)i);
		(void)strcpy(text, "{\"/eal/lcore/usage\":{");
		list(text, "lcore_ids", NULL, n);
		(void)strcat(text, ",");
		list(text, "total_cycles", shared->total, n);
		(void)strcat(text, ",");
		list(text, "busy_cycles", shared->busy, n);
		(void)strcat(text, "}}");
	}
	(void)send(client, text, strlen(text), MSG_NOSIGNAL);
}

static void __attribute__((noreturn)) serve(int listener)
{
	static const char greeting[] =
		"{\"version\":\"stand-in\",\"pid\":1,\"max_output_len\":16384}";

	for (;;) {
		int client = accept(listener, NULL, NULL);
		char command[64];
		ssize_t n;

		(void)send(client, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL);
		while ((n = recv(client, command, sizeof(command) - 1, 0)) > 0) {
			command[n] = '\0';
			answer(client, command);
		}
		(void)close(client);
	}
}

int application_start(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)mkdir("/run", 0755);
	(void)mkdir("/run/dpdk", 0755);
	(void)mkdir("/run/dpdk/rte", 0700);
	(void)unlink(SOCKET);
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 10) < 0)
		return -errno;
	memset(shared, 0, sizeof(*shared));
	for (int i = 0; i < MAX_VCPUS; i++)
		shared->since_us[i] = now_us();
	process = fork();
	if (process == 0)
		serve(listener);
	(void)close(listener);
	return process < 0 ? -errno : 0;
}

int application_load(uint64_t vcpu, uint64_t percent)
{
	if (!shared || vcpu >= MAX_VCPUS)
		return -EINVAL;
	count(vcpu);
	shared->percent[vcpu] = percent;
	return 0;
}

int application_signal(int number)
{
	if (process <= 0)
		return -ESRCH;
	if (kill(process, number) < 0)
		return -errno;
	if (number == SIGKILL) {
		(void)waitpid(process, NULL, 0);
		process = 0;
	}
	return 0;
}
