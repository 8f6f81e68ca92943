/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/claims.h"

#include <stdlib.h>

#include "common/assertion.h"
#include "common/bounds.h"

struct domain_claims {
	struct cpuset counted;
	struct cpuset told; /* since claims_begin() */
};

/* Mostly unused: a page takes memory when a domain with such an id was there. */
struct claims {
	uint32_t n_domains[MAX_FREQUENCY_DOMAINS]; /* that claim it */
	struct domain_claims domains[MAX_DOMAINS];
};

struct claims *claims_new(void)
{
	return calloc(1, sizeof(struct claims));
}

void claims_free(struct claims *claims)
{
	free(claims);
}

void claims_begin(struct claims *claims, uint32_t domain)
{
	ASSERT(domain < MAX_DOMAINS);
	claims->domains[domain].told = (struct cpuset){.bits = {0}};
}

void claims_add(struct claims *claims, uint32_t domain, const struct cpuset *ids)
{
	struct domain_claims *of = &claims->domains[domain];
	struct cpuset more = *ids;
	unsigned int id;

	cpuset_add_all(&of->told, ids);
	cpuset_del_all(&more, &of->counted);
	cpuset_add_all(&of->counted, ids);
	cpuset_for_each (id, &more)
		claims->n_domains[id]++;
}

void claims_end(struct claims *claims, uint32_t domain)
{
	struct domain_claims *of = &claims->domains[domain];
	struct cpuset less = of->counted;
	unsigned int id;

	cpuset_del_all(&less, &of->told);
	of->counted = of->told;
	cpuset_for_each (id, &less) {
		ASSERT(claims->n_domains[id] > 0);
		claims->n_domains[id]--;
	}
}

void claims_forget(struct claims *claims, uint32_t domain)
{
	claims_begin(claims, domain);
	claims_end(claims, domain);
}

bool claims_has(const struct claims *claims, uint32_t id)
{
	ASSERT(id < MAX_FREQUENCY_DOMAINS);
	return claims->n_domains[id] > 0;
}
