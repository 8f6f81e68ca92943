/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request costs the arbiter, in instructions, counted by single-stepping: the same on a host
 * with one vCPU and on a full one. Without a clock, so load does not matter.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "tests/unit/runner.h"

#define N_STEPS 200u
#define MOST_STEPS 10000000u /* instructions: something hangs */
#define MANY_DOMAINS MAX_DOMAINS
#define MANY_VCPUS 16u

static struct arbiter *arbiter;

static void add_frequency_domains(uint32_t n)
{
	static struct frequency_table table = {.n_steps = N_STEPS, .non_turbo = N_STEPS - 20};

	for (uint32_t i = 0; i < N_STEPS; i++)
		table.khz[i] = 800000 + i * 10000;
	for (uint32_t id = 0; id < n; id++)
		ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, id, &table, 0, N_STEPS - 1),
				 0);
}

/* All vCPUs are on frequency domain 0, or each on 0 and one more; every second one votes. */
static void add_domains(uint32_t n_domains, uint32_t n_vcpus, uint32_t n_frequency_domains)
{
	const struct domain_settings limits = {.turbo = true};

	for (uint32_t d = 0; d < n_domains; d++) {
		ck_assert_int_eq(arbiter_set_domain(arbiter, d, n_vcpus, &limits), 0);
		for (uint32_t v = 0; v < n_vcpus; v++) {
			struct cpuset ids = {.bits = {1}};
			const struct vote vote = {
				.from = v % 2 ? VOTE_LOWEST : VOTE_NONE,
				.steps = v % 2 ? (int16_t)v : 0,
			};

			const uint32_t said = vote_pack(&vote);

			cpuset_add(&ids, (d * n_vcpus + v) % n_frequency_domains);
			ck_assert_int_eq(arbiter_set_vcpus(arbiter, d, v, 1,
							   VCPU_MAY_VOTE | VCPU_PROTECTED, &said,
							   &ids),
					 0);
			if (v == 3)
				ck_assert_int_eq(arbiter_set_override(arbiter, d, v, 900000), 0);
		}
	}
	while (arbiter_next_dirty(arbiter) >= 0)
		;
}

/* The calls that guest_requests.c and frequency_outputs.c make for one request. */
static void one_request(void)
{
	int id;

	if (arbiter_check(arbiter, 0, 0, ACTION_MAX) != REFUSAL_NONE)
		abort();
	(void)arbiter_vote(arbiter, 0, 0, ACTION_MAX, 0);
	(void)arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, 0, 0));
	while ((id = arbiter_next_dirty(arbiter)) >= 0)
		(void)arbiter_decide(arbiter, (uint32_t)id);
}

static void one_override(void)
{
	int id;

	(void)arbiter_set_override(arbiter, 0, 0, 1200000);
	while ((id = arbiter_next_dirty(arbiter)) >= 0)
		(void)arbiter_decide(arbiter, (uint32_t)id);
}

/* Single-step it in a child. Return: instructions; 0: not permitted here. */
static uint32_t count_instructions(void (*work)(void))
{
	pid_t pid = fork();
	uint32_t n = 0;
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		(void)raise(SIGSTOP);
		work();
		(void)raise(SIGSTOP);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status) && n < MOST_STEPS) {
		if (n > 0 && WSTOPSIG(status) == SIGSTOP)
			break;
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			break;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		n++;
	}
	if (WIFSTOPPED(status)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	} else {
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 77);
		return 0;
	}
	ck_assert_uint_lt(n, MOST_STEPS);
	return n;
}

static uint32_t cost(void (*work)(void), uint32_t n_domains, uint32_t n_vcpus,
		     uint32_t n_frequency_domains)
{
	uint32_t n;

	ck_assert_int_eq(arbiter_new(true, &arbiter), 0);
	add_frequency_domains(n_frequency_domains);
	add_domains(n_domains, n_vcpus, n_frequency_domains);
	n = count_instructions(work);
	arbiter_free(arbiter);
	return n;
}

TIMEOUT(120)

TEST_RANGE(same_on_a_full_host, 0, 2)
{
	void (*const works[])(void) = {one_request, one_override};
	uint32_t alone = cost(works[_i], 1, 3, 2);
	uint32_t crowded = cost(works[_i], MANY_DOMAINS, MANY_VCPUS, 512);

	if (alone == 0)
		return; /* no ptrace here */
	/* empty words of the bitmaps make a small difference */
	ck_assert_msg(crowded <= alone + alone / 4 + 50, "%u instructions alone, %u on a full host",
		      alone, crowded);
}
