/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which frequency each frequency domain runs at. Pure: no fds, no clock. Allocates when
 * domains and frequency domains are set up, never for a request.
 *
 * The highest vote wins, and silence protects: while at least one vCPU has voted on a frequency
 * domain, each protected vCPU that has not voted counts as a vote for the highest frequency without
 * turbo. If nobody has voted, the frequency domain has its baseline and is not ours.
 *
 * An operator's override beats votes and silence: while vCPUs of a frequency domain have overrides,
 * it runs at the highest of these. An override is in kHz. It sets each of the vCPU's frequency
 * domains to the lowest step that is at least as fast, within the host's limits; the domain's
 * limits and "disable turbo" bind the guest, not the operator. The vCPU needs neither a vote nor
 * the right to vote. The frequency domain is ours until it has neither an override nor a vote.
 * Meanwhile votes are recorded and answered as usual; they count again when the override is
 * released. An override moves with its vCPU, survives arbiter_silence_domain(), and ends with its
 * domain.
 *
 * A paused vCPU (VCPU_PAUSED) does not run, so neither its vote nor its silence counts until it
 * runs again. That includes a vote by a request that was on its way when the vCPU was paused. Its
 * override stays in force: the operator has fixed the frequency of those CPUs.
 *
 * A vCPU's vote is one step in the table of each of its frequency domains. The step is always
 * within the host's limits (floor and ceiling of the frequency domain), the domain's limits (kHz,
 * turbo), and the ceiling that the guest sets with "disable turbo". If these contradict each other,
 * the host's limits win. Turbo is allowed from the start if the domain may use it. "disable turbo"
 * lowers the vCPU's ceiling to the non-turbo maximum, and its vote with it; "enable turbo" lifts
 * the ceiling and changes no vote. (DPDK's own drivers differ: on "enable turbo", some raise the
 * frequency to the maximum, some don't. A guest that wants the maximum requests "max".) Neither
 * command is a vote: a silent vCPU stays silent.
 *
 * The cost of a vote depends only on the number of the vCPU's frequency domains, not on the number
 * of vCPUs, domains or voters: votes are counted by step, and a bitmap shows the highest. The same
 * goes for overrides.
 */
#ifndef VMPOWER_HELPER_MONITOR_ARBITER_ARBITER_H
#define VMPOWER_HELPER_MONITOR_ARBITER_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/frequency.h"
#include "helper/link/refusal.h"

#define ARBITER_BASELINE (-1)

struct arbiter;

/* Numbered like the guest protocol's units. */
enum arbiter_action {
	ACTION_UP = 1,
	ACTION_DOWN = 2,
	ACTION_MAX = 3,
	ACTION_MIN = 4,
	ACTION_TURBO_ON = 5,
	ACTION_TURBO_OFF = 6,
};

struct arbiter_limits {
	uint32_t min_khz, max_khz; /* 0: none */
	bool turbo;
};

/* One of a vCPU's frequency domains. */
struct arbiter_member {
	uint16_t frequency_domain;
	uint8_t step;	       /* its vote, if the vCPU has voted */
	uint8_t low, high;     /* limits of the host and the domain, as steps */
	uint8_t override_step; /* of the vCPU's override, if it has one; not clamped */
};

struct arbiter_vcpu {
	struct arbiter_member *members;
	uint32_t override_khz; /* 0: none */
	uint16_t n_members;
	uint8_t flags; /* VCPU_* of message.h */
	bool known;    /* was set since its domain was added */
	bool voted;
	bool turbo_off; /* by the guest */
};

/** arbiter_new() - Return: 0 and *arbiter, owned by the caller; -ENOMEM */
int arbiter_new(bool silence_protects, struct arbiter **arbiter);
void arbiter_free(struct arbiter *arbiter);

/** arbiter_set_silence() - set whether silence protects */
void arbiter_set_silence(struct arbiter *arbiter, bool protects);

/**
 * arbiter_set_frequency_domain() - a new frequency domain, or other limits or steps for it
 * @id:		< MAX_FREQUENCY_DOMAINS
 * @table:	valid as link_validate() says
 * @floor:	step, <= @ceiling
 * @ceiling:	step, < n_steps
 *
 * Votes keep their kHz: each moves to the lowest step that is at least as fast.
 *
 * Return: 0 or -ENOMEM.
 */
int arbiter_set_frequency_domain(struct arbiter *arbiter, uint32_t id,
				 const struct frequency_table *table, uint32_t floor,
				 uint32_t ceiling);
bool arbiter_has_frequency_domain(const struct arbiter *arbiter, uint32_t id);

/**
 * arbiter_set_domain() - a new domain, or other limits for it
 * @id:		< MAX_DOMAINS
 * @n_vcpus:	1..MAX_DOMAIN_VCPUS; can't change for a known domain
 *
 * Return: 0; -EEXIST (known, with another number of vCPUs); -ENOMEM.
 */
int arbiter_set_domain(struct arbiter *arbiter, uint32_t id, uint32_t n_vcpus,
		       const struct arbiter_limits *limits);

/** arbiter_remove_domain() - forget it and its votes */
void arbiter_remove_domain(struct arbiter *arbiter, uint32_t id);

/** arbiter_silence_domain() - forget its votes, as if it had never voted; overrides stay */
void arbiter_silence_domain(struct arbiter *arbiter, uint32_t id);

/** arbiter_vcpus() - number of vCPUs of a domain; 0: there is no such domain */
uint32_t arbiter_vcpus(const struct arbiter *arbiter, uint32_t domain);

/**
 * arbiter_set_vcpu() - set where a vCPU runs: a new vCPU, or a known one that has moved
 * @vcpu:	of the domain, < arbiter_vcpus()
 * @flags:	VCPU_*; a vCPU that becomes VCPU_PAUSED keeps its vote
 * @vote_khz:	its vote to begin with, only the first time; 0: silent
 * @ids:	@n known frequency domains; duplicates count once
 *
 * The vote moves with its vCPU: on frequency domains where the vCPU stays it keeps its step, on new
 * ones it takes the lowest step that is at least as fast. A vCPU that may not vote, or no longer
 * may, or has nothing to vote on, is silent.
 *
 * Return: 0; -ENOENT (no such domain, vCPU or frequency domain); -ENOMEM. Both change nothing.
 */
int arbiter_set_vcpu(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu, uint32_t flags,
		     uint32_t vote_khz, const uint32_t *ids, uint32_t n);

/**
 * arbiter_set_override() - fix or release the frequency of a vCPU's frequency domains
 * @vcpu:	of the domain, < arbiter_vcpus(); arbiter_set_vcpu() may follow later
 * @khz:	0: release
 *
 * Its frequency domains become dirty, even if the override is the old one.
 *
 * Return: 0; -ENOENT (no such domain or vCPU).
 */
int arbiter_set_override(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu, uint32_t khz);

/** arbiter_vcpu() - a vCPU, read-only; valid until it is set again; NULL: there is none */
const struct arbiter_vcpu *arbiter_vcpu(const struct arbiter *arbiter, uint32_t domain,
					uint64_t vcpu);

/** arbiter_check() - may a vCPU do this? Return: REFUSAL_NONE or the reason against it */
enum refusal arbiter_check(const struct arbiter *arbiter, uint32_t domain, uint64_t vcpu,
			   enum arbiter_action action);

/**
 * arbiter_vote() - do what arbiter_check() allows
 *
 * The vCPU's frequency domains become dirty, even if the vote is the old one: a write that
 * failed is tried again at every request.
 */
void arbiter_vote(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu,
		  enum arbiter_action action);

/** arbiter_vote_khz() - the vote on the vCPU's first frequency domain; 0: silent */
uint32_t arbiter_vote_khz(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu);

/** arbiter_may_turbo() - could a vote of this vCPU be above the non-turbo maximum? */
bool arbiter_may_turbo(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu);

/** arbiter_target() - the step to run at, or ARBITER_BASELINE */
int arbiter_target(const struct arbiter *arbiter, uint32_t frequency_domain);

uint32_t arbiter_khz(const struct arbiter *arbiter, uint32_t frequency_domain, uint32_t step);

/** arbiter_neighbour_khz() - the next faster step within the host's limits, else slower; 0: none */
uint32_t arbiter_neighbour_khz(const struct arbiter *arbiter, uint32_t frequency_domain,
			       uint32_t step);

/* How many vCPUs vote, are silent and protect (neither counts paused ones), have an override. */
uint32_t arbiter_voters(const struct arbiter *arbiter, uint32_t frequency_domain);
uint32_t arbiter_silent(const struct arbiter *arbiter, uint32_t frequency_domain);
uint32_t arbiter_overrides(const struct arbiter *arbiter, uint32_t frequency_domain);

/** arbiter_mark_dirty() - have arbiter_next_dirty() return this frequency domain */
void arbiter_mark_dirty(struct arbiter *arbiter, uint32_t frequency_domain);

/** arbiter_next_dirty() - take a frequency domain whose target may have changed; -1: none */
int arbiter_next_dirty(struct arbiter *arbiter);

#endif
