/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi_books - the part of abi.h about the books of the ports and the counters of none; include abi.h.
 */
#pragma once

#include <linux/types.h>

#include "bpf/abi_taken.h"

/* ---- the books ------------------------------------------------------------------------------------------------ */

/* What becomes of a frame that does not end in a flow slot. Name, then what it means. */
#define BOOK_CLASSES(X) \
	X(ARP,		"arp",		"ARP") \
	X(NOT_IP,	"not_ip",	"another ethertype, or an LLC frame") \
	X(SHORT,	"short",	"frame ends before its link or IP header does") \
	X(BAD_HEADER,	"bad_header",	"IP version or header length is impossible") \
	X(TOO_DEEP,	"too_deep",	"more VLAN tags or MPLS labels than are walked") \
	X(TABLE_FULL,	"table_full",	"no free slot in either bucket of a new flow") \
	X(NEW_LIMIT,	"new_flow_limit", "more new flows than are admitted while the table is more than half full") \
	X(COUNTER_FULL,	"counter_full",	"flow's counters wait to be taken and would wrap") \
	X(ERROR,	"error",	"a map look-up failed that cannot fail")

enum book_class {
#define X(id, name, text) BOOK_##id,
	BOOK_CLASSES(X)
#undef X
	BOOK_N,
	BOOK_FLOW = BOOK_N,	/* counted in a flow slot: user space adds the slots up */
};

#define BOOK_PROTOS 4	/* tcp, udp, icmp, other */

/* Frames that found no slot, of one reason. */
struct refused {
	struct tally proto[BOOK_PROTOS];
	__u64 event_ns;		/* when the event of it was last sent */
};

/* Value of map "books" (per CPU), one a port: seen = taken out of flow slots + still in them + classes, exactly. */
struct books {
	struct {
		struct tally seen;		/* every frame that the hook gets */
		struct tally joined;		/* of seen: what packets of several segments count beyond one packet */
		struct tally class[BOOK_N];
		struct refused table_full, new_limit;	/* these classes by protocol */
		__u64 new_due_ns[BOOK_PROTOS];	/* when the next new flow is due at the admitted rate */
	} dir[DIRS];
};
_Static_assert(sizeof(struct books) == DIRS * ((2 + BOOK_N + 2 * BOOK_PROTOS) * 16 + 6 * 8), "books");

/* Map "stats" (per CPU): counters that belong to no port. */
#define STATS(X) \
	X(UNKNOWN_PORT,		"unknown_port",		"frames on an interface that is in no port table") \
	X(EVENT_LOST,		"event_lost",		"events that found the ring full") \
	X(COPY_SENT,		"copy_sent",		"payload copies handed to user space") \
	X(COPY_LOST,		"copy_lost",		"payload copies that found the ring full") \
	X(COPY_LIMIT,		"copy_limit",		"flows whose payload was copied as far as the limit, and no further") \
	X(HELLO_STARTED,	"hello_started",	"TLS hello walks begun") \
	X(HELLO_DONE,		"hello_done",		"TLS hello walks that came to an end") \
	X(HELLO_POOL_FULL,	"hello_pool_full",	"hellos not walked: no free walk state") \
	X(HELLO_BUSY,		"hello_busy",		"hello segments skipped: another CPU was in the same walk") \
	X(TCP_POOL_FULL,	"tcp_pool_full",	"connections whose health is not measured: no free place in the pool") \
	X(FRAGMENT_ORPHAN,	"fragment_orphan",	"later fragments whose first one is not known: flow with ports 0") \
	X(CLAIM_LOST,		"claim_lost",		"slot claims during which another CPU changed the bucket; tried again")

enum stat_id {
#define X(id, name, text) STAT_##id,
	STATS(X)
#undef X
	STAT_N,
};
