/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arbiter on random hosts, compared with a model that stores only the last input of each vCPU
 * and computes everything from that, step by step.
 * VMPOWER_TEST_SEED and VMPOWER_TEST_SCENARIOS choose what is run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/arbiter_fixture.h"
#include "tests/unit/runner.h"

#define N_FDS 6u
#define N_DOMAINS 5u
#define N_VCPUS 4u

struct model_fd {
	struct frequency_table table;
	uint32_t floor, ceiling;
	uint32_t baseline_khz; /* 0: unknown */
};

struct model_vcpu {
	bool known;
	struct vote vote;
	enum vote_from standing; /* of the operator's policy */
	uint32_t flags, n, ids[N_FDS];
	uint32_t override_khz; /* 0: none */
};

struct model_domain {
	bool there;
	struct domain_settings limits;
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
static bool model_allows(const struct model_fd *fd, const struct domain_settings *limits,
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
static uint32_t model_clamp(const struct model_fd *fd, const struct domain_settings *limits,
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

static bool model_contradicts(const struct model_fd *fd, const struct domain_settings *limits)
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

/* The step that a vote means on the vCPU's nth frequency domain. */
static uint32_t model_step(const struct model *model, uint32_t d, const struct model_vcpu *vcpu,
			   uint32_t nth, const struct vote *vote)
{
	const struct model_fd *fd = &model->fds[vcpu->ids[nth]];
	const struct domain_settings *limits = &model->domains[d].limits;
	uint32_t from = vote->from == VOTE_LOWEST    ? 0
			: vote->from == VOTE_HIGHEST ? fd->table.n_steps
			: vote->from == VOTE_MIDDLE  ? (fd->table.n_steps - 1) / 2
						     : fd->table.non_turbo;
	int64_t step = model_clamp(fd, limits, vote->turbo_off, from);

	/* what is denied above keeps it down, what is denied below does not lift it */
	if (vote->from != VOTE_LOWEST && step > from)
		step = from;
	step += vote->steps;
	return model_clamp(fd, limits, vote->turbo_off, step < 0 ? 0 : (uint32_t)step);
}

/* What the guest has said, or what stands beside it. */
static struct vote model_counts(const struct model *model, uint32_t d,
				const struct model_vcpu *vcpu)
{
	bool above = model->domains[d].limits.policy_rank == RANK_ABOVE_GUEST;
	struct vote vote = vcpu->vote;

	if (vcpu->n == 0 || !(vcpu->flags & VCPU_MAY_VOTE) || vcpu->standing == VOTE_NONE)
		return vote;
	if (above)
		vote.turbo_off = false;
	if (above || vote.from == VOTE_NONE) {
		vote.from = (uint8_t)vcpu->standing;
		vote.steps = 0;
	}
	return vote;
}

static struct arbiter_decision model_decide(const struct model *model, uint32_t id)
{
	const struct model_fd *fd = &model->fds[id];
	struct arbiter_decision decision = {.decider = DECIDER_NOBODY};
	uint32_t best = 0, override_khz = 0, enough;
	bool voters = false, silent = false;

	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		for (uint32_t v = 0; model->domains[d].there && v < N_VCPUS; v++) {
			const struct model_vcpu *vcpu = &model->domains[d].vcpus[v];
			struct vote counts = model_counts(model, d, vcpu);

			for (uint32_t i = 0; i < vcpu->n; i++) {
				uint32_t step;

				if (vcpu->ids[i] != id)
					continue;
				if (vcpu->override_khz > override_khz)
					override_khz = vcpu->override_khz;
				if (vcpu->flags & VCPU_PAUSED)
					continue;
				if (counts.from != VOTE_NONE) {
					voters = true;
					step = model_step(model, d, vcpu, i, &counts);
					best = step > best ? step : best;
				} else if (vcpu->flags & VCPU_PROTECTED) {
					silent = true;
				}
			}
		}
	}
	enough =
		fd->baseline_khz > 0 ? model_at_least(fd, fd->baseline_khz) : fd->table.n_steps - 1;
	if (override_khz > 0) {
		decision.decider = DECIDER_OVERRIDE;
		best = model_at_least(fd, override_khz);
	} else if (voters) {
		decision.decider = silent && model->silence_protects && best < enough
					   ? DECIDER_SILENCE
					   : DECIDER_VOTE;
	}
	if (decision.decider != DECIDER_NOBODY)
		decision.khz = fd->table.khz[model_within(fd, best)];
	return decision;
}

static void model_set_vcpu(struct model *model, uint32_t d, uint32_t v, uint32_t flags,
			   const struct vote *vote, const uint32_t *ids, uint32_t n)
{
	struct model_vcpu *vcpu = &model->domains[d].vcpus[v];

	if (!vcpu->known)
		vcpu->vote = *vote;
	if (n == 0 || !(flags & VCPU_MAY_VOTE))
		vcpu->vote = (struct vote){.channel = VOTE_NO_CHANNEL};
	vcpu->known = true;
	vcpu->flags = flags;
	vcpu->n = n;
	for (uint32_t i = 0; i < n; i++)
		vcpu->ids[i] = ids[i];
}

/* Is the vote as low, or as high, as it can be, everywhere? */
static bool model_at_end(const struct model *model, uint32_t d, const struct model_vcpu *vcpu,
			 bool upper)
{
	for (uint32_t i = 0; i < vcpu->n; i++) {
		uint32_t end = model_clamp(&model->fds[vcpu->ids[i]], &model->domains[d].limits,
					   vcpu->vote.turbo_off, upper ? UINT32_MAX / 2 : 0);

		if (model_step(model, d, vcpu, i, &vcpu->vote) != end)
			return false;
	}
	return true;
}

static void model_set_end(struct model_vcpu *vcpu, bool upper)
{
	vcpu->vote.steps = 0;
	vcpu->vote.from = VOTE_LOWEST;
	if (upper)
		vcpu->vote.from = vcpu->vote.turbo_off ? VOTE_NON_TURBO : VOTE_HIGHEST;
}

static void model_vote(struct model *model, uint32_t d, uint32_t v, enum arbiter_action action,
		       uint32_t channel)
{
	struct model_vcpu *vcpu = &model->domains[d].vcpus[v];
	bool up = action == ACTION_UP;
	uint32_t before, highest;

	vcpu->vote.channel = (uint8_t)channel;
	if (action == ACTION_MAX || action == ACTION_MIN) {
		model_set_end(vcpu, action == ACTION_MAX);
	} else if (action == ACTION_UP || action == ACTION_DOWN) {
		if (vcpu->vote.from == VOTE_NONE)
			vcpu->vote.from = VOTE_NON_TURBO;
		else if (model_at_end(model, d, vcpu, !up))
			model_set_end(vcpu, !up);
		vcpu->vote.steps = (int16_t)(vcpu->vote.steps + (up ? 1 : -1));
		if (model_at_end(model, d, vcpu, up))
			model_set_end(vcpu, up);
	} else if (action == ACTION_TURBO_ON) {
		vcpu->vote.turbo_off = false;
	} else {
		before = model_step(model, d, vcpu, 0, &vcpu->vote);
		vcpu->vote.turbo_off = true;
		highest = model_clamp(&model->fds[vcpu->ids[0]], &model->domains[d].limits, true,
				      UINT32_MAX / 2);
		if (vcpu->vote.from == VOTE_NONE)
			return;
		if (before > highest)
			model_set_end(vcpu, true);
		if (vcpu->vote.from != VOTE_HIGHEST)
			return;
		/* the same step, counted from where "enable turbo" won't move it */
		vcpu->vote.from = VOTE_NON_TURBO;
		vcpu->vote.steps = 0;
		vcpu->vote.steps = (int16_t)(before - model_step(model, d, vcpu, 0, &vcpu->vote));
	}
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
	return exists ? REFUSAL_DENIED : REFUSAL_NO_TURBO;
}

static void random_frequency_domain(struct model *model, uint32_t id)
{
	struct model_fd *fd = &model->fds[id];
	/* domain limits lie between 1.5 and 2.5 GHz: every table exceeds them */
	uint32_t n_steps = 20 + random_below(200), non_turbo = n_steps - 1 - random_below(3);

	fd->table = make_table(n_steps, non_turbo, 400000 + random_below(10) * 10000);
	fd->floor = random_below(10);
	fd->ceiling = n_steps - 1 - random_below(2);
	ck_assert_int_eq(
		arbiter_set_frequency_domain(arbiter, id, &fd->table, fd->floor, fd->ceiling), 0);
	if (random_below(2)) {
		fd->baseline_khz = random_below(3) ? 400000 + random_below(22000000) : 0;
		arbiter_set_baseline(arbiter, id, fd->baseline_khz);
	}
}

static void random_domain(struct model *model, uint32_t d)
{
	struct model_domain *domain = &model->domains[d];
	struct domain_settings limits = {
		.min_khz = random_below(2) ? 1000000 + random_below(500000) : 0,
		.max_khz = random_below(2) ? 1600000 + random_below(2000000) : 0,
		.turbo = random_below(2),
		.policy_rank = random_below(2),
	};

	for (uint32_t f = 0; f < N_FDS; f++)
		if (model_contradicts(&model->fds[f], &limits))
			return; /* limits_clamp() tests those */
	ck_assert_int_eq(arbiter_set_domain(arbiter, d, N_VCPUS, &limits), 0);
	domain->there = true;
	domain->limits = limits;
}

static void random_vcpu(struct model *model, uint32_t d)
{
	uint32_t ids[N_FDS], n = 0, v = random_below(N_VCPUS);
	uint32_t flags = random_below(8) == 0 ? 0 : VCPU_MAY_VOTE;
	struct vote vote = {
		.from = (uint8_t)random_below(4),
		.turbo_off = random_below(2),
		.channel = (uint8_t)random_below(3),
		.steps = (int16_t)(random_below(511) - 255),
	};

	/* what vote_unpack() lets through */
	if (vote.from == VOTE_NONE)
		vote.steps = 0;
	if (vote.from == VOTE_HIGHEST)
		vote.turbo_off = false;
	if (random_below(3) > 0)
		flags |= VCPU_PROTECTED;
	if (random_below(4) == 0)
		flags |= VCPU_PAUSED;
	for (uint32_t i = 0; i < N_FDS; i++)
		if (random_below(3) == 0)
			ids[n++] = i;
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, d, v, flags, &vote, ids, n), 0);
	model_set_vcpu(model, d, v, flags, &vote, ids, n);
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
	(void)arbiter_vote(arbiter, d, v, action, d % 3);
	model_vote(model, d, v, action, d % 3);
}

static void random_standing(struct model *model, uint32_t d)
{
	static const enum vote_from from[] = {VOTE_NONE, VOTE_LOWEST, VOTE_MIDDLE, VOTE_HIGHEST};
	enum vote_from standing = from[random_below(4)];
	struct setting_vcpus vcpus = {.bits = {random_below(1u << N_VCPUS)}};

	(void)arbiter_set_standing(arbiter, d, standing, &vcpus);
	for (uint32_t v = 0; v < N_VCPUS; v++)
		model->domains[d].vcpus[v].standing =
			setting_vcpus_has(&vcpus, v) ? standing : VOTE_NONE;
}

static void random_override(struct model *model, uint32_t d)
{
	uint32_t v = random_below(N_VCPUS);
	uint32_t khz = random_below(2) ? 0 : 300000 + random_below(3000000);

	ck_assert_int_eq(arbiter_set_override(arbiter, d, v, khz), 0);
	model->domains[d].vcpus[v].override_khz = khz;
}

/* Does everything match the model, and was every change of a target announced? */
static void compare(const struct model *model, struct arbiter_decision *last, uint32_t scenario,
		    uint32_t operation)
{
	bool dirty[N_FDS] = {false};
	int id;

	while ((id = arbiter_next_dirty(arbiter)) >= 0) {
		if (dirty[id])
			fail_at(scenario, operation, "dirty twice");
		dirty[id] = true;
	}
	for (uint32_t f = 0; f < N_FDS; f++) {
		struct arbiter_decision decision = arbiter_decide(arbiter, f);
		struct arbiter_decision expected = model_decide(model, f);

		if (decision.decider != expected.decider || decision.khz != expected.khz)
			fail_at(scenario, operation, "another decision");
		if ((decision.decider != last[f].decider || decision.khz != last[f].khz) &&
		    !dirty[f])
			fail_at(scenario, operation, "a change that nobody was told of");
		last[f] = decision;
	}
	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		for (uint32_t v = 0; v < N_VCPUS; v++) {
			const struct model_vcpu *vcpu = &model->domains[d].vcpus[v];
			struct vote counts = model_counts(model, d, vcpu);
			uint32_t khz = 0;

			if (!model->domains[d].there)
				continue;
			if (counts.from != VOTE_NONE)
				khz = model->fds[vcpu->ids[0]]
					      .table.khz[model_step(model, d, vcpu, 0, &counts)];
			if (arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, d, v)) != khz ||
			    vote_pack(&arbiter_vcpu(arbiter, d, v)->vote) != vote_pack(&vcpu->vote))
				fail_at(scenario, operation, "another vote");
		}
	}
}

static void run_scenario(uint32_t seed)
{
	cleanup_free struct model *model = calloc(1, sizeof(*model));
	struct arbiter_decision last[N_FDS] = {0};

	ck_assert_ptr_nonnull(model);
	random_state = seed;
	model->silence_protects = random_below(2);
	ck_assert_int_eq(arbiter_new(model->silence_protects, &arbiter), 0);
	for (uint32_t f = 0; f < N_FDS; f++) {
		random_frequency_domain(model, f);
		last[f] = arbiter_decide(arbiter, f);
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
		} else if (what < 55) {
			random_standing(model, d);
		} else if (what < 94) {
			random_vote(model, d, seed, operation);
		} else if (what < 97) {
			bool all = random_below(2);

			if (all)
				arbiter_end_session(arbiter, d, EVERY_CHANNEL);
			else
				arbiter_end_session(arbiter, d, 1);
			for (uint32_t v = 0; v < N_VCPUS; v++) {
				struct vote *vote = &model->domains[d].vcpus[v].vote;

				if (all || vote->channel == 1)
					*vote = (struct vote){.channel = VOTE_NO_CHANNEL};
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
