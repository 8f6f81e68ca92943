/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/hook_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "xml/domain_xml.h"

struct heard_event {
	struct heard_event *next;
	int xml_fd;
	struct hook_event event;
};

const char *hook_operation_name(uint32_t operation)
{
	switch (operation) {
	case HOOK_STARTED:
		return "hook started";
	case HOOK_RECONNECT:
		return "hook reconnect";
	case HOOK_STOPPED:
		return "hook stopped";
	case HOOK_RELEASE:
		return "hook release";
	default:
		return NULL;
	}
}

static void act(struct domains *domains, const struct hook_event *event, int xml_fd)
{
	const char *source = hook_operation_name(event->operation);
	cleanup(domain_description_freep) struct domain_description *description = NULL;
	struct domain_report report = {.source = source, .asked_ns = event->started_ns};
	struct xml_error error = {.text = ""};
	char *xml;
	int r;

	report.name = event->domain;
	xml = mmap(NULL, event->xml_size, PROT_READ, MAP_PRIVATE, xml_fd, 0);
	if (xml == MAP_FAILED) {
		r = -errno;
		xml_error_set(&error, "can't map it: %s", strerror(errno));
	} else {
		r = domain_xml_parse(xml, event->xml_size, &description, &error);
		(void)munmap(xml, event->xml_size);
	}
	/* If the XML has no UUID, use the name. */
	if (r == 0)
		report.uuid = description->uuid;
	else if (error.uuid[0])
		report.uuid = error.uuid;
	if (event->operation == HOOK_STARTED || event->operation == HOOK_RECONNECT) {
		report.starts = true;
		report.unreadable = r < 0 ? error.text : NULL;
		report.running = take_ptr(description);
	}
	(void)domains_report(domains, &report);
}

static struct heard_event *take_first(struct hook_queue *queue)
{
	struct heard_event *heard = queue->first;

	queue->first = heard->next;
	if (!queue->first)
		queue->last = NULL;
	queue->n--;
	queue->bytes -= heard->event.xml_size;
	return heard;
}

static void act_on_first(struct hook_queue *queue)
{
	struct heard_event *heard = take_first(queue);

	act(queue->domains, &heard->event, heard->xml_fd);
	close_fd(&heard->xml_fd);
	free(heard);
}

static void on_timer(struct loop_timer *timer)
{
	struct hook_queue *queue = container_of(timer, struct hook_queue, timer);

	act_on_first(queue);
	if (queue->first)
		loop_timer_set(queue->loop, &queue->timer, 0);
}

void hook_queue_init(struct hook_queue *queue, struct loop *loop, struct domains *domains)
{
	*queue = (struct hook_queue){
		.loop = loop,
		.domains = domains,
		.timer = {.on_expiry = on_timer, .name = "a hook's event"},
	};
}

void hook_queue_clear(struct hook_queue *queue)
{
	loop_timer_cancel(queue->loop, &queue->timer);
	while (queue->first) {
		struct heard_event *heard = take_first(queue);

		close_fd(&heard->xml_fd);
		free(heard);
	}
}

void hook_queue_add(struct hook_queue *queue, const struct hook_event *event, int xml_fd)
{
	struct heard_event *heard = malloc(sizeof(*heard));

	if (!heard) { /* then at once, and in order */
		hook_queue_finish(queue);
		act(queue->domains, event, xml_fd);
		close_fd(&xml_fd);
		return;
	}
	*heard = (struct heard_event){.xml_fd = xml_fd, .event = *event};
	if (queue->last)
		queue->last->next = heard;
	else
		queue->first = heard;
	queue->last = heard;
	queue->n++;
	queue->bytes += event->xml_size;
	while (queue->first && (queue->n > HOOK_QUEUE_EVENTS || queue->bytes > HOOK_QUEUE_BYTES))
		act_on_first(queue);
	if (queue->first && queue->timer.due_ns == 0)
		loop_timer_set(queue->loop, &queue->timer, 0);
}

void hook_queue_finish(struct hook_queue *queue)
{
	loop_timer_cancel(queue->loop, &queue->timer);
	while (queue->first)
		act_on_first(queue);
}
