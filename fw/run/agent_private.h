/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent_private - the agent's state, shared by its files: agent.c (what it hears and does), agent_say.c (what it says of
 * itself and its ports), agent_answer.c and agent_metrics.c (what it is asked). Nobody else includes it.
 */
#pragma once

#include "base/loop.h"
#include "collect/counters.h"
#include "collect/nic.h"
#include "run/agent.h"
#include "run/device_feed.h"
#include "run/identify.h"
#include "run/ipfix_out.h"
#include "run/messages.h"
#include "run/publish.h"
#include "run/report.h"
#include "run/snapshot.h"
#include "run/tcp_totals.h"
#include "run/top.h"
#include "status/control.h"

struct ring_buffer;

struct agent {
	const struct agent_settings *settings;
	const struct conf *conf;
	struct loop *loop;
	struct flowtab *ft;
	struct identify *identify;
	struct device_feed *feed;
	struct publish *publish;
	struct ipfix_out *ipfix;	/* NULL: no collector */
	struct control *control;
	struct ring_buffer *ring;
	struct tcp_totals *tcp;
	struct top *top;
	struct reporter reporter;
	struct counters counters;
	struct nic *nic;	/* NULL: no residuals */
	struct loop_fd supervisor, events, nat, metrics;
	struct loop_timer ring_look, sweep, batch, health, summary, clock, stop_limit, metrics_rest;
	uint64_t hurry_until_ns;	/* the table was full: sweep more often */
	uint64_t slice_ns;	/* between two slices of a sweep */
	uint64_t summary_since_ns;
	struct summary sum;
	struct snapshot snap;
	char boot_id[40];
	char answer[SNAPSHOT_TEXT_MAX];
	bool born;		/* birth was said: all ports are known */
	bool stopping;
};

uint64_t agent_wall_us(void);
struct snapshot_port *agent_find_port(struct agent *a, uint16_t port);	/* NULL: not known */
struct snapshot *agent_snapshot(struct agent *a);	/* a->snap, brought to this moment */
void agent_ask_features(struct agent *a, struct snapshot_port *p);	/* offloads of its interface, as they are now */
void agent_take_books(struct agent *a);		/* at the end of a sweep: seen, taken and left belong together */

int agent_open_metrics(struct agent *a, int fd);	/* agent_metrics.c; -1: nobody asks */
int agent_answer(const char *request, struct writer *w, void *arg);	/* control_answer */

void agent_say_event(struct agent *a, enum event_action action, const char *port, const char *dir, const char *detail);
void agent_say_birth(struct agent *a);
void agent_say_health(struct agent *a);		/* and iface, one a port */
void agent_say_devices(struct agent *a);		/* those that are new or have changed */
void agent_say_summary(struct agent *a);	/* begins the next interval */
