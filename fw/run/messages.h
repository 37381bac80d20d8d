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

/* @kind: "table_full", "port_attached", ...; @port, @dir, @detail: NULL where there is none. */
void message_event(struct writer *w, const struct snapshot *s, const char *kind, const char *port, const char *dir,
		   const char *detail);
