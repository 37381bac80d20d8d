/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowtab - takes what the kernel counted out of the flow table.
 *
 * The BPF side adds packets up per flow slot. A sweep walks the table once, hands
 * every flow that ended (idle, FIN, RST) or grew old (active) to @emit, and frees the slots of the ended ones, each in
 * two sweeps: first no packet matches it any more, then it is emptied once more. What becomes of a record is the
 * caller's business. What was taken is added to map "taken", so that the books can be closed at any time; totals and
 * names lie in maps too, so that another process can go on where this one ends. Twins (abi.h, flowtab.h of bpf) are
 * merged. Times are CLOCK_MONOTONIC nanoseconds (replay: since 1970). Returns 0 or a negative errno; no logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct flowtab;
struct names;

/* IPFIX flowEndReason, RFC 5102 5.11.3 */
enum flow_end {
	FLOW_END_IDLE = 1,
	FLOW_END_ACTIVE = 2,	/* still alive: an interim report */
	FLOW_END_DETECTED = 3,	/* FIN from both sides, RST, or its ports used again */
	FLOW_END_FORCED = 4,	/* flush */
};

struct flowtab_limits {
	uint64_t tcp_idle_ns;	/* no packet for this long: the flow has ended */
	uint64_t idle_ns;	/* the same for all but TCP */
	uint64_t syn_ns;	/* TCP flow whose handshake did not come about: SYN, and no ACK of its sender */
	uint64_t fin_ns;	/* TCP flow that was closed: its late packets still come */
	uint64_t active_ns;	/* last report older than this: report it, though still alive */
};

/* A slot is freed; @twin: number of the slot of the same flow that goes on, or -1. For what others keep by slot number. */
typedef void (*flowtab_freed)(uint32_t slot, long twin, void *arg);

struct flowtab_settings {
	int flows_fd, ledger_fd, hellos_fd, tcp_fd, names_fd, taken_fd;
	uint32_t slots, hellos, tcps;	/* struct meta */
	struct flowtab_limits limits;
	flowtab_freed freed;	/* NULL: nobody wants to know */
	void *freed_arg;
};

struct flow_totals {
	uint64_t packets[2];
	uint64_t bytes[2];
};

/* One report. [0] is what the a end sent, [1] the b end (struct flow_key). Good during the call of emit. */
struct flow_report {
	uint32_t slot;
	const struct flow_key *key;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t packets[2];	/* since the last report */
	uint64_t bytes[2];
	uint64_t ip_bytes[2];
	struct flow_totals total;	/* since first_ns, this report included */
	uint32_t flags;		/* FLOW_* */
	uint8_t name_status;	/* enum name_status */
	uint8_t end;		/* enum flow_end */
	const uint8_t *mac;	/* 6 bytes, of a (FLOW_MAC_B: of b); NULL: unknown */
	const uint8_t *sni;	/* sni_len bytes */
	const struct tcp_health *tcp;	/* a copy; rtt: since the last report. NULL: not measured */
	const uint8_t *alpn;	/* ProtocolNameList entries, alpn_len bytes */
	uint8_t sni_len;
	uint8_t alpn_len;
};

typedef void (*flowtab_emit)(const struct flow_report *report, void *arg);

struct flowtab_counters {
	uint64_t sweeps;
	uint64_t reports;
	uint64_t ended;
	uint64_t twins;		/* slots merged into another one of the same flow */
	uint64_t names_taken;
	uint64_t names_given_up;	/* hello walks ended because the rest did not come */
	uint64_t names_differ;	/* server_name: the walk in the kernel and user space read different ones */
	uint32_t live;		/* slots by the last whole sweep */
	uint32_t dead;
	uint32_t hellos;	/* walks under way */
	uint32_t tcps[PORTS_MAX];	/* places of the pool of TCP connections that slots have, by port */
	struct taken pending[PORTS_MAX];	/* counted in slots and not taken, by the last whole sweep */
};

int flowtab_new(struct flowtab **ret_ft, const struct flowtab_settings *settings);
struct flowtab *flowtab_free(struct flowtab *ft);	/* takes NULL; returns NULL */

#define FLOWTAB_STEP_SLOTS 64u	/* most reports of one step */

/* One step of a sweep, so that the caller can stop where its own room ends. 1: the sweep is done; 0: go on. */
int flowtab_sweep_step(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg);
void flowtab_sweep(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg);	/* the steps that are left */

/* Ends every flow, as FLOW_END_FORCED, and empties the table. For replay: with packets coming it would not end. */
void flowtab_flush(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg);

/* Begins a sweep that reports every flow that has anything to report; they go on. For a shutdown. */
void flowtab_report_all(struct flowtab *ft);

/* What is counted of the flow so far, now, as FLOW_END_ACTIVE. Not from within an emit. */
void flowtab_report_slot(struct flowtab *ft, uint32_t slot, uint64_t now_ns, flowtab_emit emit, void *arg);

/* What a report of the live flow in @slot would say now: nothing is taken, and there is no end. @ret_tcp: room for its health. */
bool flowtab_peek(const struct flowtab *ft, uint32_t slot, struct flow_report *ret_report, struct tcp_health *ret_tcp);

/* EVENT_HELLO: a walk has ended; its entry can go back to the pool now. */
int flowtab_hello_done(struct flowtab *ft, uint32_t slot_number);

/* A flow in the table, dead ones included. Borrowed until the next step of a sweep. */
struct flowtab_flow {
	const struct flow_key *key;
	uint64_t first_ns;
	uint32_t flags;			/* FLOW_* */
	enum name_status name_status;
	bool has_first_seq;
	uint32_t first_seq;		/* TCP: of the initiator's data */
};

bool flowtab_flow(const struct flowtab *ft, uint32_t slot, struct flowtab_flow *ret_flow);	/* false: the slot is free */

/* What user space has read of a flow: its names (len 0: leaves what is there), and the name_status; NAME_NONE_YET leaves it. */
void flowtab_set_names(struct flowtab *ft, uint32_t slot, const uint8_t *sni, uint8_t sni_len, const uint8_t *alpn,
		       uint8_t alpn_len);
void flowtab_set_status(struct flowtab *ft, uint32_t slot, enum name_status status);
void flowtab_copy_off(struct flowtab *ft, uint32_t slot);	/* no payload of it is wanted any more */
void flowtab_quic(struct flowtab *ft, uint32_t slot);	/* it speaks QUIC, whose spin bit is to be watched */

struct names *flowtab_names(struct flowtab *ft);	/* for other names of the same flows; given back before flowtab_free() */

const struct flowtab_counters *flowtab_counters(const struct flowtab *ft);
uint64_t flowtab_names_full(const struct flowtab *ft);
uint32_t flowtab_names_used(const struct flowtab *ft);
