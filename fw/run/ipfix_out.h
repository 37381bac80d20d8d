/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ipfix_out - the agent's way to an IPFIX collector: records -> messages (export/ipfix) -> a UDP or TCP socket.
 *
 * The second exporter beside publish.h. Nothing here blocks: closed messages wait in a queue of IPFIX_QUEUE of them,
 * and when it is full the oldest goes. A collector that cannot be reached, or over UDP says that nobody listens, is
 * tried again with back-off. Each socket begins anew (RFC 7011 3.1, 8): sequence numbers at 0, and a template goes out
 * before the first record that needs it, over UDP again every ipfix.template_interval. UDP goes in small bursts, so
 * that a sweep's worth of records finds room in the collector's socket.
 *
 * IPFIX has no acknowledgement. What the network or the collector loses of UDP, the collector finds by the sequence
 * numbers; the counters here say all that this end can know. Logs when the collector comes and goes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/loop.h"
#include "export/record.h"

#define IPFIX_QUEUE 2048	/* messages: 2.5 MB */

/* Name, then what it counts since ipfix_out_new(). records = sent_records + lost_records + those that wait. */
#define IPFIX_OUT_COUNTERS(X) \
	X(records,		"records taken into messages") \
	X(sent_messages,	"messages with records that the socket took whole") \
	X(sent_records,		"records in them") \
	X(sent_templates,	"messages with templates that it took") \
	X(socket_full,		"times that the socket was full: tried again when it is not") \
	X(connects,		"sockets opened and connections made") \
	X(failed,		"attempts that failed, and connections that ended") \
	X(refused,		"UDP: answers that nobody listens; at least what was sent just before is lost") \
	X(lost_messages,	"messages dropped here: queue full, or the agent's end") \
	X(lost_records,		"records in them") \
	X(lost_unacked,		"TCP: records sent, not confirmed by the collector's host when the connection ended")

struct ipfix_out_counters {
#define X(name, text) uint64_t name;
	IPFIX_OUT_COUNTERS(X)
#undef X
};

struct ipfix_out_state {
	const char *endpoint;	/* as configured; NULL: none is, and nothing below means anything */
	bool up;		/* connected; UDP: there is a socket */
	int error;		/* why not: a negative errno; 0: no attempt has failed */
	uint32_t messages;	/* that wait, the open one included */
	uint32_t records;	/* in them */
};

struct ipfix_out;

/* *@ret_out is NULL where the configuration names no collector; all calls below take that. */
int ipfix_out_new(struct ipfix_out **ret_out, struct loop *loop, const struct conf *conf);
struct ipfix_out *ipfix_out_free(struct ipfix_out *o);

void ipfix_out_record(struct ipfix_out *o, const struct record *record);
void ipfix_out_flush(struct ipfix_out *o);	/* closes the message that is open, sends what the socket takes */

/* The last word: flushes, and counts what could not be sent any more as lost; @ret: so many records. */
uint64_t ipfix_out_finish(struct ipfix_out *o);

struct ipfix_out_state ipfix_out_state(const struct ipfix_out *o);
struct ipfix_out_counters ipfix_out_counters(const struct ipfix_out *o);
