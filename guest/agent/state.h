/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share. One loop owns all of it. */
#ifndef VMPOWER_GUEST_AGENT_STATE_H
#define VMPOWER_GUEST_AGENT_STATE_H

#include "common/clock.h"
#include "guest/agent/agent.h"
#include "guest/governor/governor.h"
#include "guest/port/exchange.h"
#include "guest/sensors/command.h"
#include "guest/sensors/proc_stat.h"
#include "guest/sensors/telemetry.h"

#define MAX_GOVERNED MAX_DOMAIN_CHANNELS
#define MAX_APPLICATIONS 16
#define MAX_CLIENTS 8
#define MAX_WAITING 4 /* requests of a client without an answer yet */
#define RETRY_NS NS_PER_S

enum vcpu_state {
	VCPU_CLOSED, /* the port can't be opened; tried again */
	VCPU_AWAY,   /* no host is connected */
	VCPU_IDLE,
	VCPU_ASKED,   /* a wish is out */
	VCPU_QUERIED, /* a query is out */
};

enum vcpu_sensor { SENSOR_NONE, SENSOR_TELEMETRY, SENSOR_COMMAND, SENSOR_PROC_STAT };

struct vcpu {
	unsigned int number;
	enum vcpu_state state;
	struct port port;
	struct governor governor;
	struct frame request; /* that is out */
	enum governor_wish
		wish; /* that it stands for, or that a query follows; WISH_NONE: heartbeat */
	bool queries; /* does the host answer them for this vCPU? */
	bool again;   /* a tool has asked for something: see where it stands */
	int error;    /* why it is closed */
	bool told;    /* of what is wrong now: logged once */
	uint64_t deadline_ns, retry_ns, heartbeat_ns;
	enum vcpu_sensor sensor;
	uint64_t measured_ns; /* when it was measured last; 0: never */
	uint64_t command_ns;  /* when the command spoke for it last; 0: never */
	uint64_t changes, refused, unanswered, blind; /* counted */
};

struct client {
	int fd;		   /* -1: none */
	struct vcpu *vcpu; /* whose port it uses; NULL: it has not said hello */
	uint32_t n_waiting;
	struct frame waiting[MAX_WAITING];
};

struct agent {
	const struct guest_config *config;
	const struct agent_places *places;
	struct governor_settings settings;
	uint32_t n_vcpus;
	struct vcpu *vcpus;		/* MAX_GOVERNED */
	struct telemetry *applications; /* MAX_APPLICATIONS */
	struct proc_stat *proc_stat;
	struct command_sensor command;
	uint64_t command_retry_ns, proc_stat_ns, look_ns;
	bool proc_stat_told, command_told;
	struct client clients[MAX_CLIENTS];
	int timer, signals, listener;
};

/* vcpu.c */

/** vcpu_step() - do what is due: open, begin a session, ask, query, give up an answer */
void vcpu_step(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns);
/** vcpu_readable() - take replies, for us and for clients */
void vcpu_readable(struct agent *agent, struct vcpu *vcpu, uint64_t now_ns);
/** vcpu_measured() - a sensor has measured it */
void vcpu_measured(struct agent *agent, struct vcpu *vcpu, enum vcpu_sensor sensor,
		   uint32_t permille, uint64_t from_ns, uint64_t to_ns);
/** vcpu_blind() - the maximum at once */
void vcpu_blind(struct vcpu *vcpu);
/** vcpu_end() - end its session, and close */
void vcpu_end(struct vcpu *vcpu);
/** vcpu_find() - NULL: it is not governed */
struct vcpu *vcpu_find(struct agent *agent, unsigned int number);

/* measure.c */

/** measure_tick() - ask the sensors, and see who is silent */
void measure_tick(struct agent *agent, uint64_t now_ns);
/** measure_look() - look for applications that came, and where they run; once a second */
void measure_look(struct agent *agent, uint64_t now_ns);
/** measure_application() - its socket is readable */
void measure_application(struct agent *agent, struct telemetry *application, uint64_t now_ns);
/** measure_command() - it has printed something */
void measure_command(struct agent *agent, uint64_t now_ns);

/* clients.c */

void clients_accept(struct agent *agent);
/** clients_readable() - a hello, or a frame */
void clients_readable(struct agent *agent, struct client *client);
/** clients_reply() - hand a reply to the client that waits for it. Return: false: nobody does */
bool clients_reply(struct agent *agent, const struct vcpu *vcpu, const struct reply *reply);
void clients_close(struct client *client);

/** describe() - the agent's state as JSON, owned by the caller; NULL: out of memory */
char *describe(const struct agent *agent);

#endif
