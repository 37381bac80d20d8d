/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backlog - how much backlog may be sent now: a share of the highest rate that the broker has taken, while new messages
 * are sent; else as much as it takes.
 *
 * The rate is bytes acknowledged in a second; it fades by a 64th each second in which it is not reached. Times are
 * CLOCK_MONOTONIC ns. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

#define BACKLOG_LEAST (32 * 1024)	/* bytes a second, however slow it was */
#define BACKLOG_QUIET_NS (2 * NS_PER_S)	/* nothing new was sent for so long: no share */

struct backlog {
	uint32_t share;		/* per cent */
	uint64_t rate;		/* highest, bytes a second */
	uint64_t acked;		/* bytes in the second under way */
	uint64_t second_ns, filled_ns, live_ns;
	int64_t tokens;		/* bytes; below 0: what the last message was longer than there was left */
};

static inline void backlog_acked(struct backlog *b, uint64_t bytes, uint64_t now_ns)
{
	if (now_ns - b->second_ns >= NS_PER_S) {
		b->rate = MAX(b->rate - b->rate / 64, b->acked * NS_PER_S / MAX(now_ns - b->second_ns, NS_PER_S));
		b->acked = 0;
		b->second_ns = now_ns;
	}
	b->acked += bytes;
}

static inline void backlog_live(struct backlog *b, uint64_t now_ns)
{
	b->live_ns = now_ns;
}

/* May a message of backlog go now? */
static inline bool backlog_may(struct backlog *b, uint64_t now_ns)
{
	const uint64_t a_second = MAX(b->rate * b->share / 100, BACKLOG_LEAST);
	const uint64_t more = a_second * ((now_ns - b->filled_ns) / NS_PER_MS) / 1000;

	if (more) {
		b->tokens = MIN(b->tokens + (int64_t)MIN(more, a_second), (int64_t)a_second);
		b->filled_ns = now_ns;
	}
	return b->tokens > 0 || !b->live_ns || now_ns - b->live_ns >= BACKLOG_QUIET_NS;
}

static inline void backlog_sent(struct backlog *b, uint64_t bytes)
{
	b->tokens = MAX(b->tokens - (int64_t)bytes, -(int64_t)BACKLOG_LEAST * 8);	/* what goes alone makes no debt without end */
}
