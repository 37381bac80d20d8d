/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backoff - how long to wait before the next attempt: exponential, jittered, out of step with everybody else. Pure: the
 * caller brings the randomness and the clock.
 *
 * The ceiling starts somewhere between half of min_ms and min_ms, as @phase says, doubles with each failure and ends at
 * max_ms. The first wait is uniform in [0, ceiling], the later ones in [ceiling / 2, ceiling].
 *
 * Why not full jitter all the way: of a thousand gateways that lost one broker together, those whose next wait is short
 * meet those whose last was long, and the broker that comes back sees more than twice its fair share (each gateway
 * once in its ceiling). The half keeps them apart; the phases keep the doubling itself from making waves
 * (tests/delivery/tool_fleet.c).
 */
#pragma once

#include <stdint.h>

struct backoff {
	uint32_t min_ms;	/* most that the first wait may be; at least 1 */
	uint32_t max_ms;	/* most that any may be; at least min_ms */
	uint32_t failures;	/* in a row; 0 to start over */
	uint32_t phase;		/* random, once for each gateway: 0 is half of min_ms */
};

static inline uint32_t backoff_ceiling_ms(const struct backoff *b)
{
	uint64_t start_ms = (b->min_ms * ((1ULL << 32) + b->phase) + (1ULL << 33) - 1) >> 33;
	uint64_t ceiling_ms = b->failures < 32 ? start_ms << b->failures : UINT64_MAX;

	return ceiling_ms < b->max_ms ? (uint32_t)ceiling_ms : b->max_ms;
}

/* Count one failure; ms to wait. @random: uniform over all of uint32_t. */
static inline uint32_t backoff_next_ms(struct backoff *b, uint32_t random)
{
	uint32_t ceiling_ms = backoff_ceiling_ms(b), least_ms = b->failures ? ceiling_ms / 2 : 0;
	uint64_t span = (uint64_t)ceiling_ms - least_ms + 1;

	if (b->failures < UINT32_MAX)
		b->failures++;
	return least_ms + (uint32_t)(span * random >> 32);
}
