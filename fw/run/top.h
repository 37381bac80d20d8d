/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * top - the flows that are highest by rate, bytes, round trip, loss or name, for weir top.
 *
 * Looks at the whole flow table about once a second, in slices, but only while somebody asks: from top_ask() until
 * TOP_IDLE_NS after the last one. A look takes nothing out of the table. It keeps the TOP_ROWS_MAX highest of each order that
 * was asked for, in a heap, so that neither work nor memory grows with the order: 36 bytes a live flow and 0.3 MB, given
 * back at the end. A slice that took long is followed by nine times as long a pause:
 * looks never take more than a tenth of a CPU, and then come less often. What rows show is hidden as in records.
 * 0 or a negative errno; no logging.
 */
#pragma once

#include "base/highest.h"
#include "base/loop.h"
#include "collect/counters.h"
#include "run/identify.h"
#include "run/report.h"
#include "run/snapshot.h"

#define TOP_SORTS(X) \
	X(RATE,		"rate") \
	X(BYTES,	"bytes") \
	X(RTT,		"rtt") \
	X(LOSS,		"loss") \
	X(NAME,		"name")

enum top_sort {
#define X(id, text) TOP_##id,
	TOP_SORTS(X)
#undef X
	TOP_SORT_N,
};

extern const char *const top_sort_names[TOP_SORT_N];

#define TOP_WAIT	"wait\n"	/* the whole answer while there is no look yet: ask again */
#define TOP_ROWS_MAX	100
#define TOP_NAME_MAX	255
#define TOP_PROTO_MAX	16
#define TOP_LOOK_NS	1000000000ULL
#define TOP_IDLE_NS	10000000000ULL
#define TOP_WIDTH_MIN	20
#define TOP_WIDTH_MAX	400

/* One flow. [0] is the client: who began it. */
struct top_row {
	char interface[16];
	__be32 addr[2][4];
	__be16 port[2];
	bool has_ports;
	uint8_t ip_version;
	uint8_t proto_len, name_len;
	uint8_t proto[TOP_PROTO_MAX];	/* ALPN, else protocol, else transport */
	uint8_t name[TOP_NAME_MAX];	/* of the server; name_len 0: not known */
	const char *transport;		/* NULL: no common one */
	uint8_t transport_number;
	uint64_t bits[2];		/* a second, over the last look */
	uint64_t bytes[2], packets[2];	/* since it began */
	uint32_t rtt_us[2];		/* near, far: mean since its last report, or what was known last; 0: not known */
	bool measured;
	uint16_t retransmits[2], lost_before[2];	/* since it began */
	const char *state, *failure;	/* NULL: none */
};

/* A port's frames and bits a second by direction, over the last look. */
struct top_rate {
	uint64_t bits[DIRS], frames[DIRS];
};

struct top_view {
	const struct snapshot *snapshot;
	struct top_rate rate[PORTS_MAX];	/* by port index */
	uint64_t interval_ns;
	uint32_t live;
	enum top_sort sort;
	const struct top_row *row;
	unsigned int n;
};

struct top_sources {
	struct loop *loop;
	const struct flowtab *ft;
	struct identify *identify;
	struct reporter *reporter;
	const struct counters *counters;
	const struct snapshot *snapshot;	/* its ports */
	uint32_t slots;
};

struct top;

int top_new(struct top **ret_top, const struct top_sources *sources);
struct top *top_free(struct top *top);	/* takes NULL; returns NULL */
void top_freed(struct top *top, uint32_t slot);	/* the next flow there is another one */

/* The newest look. -EAGAIN: there is none in this order yet, ask again. @ret_view borrows from @top until the loop goes on. */
int top_ask(struct top *top, enum top_sort sort, unsigned int n, struct top_view *ret_view);

/* top_say.c: pure. @width: columns that no line is longer than. */
void top_text(struct writer *w, const struct top_view *view, unsigned int width);
void top_json(struct writer *w, const struct top_view *view);
