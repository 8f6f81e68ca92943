/* SPDX-License-Identifier: BSD-3-Clause */
/* Doubly linked lists with the links inside the members: no allocation, removal in O(1). */
#ifndef VMPOWER_HELPER_MONITOR_STATE_INTRUSIVE_LIST_H
#define VMPOWER_HELPER_MONITOR_STATE_INTRUSIVE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A list's head, or a link in it; a link that is in no list points at itself. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

/* Take a link out of its list, if it is in one. */
static inline void list_remove(struct list *link)
{
	link->next->prev = link->prev;
	link->prev->next = link->next;
	list_init(link);
}

/* Move a link to the end of a list. */
static inline void list_append(struct list *list, struct list *link)
{
	list_remove(link);
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

#endif
