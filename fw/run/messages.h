/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * messages - birth, summary and event as JSON. (flow: export/json; iface and health: snapshot.) Pure.
 */
#pragma once

#include "base/writer.h"
#include "run/snapshot.h"

#define MESSAGE_JSON_MAX 4096	/* event, and summary without TCP; birth and summary grow with the ports: SNAPSHOT_TEXT_MAX */

/* What happened between two summaries. */
struct summary {
	uint64_t interval_ns;
	uint64_t records;	/* flow reports, interim ones included */
	uint64_t flows_ended;
	uint64_t packets, bytes;	/* in those reports, over all ports: a forwarded packet is in two ports' flows */
	uint64_t nameable;	/* ended flows that may have a name: identify_is_nameable() */
	uint64_t named;
};

void message_birth(struct writer *w, const struct snapshot *s, const struct conf *conf, const char *boot_id, uint64_t epoch);
/* @tcp: what of it is heavier than the rest is said by name and device (tcp_totals.h); NULL: nothing is. */
void message_summary(struct writer *w, const struct snapshot *s, const struct summary *sum, struct tcp_totals *tcp);

/* @device: what device_json() wrote, an object that is not empty. */
void message_device(struct writer *w, const struct snapshot *s, const char *device, size_t len);

#define EVENT_ACTIONS(X) \
	X(PORT_ATTACHED,	"port_attached",	"a port measures now") \
	X(PORT_DETACHED,	"port_detached",	"a port does not any more; weir.detail says why") \
	X(TABLE_FULL,		"table_full",		"no slot for a new flow: its frames are counted without one") \
	X(NEW_FLOW_LIMIT,	"new_flow_limit",	"more new flows than are admitted while the table is more than half full") \
	X(CLOCK_STEP,		"clock_step",		"the time of day was set") \
	X(OWN_CERTIFICATE,	"own_certificate_ends",	"the gateway's own certificate ends in 30, 7 or 1 days; weir.detail says when") \
	X(BROKER_CERTIFICATE,	"broker_certificate_ends", "the broker's does")

enum event_action {
#define X(id, name, text) ACTION_##id,
	EVENT_ACTIONS(X)
#undef X
};

/* @port, @dir, @detail: NULL where there is none. */
void message_event(struct writer *w, const struct snapshot *s, enum event_action action, const char *port, const char *dir,
		   const char *detail);
