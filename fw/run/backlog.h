/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backlog - how much backlog may be sent now, beside new messages: a share of the highest rate that the broker has taken while
 * new messages have to wait for it; half as much again each second in which they have not; with no new ones, all it takes.
 *
 * The rate is bytes acknowledged in a second; it fades by a 64th each second in which it is not reached. New messages go first
 * in any case: this is for a slow way to the broker. Times are CLOCK_MONOTONIC ns. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

#define BACKLOG_LEAST (32 * 1024)	/* bytes a second, however slow it was */
#define BACKLOG_MOST  (1024 * 1024 * 1024)
#define BACKLOG_QUIET_NS (2 * NS_PER_S)	/* nothing new was sent for so long: there is none */

struct backlog {
	uint32_t share;		/* per cent */
	uint64_t rate;		/* highest, bytes a second */
	uint64_t acked;		/* bytes in the second under way */
	uint64_t allowed;	/* bytes a second */
	uint64_t second_ns, filled_ns, live_ns;
	int64_t tokens;		/* bytes; below 0: what the last message was longer than there was left */
	bool live_waited, was_short;	/* in the second under way */
};

static inline void backlog_second(struct backlog *b, uint64_t now_ns)
{
	if (now_ns - b->second_ns < NS_PER_S)
		return;
	b->rate = MAX(b->rate - b->rate / 64, b->acked * NS_PER_S / (now_ns - b->second_ns));
	if (b->live_waited)
		b->allowed = b->rate * b->share / 100;
	else if (b->was_short)
		b->allowed = MIN(b->allowed + b->allowed / 2, BACKLOG_MOST);
	b->allowed = MAX(b->allowed, BACKLOG_LEAST);
	b->acked = 0;
	b->live_waited = b->was_short = false;
	b->second_ns = now_ns;
}

static inline void backlog_acked(struct backlog *b, uint64_t bytes, uint64_t now_ns)
{
	backlog_second(b, now_ns);
	b->acked += bytes;
}

/* A new message was sent; @waited: the window had been full. */
static inline void backlog_live(struct backlog *b, bool waited, uint64_t now_ns)
{
	b->live_ns = now_ns;
	b->live_waited |= waited;
}

/* May a message of backlog go now? */
static inline bool backlog_may(struct backlog *b, uint64_t now_ns)
{
	uint64_t more;

	backlog_second(b, now_ns);
	more = b->allowed * ((now_ns - b->filled_ns) / NS_PER_MS) / 1000;
	if (more) {
		b->tokens = MIN(b->tokens + (int64_t)MIN(more, b->allowed), (int64_t)b->allowed);
		b->filled_ns = now_ns;
	}
	if (b->tokens > 0 || !b->live_ns || now_ns - b->live_ns >= BACKLOG_QUIET_NS)
		return true;
	b->was_short = true;
	return false;
}

static inline void backlog_sent(struct backlog *b, uint64_t bytes)
{
	b->tokens = MAX(b->tokens - (int64_t)bytes, -(int64_t)BACKLOG_LEAST * 8);	/* what goes alone makes no debt without end */
}
