/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arbiter on random hosts, compared with a model that stores only the last input of each vCPU
 * and computes everything from that, step by step.
 * VMPOWER_TEST_SEED and VMPOWER_TEST_SCENARIOS choose what is run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "tests/unit/runner.h"

static struct arbiter *arbiter;

static struct frequency_table make_table(uint32_t n_steps, uint32_t non_turbo, uint32_t first_khz)
{
	struct frequency_table table = {.n_steps = n_steps, .non_turbo = non_turbo};

	for (uint32_t i = 0; i < n_steps; i++)
		table.khz[i] = first_khz + i * 100000;
	return table;
}

#define N_FDS 6u
#define N_DOMAINS 5u
#define N_VCPUS 4u

struct model_fd {
	struct frequency_table table;
	uint32_t floor, ceiling;
};

struct model_vcpu {
	bool known, voted, turbo_off;
	uint32_t flags, n, ids[N_FDS], steps[N_FDS];
	uint32_t override_khz; /* 0: none */
};

struct model_domain {
	bool there;
	struct arbiter_limits limits;
	struct model_vcpu vcpus[N_VCPUS];
};

struct model {
	bool silence_protects;
	struct model_fd fds[N_FDS];
	struct model_domain domains[N_DOMAINS];
};

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void fail_at(uint32_t scenario, uint32_t operation, const char *what)
{
	ck_abort_msg("scenario seed %u, operation %u: %s", scenario, operation, what);
}

/* May the vCPU vote for this step? Simple rather than fast. */
static bool model_allows(const struct model_fd *fd, const struct arbiter_limits *limits,
			 bool turbo_off, uint32_t step, bool domain_too)
{
	if (step < fd->floor || step > fd->ceiling)
		return false;
	if (!domain_too)
		return true;
	if (limits->min_khz && fd->table.khz[step] < limits->min_khz)
		return false;
	if (limits->max_khz && fd->table.khz[step] > limits->max_khz)
		return false;
	return (limits->turbo && !turbo_off) || step <= fd->table.non_turbo;
}

/* The allowed step nearest to @step. The limits must not contradict each other. */
static uint32_t model_clamp(const struct model_fd *fd, const struct arbiter_limits *limits,
			    bool turbo_off, uint32_t step)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t s = 0; s < fd->table.n_steps; s++) {
		if (!model_allows(fd, limits, turbo_off, s, true))
			continue;
		if (best == UINT32_MAX ||
		    (s > step ? s - step : step - s) < (best > step ? best - step : step - best))
			best = s;
	}
	return best;
}

static bool model_contradicts(const struct model_fd *fd, const struct arbiter_limits *limits)
{
	return model_clamp(fd, limits, true, 0) == UINT32_MAX;
}

static uint32_t model_at_least(const struct model_fd *fd, uint32_t khz)
{
	for (uint32_t s = 0; s < fd->table.n_steps; s++)
		if (fd->table.khz[s] >= khz)
			return s;
	return fd->table.n_steps - 1;
}

static uint32_t model_within(const struct model_fd *fd, uint32_t step)
{
	if (step > fd->ceiling)
		step = fd->ceiling;
	return step < fd->floor ? fd->floor : step;
}

static int model_target(const struct model *model, uint32_t id)
{
	const struct model_fd *fd = &model->fds[id];
	uint32_t best = 0, override_khz = 0;
	bool voters = false, silent = false;

	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		for (uint32_t v = 0; model->domains[d].there && v < N_VCPUS; v++) {
			const struct model_vcpu *vcpu = &model->domains[d].vcpus[v];

			for (uint32_t i = 0; i < vcpu->n; i++) {
				if (vcpu->ids[i] != id)
					continue;
				if (vcpu->override_khz > override_khz)
					override_khz = vcpu->override_khz;
				if (vcpu->flags & VCPU_PAUSED)
					continue;
				if (vcpu->voted) {
					voters = true;
					best = vcpu->steps[i] > best ? vcpu->steps[i] : best;
				} else if (vcpu->flags & VCPU_PROTECTED) {
					silent = true;
				}
			}
		}
	}
	if (override_khz > 0)
		return (int)model_within(fd, model_at_least(fd, override_khz));
	if (!voters)
		return ARBITER_BASELINE;
	if (silent && model->silence_protects && best < fd->table.non_turbo)
		best = fd->table.non_turbo;
	return (int)model_within(fd, best);
}

static void model_set_vcpu(struct model *model, uint32_t d, uint32_t v, uint32_t flags,
			   uint32_t khz, const uint32_t *ids, uint32_t n)
{
	struct model_domain *domain = &model->domains[d];
	struct model_vcpu old = domain->vcpus[v], *vcpu = &domain->vcpus[v];

	if (old.known)
		khz = old.voted ? model->fds[old.ids[0]].table.khz[old.steps[0]] : 0;
	vcpu->known = true;
	vcpu->flags = flags;
	vcpu->n = n;
	vcpu->voted = khz > 0 && n > 0 && (flags & VCPU_MAY_VOTE);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t step = model_at_least(&model->fds[ids[i]], khz);

		for (uint32_t o = 0; o < old.n; o++)
			if (old.voted && old.ids[o] == ids[i])
				step = old.steps[o];
		vcpu->ids[i] = ids[i];
		vcpu->steps[i] =
			model_clamp(&model->fds[ids[i]], &domain->limits, old.turbo_off, step);
	}
}

static void model_vote(struct model *model, uint32_t d, uint32_t v, enum arbiter_action action)
{
	struct model_vcpu *vcpu = &model->domains[d].vcpus[v];

	if (action == ACTION_TURBO_ON || action == ACTION_TURBO_OFF)
		vcpu->turbo_off = action == ACTION_TURBO_OFF;
	for (uint32_t i = 0; i < vcpu->n; i++) {
		const struct model_fd *fd = &model->fds[vcpu->ids[i]];
		const struct arbiter_limits *limits = &model->domains[d].limits;
		uint32_t step =
			vcpu->voted ? vcpu->steps[i]
				    : model_clamp(fd, limits, vcpu->turbo_off, fd->table.non_turbo);

		if (action == ACTION_UP)
			step++;
		else if (action == ACTION_DOWN && step > 0)
			step--;
		else if (action == ACTION_MAX)
			step = fd->table.n_steps;
		else if (action == ACTION_MIN)
			step = 0;
		if (action < ACTION_TURBO_ON || vcpu->voted)
			vcpu->steps[i] = model_clamp(fd, limits, vcpu->turbo_off, step);
	}
	if (action < ACTION_TURBO_ON)
		vcpu->voted = true;
}

static enum refusal model_check(const struct model *model, uint32_t d, uint32_t v,
				enum arbiter_action action)
{
	const struct model_domain *domain = &model->domains[d];
	const struct model_vcpu *vcpu = &domain->vcpus[v];
	bool exists = false;

	if (!domain->there || v >= N_VCPUS)
		return REFUSAL_VCPU;
	if (!(vcpu->flags & VCPU_MAY_VOTE))
		return REFUSAL_UNPINNED;
	if (vcpu->n == 0)
		return REFUSAL_NO_CPUFREQ;
	if (action != ACTION_TURBO_ON)
		return REFUSAL_NONE;
	for (uint32_t i = 0; i < vcpu->n; i++) {
		const struct model_fd *fd = &model->fds[vcpu->ids[i]];

		for (uint32_t s = fd->table.non_turbo + 1; s < fd->table.n_steps; s++) {
			exists = true;
			if (model_allows(fd, &domain->limits, false, s, true))
				return REFUSAL_NONE;
		}
	}
	return exists ? REFUSAL_DENIED : REFUSAL_UNIT;
}

static void random_frequency_domain(struct model *model, uint32_t id)
{
	struct model_fd *fd = &model->fds[id], old = *fd;
	/* domain limits lie between 1.5 and 2.5 GHz: every table exceeds them */
	uint32_t n_steps = 20 + random_below(200), non_turbo = n_steps - 1 - random_below(3);

	fd->table = make_table(n_steps, non_turbo, 400000 + random_below(10) * 10000);
	fd->floor = random_below(10);
	fd->ceiling = n_steps - 1 - random_below(2);
	ck_assert_int_eq(
		arbiter_set_frequency_domain(arbiter, id, &fd->table, fd->floor, fd->ceiling), 0);
	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		for (uint32_t v = 0; v < N_VCPUS; v++) {
			struct model_vcpu *vcpu = &model->domains[d].vcpus[v];

			for (uint32_t i = 0; i < vcpu->n; i++)
				if (vcpu->ids[i] == id)
					vcpu->steps[i] = model_clamp(
						fd, &model->domains[d].limits, vcpu->turbo_off,
						model_at_least(fd, old.table.khz[vcpu->steps[i]]));
		}
	}
}

static void random_domain(struct model *model, uint32_t d)
{
	struct model_domain *domain = &model->domains[d];
	struct arbiter_limits limits = {
		.min_khz = random_below(2) ? 1000000 + random_below(500000) : 0,
		.max_khz = random_below(2) ? 1600000 + random_below(2000000) : 0,
		.turbo = random_below(2),
	};

	for (uint32_t f = 0; f < N_FDS; f++)
		if (model_contradicts(&model->fds[f], &limits))
			return; /* limits_clamp() tests those */
	ck_assert_int_eq(arbiter_set_domain(arbiter, d, N_VCPUS, &limits), 0);
	domain->there = true;
	domain->limits = limits;
	for (uint32_t v = 0; v < N_VCPUS; v++) {
		struct model_vcpu *vcpu = &domain->vcpus[v];

		for (uint32_t i = 0; i < vcpu->n; i++)
			vcpu->steps[i] = model_clamp(&model->fds[vcpu->ids[i]], &limits,
						     vcpu->turbo_off, vcpu->steps[i]);
	}
}

static void random_vcpu(struct model *model, uint32_t d)
{
	uint32_t ids[N_FDS], n = 0, v = random_below(N_VCPUS), first = random_below(N_FDS);
	uint32_t flags = random_below(8) == 0 ? 0 : VCPU_MAY_VOTE;
	uint32_t khz = random_below(2) ? 0 : 300000 + random_below(3000000);

	if (random_below(3) > 0)
		flags |= VCPU_PROTECTED;
	if (random_below(4) == 0)
		flags |= VCPU_PAUSED;
	for (uint32_t i = 0; i < N_FDS; i++)
		if (random_below(3) == 0)
			ids[n++] = (first + i) % N_FDS;
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, d, v, flags, khz, ids, n), 0);
	model_set_vcpu(model, d, v, flags, khz, ids, n);
}

static void random_vote(struct model *model, uint32_t d, uint32_t scenario, uint32_t operation)
{
	uint32_t v = random_below(N_VCPUS + 1);
	enum arbiter_action action = (enum arbiter_action)(1 + random_below(6));
	enum refusal refusal = arbiter_check(arbiter, d, v, action);

	if (refusal != model_check(model, d, v, action))
		fail_at(scenario, operation, "another refusal");
	if (refusal != REFUSAL_NONE)
		return;
	arbiter_vote(arbiter, d, v, action);
	model_vote(model, d, v, action);
}

static void random_override(struct model *model, uint32_t d)
{
	uint32_t v = random_below(N_VCPUS);
	uint32_t khz = random_below(2) ? 0 : 300000 + random_below(3000000);

	ck_assert_int_eq(arbiter_set_override(arbiter, d, v, khz), 0);
	model->domains[d].vcpus[v].override_khz = khz;
}

/* Does everything match the model, and was every change of a target announced? */
static void compare(const struct model *model, int *last, uint32_t scenario, uint32_t operation)
{
	bool dirty[N_FDS] = {false};
	int id;

	while ((id = arbiter_next_dirty(arbiter)) >= 0) {
		if (dirty[id])
			fail_at(scenario, operation, "dirty twice");
		dirty[id] = true;
	}
	for (uint32_t f = 0; f < N_FDS; f++) {
		int target = arbiter_target(arbiter, f);

		if (target != model_target(model, f))
			fail_at(scenario, operation, "another target");
		if (target != last[f] && !dirty[f])
			fail_at(scenario, operation, "a change that nobody was told of");
		last[f] = target;
	}
	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		for (uint32_t v = 0; v < N_VCPUS; v++) {
			const struct model_vcpu *vcpu = &model->domains[d].vcpus[v];
			uint32_t khz = model->domains[d].there && vcpu->voted
					       ? model->fds[vcpu->ids[0]].table.khz[vcpu->steps[0]]
					       : 0;

			if (arbiter_vote_khz(arbiter, d, v) != khz)
				fail_at(scenario, operation, "another vote");
		}
	}
}

static void run_scenario(uint32_t seed)
{
	cleanup_free struct model *model = calloc(1, sizeof(*model));
	int last[N_FDS];

	ck_assert_ptr_nonnull(model);
	random_state = seed;
	model->silence_protects = random_below(2);
	ck_assert_int_eq(arbiter_new(model->silence_protects, &arbiter), 0);
	for (uint32_t f = 0; f < N_FDS; f++) {
		random_frequency_domain(model, f);
		last[f] = ARBITER_BASELINE;
	}
	for (uint32_t operation = 0; operation < 150; operation++) {
		uint32_t what = random_below(100), d = random_below(N_DOMAINS);

		if (what < 3) {
			random_frequency_domain(model, random_below(N_FDS));
		} else if (what < 15 || !model->domains[d].there) {
			random_domain(model, d);
		} else if (what < 40) {
			random_vcpu(model, d);
		} else if (what < 48) {
			random_override(model, d);
		} else if (what < 94) {
			random_vote(model, d, seed, operation);
		} else if (what < 97) {
			arbiter_silence_domain(arbiter, d);
			for (uint32_t v = 0; v < N_VCPUS; v++) {
				model->domains[d].vcpus[v].voted = false;
				model->domains[d].vcpus[v].turbo_off = false;
			}
		} else {
			arbiter_remove_domain(arbiter, d);
			memset(&model->domains[d], 0, sizeof(model->domains[d]));
		}
		compare(model, last, seed, operation);
	}
	arbiter_free(arbiter);
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);

	return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

TIMEOUT(300)

TEST(agrees_with_the_model)
{
	uint32_t seed = from_environment("VMPOWER_TEST_SEED", 1);
	uint32_t n = from_environment("VMPOWER_TEST_SCENARIOS", 10000);

	printf("arbiter: scenarios with seeds %u to %u\n", seed, seed + n - 1);
	for (uint32_t i = 0; i < n; i++)
		run_scenario(seed + i);
}
