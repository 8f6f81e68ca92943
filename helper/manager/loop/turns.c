/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/loop/turns.h"

#include <stddef.h>

void turns_begin(struct loop_turns *turns, uint64_t now_ns)
{
	turns->began_ns = turns->last_ns = now_ns;
	turns->what_ns = 0;
	turns->what = NULL;
}

void turns_ran(struct loop_turns *turns, const char *name, uint64_t now_ns)
{
	uint64_t took = now_ns - turns->last_ns;

	turns->last_ns = now_ns;
	if (turns->what && took <= turns->what_ns)
		return;
	turns->what = name;
	turns->what_ns = took;
}

void turns_end(struct loop_turns *turns, uint64_t now_ns, uint64_t cpu_ns)
{
	uint64_t took = cpu_ns - turns->cpu_ns;

	turns->cpu_ns = cpu_ns;
	histogram_add(&turns->cpu, took);
	if (turns->longest.ended_ns != 0 && took <= turns->longest.cpu_ns)
		return;
	turns->longest = (struct loop_turn){
		.cpu_ns = took,
		.wall_ns = now_ns - turns->began_ns,
		.ended_ns = now_ns,
		.what = turns->what,
	};
}
