/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_totals - what the records of an interval say of the health of TCP: by port, and on each port by name and by device. Of QUIC
 * there are the round trips: what the spin bit tells, and each half of a handshake as one sample more, as TCP's are.
 *
 * Near is what is behind the port, far what is beyond the gateway (mirror port: initiator and responder). Names and devices are
 * bounded: while an interval runs, TCP_TOTALS_KEPT of each, of which the lightest makes room for another one;
 * tcp_totals_choose() leaves the TCP_TOTALS_SHOWN heaviest, by bytes. All others are in "other": nothing is lost but
 * whose it was, and in_other counts how often. Names are as the record has them: hidden where it hides them.
 * Losses in a record are since the connection began: what was told of it already is kept, TCP_TOTALS_EACH_BYTES for each
 * connection that is measured. Of one that finds no place a report counts, but its losses do not. Memory beside that: 0.4 MB.
 * No clock, no log.
 */
#pragma once

#include "base/writer.h"
#include "collect/flowtab.h"
#include "enrich/histogram.h"
#include "export/record.h"

#define TCP_TOTALS_KEPT		128
#define TCP_TOTALS_SHOWN	24
#define TCP_TOTALS_KEY		255
#define TCP_TOTALS_EACH_BYTES	24u

/* Connections that ended before they came about: weir.tcp.failure. */
#define TCP_FAILURES(X) \
	X(no_answer) \
	X(refused) \
	X(reset_in_handshake)

enum tcp_failure {
#define X(name) TCP_FAILURE_##name,
	TCP_FAILURES(X)
#undef X
	TCP_FAILURE_N,
};

struct tcp_total {
	uint64_t connections;	/* measured, that were reported in the interval */
	uint64_t quic_connections;	/* the same of QUIC, with a round trip */
	uint64_t failures[TCP_FAILURE_N];
	uint64_t packets[2];	/* of measured connections: sent by the near side, by the far side */
	uint64_t retransmits[2], lost_before[2];
	struct histogram rtt[2];	/* port to near side and back, to far side and back */
	uint64_t rtt_sum_us[2];		/* of the same samples */
};

struct tcp_table {
	unsigned int n;
	uint32_t hash[TCP_TOTALS_KEPT];
	uint64_t bytes[TCP_TOTALS_KEPT];
	struct tcp_entry {
		uint16_t port;
		uint8_t key_len;
		uint8_t key[TCP_TOTALS_KEY];
		struct tcp_total total;
	} entry[TCP_TOTALS_KEPT];
	struct tcp_total other;
	uint64_t in_other;	/* names or devices that went into other, since the process began */
};

struct tcp_totals;

int tcp_totals_new(struct tcp_totals **ret_totals, uint32_t flows_max, uint64_t now_ns);	/* @flows_max: of which it knows what was told */
struct tcp_totals *tcp_totals_free(struct tcp_totals *t);	/* takes NULL; returns NULL */

/* @record: of @report, finished. Of a flow that was there before tcp_totals_new() only what is new from its first report on. */
void tcp_totals_add(struct tcp_totals *t, const struct flow_report *report, const struct record *record);
void tcp_totals_freed(struct tcp_totals *t, uint32_t slot);	/* the next flow there is another one */
uint64_t tcp_totals_not_kept(const struct tcp_totals *t);	/* reports of connections that found no place */

const struct tcp_total *tcp_totals_port(const struct tcp_totals *t, unsigned int port);
/* The heaviest first; the others go into other. Names are text, devices 6 bytes of MAC. */
const struct tcp_table *tcp_totals_names(struct tcp_totals *t);
const struct tcp_table *tcp_totals_devices(struct tcp_totals *t);
void tcp_totals_next(struct tcp_totals *t);	/* another interval begins; in_other goes on */

void tcp_total_merge(struct tcp_total *to, const struct tcp_total *from);
bool tcp_total_is_empty(const struct tcp_total *t);
/* Flat members of a JSON object, without braces: "connections":1,...; rtt_* are absent where there is no sample. */
void tcp_total_json(struct writer *w, const struct tcp_total *t);
void tcp_total_text_head(struct writer *w);
/* Two lines, near and far. @measured: connections whose health is being measured now. */
void tcp_total_text(struct writer *w, const char *port, const struct tcp_total *t, uint32_t measured);
