/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backoff - how long to wait before the next attempt: exponential with full jitter. Pure: the caller brings the
 * randomness and the clock.
 *
 * The n-th wait (n from 0) is uniform in [0, min(max_ms, min_ms * 2^n)]: a thousand gateways that lost one broker in
 * the same second do not come back in the same second.
 */
#pragma once

#include <stdint.h>

struct backoff {
	uint32_t min_ms;	/* ceiling of the first wait; at least 1 */
	uint32_t max_ms;	/* ceiling of all; at least min_ms */
	uint32_t failures;	/* in a row; 0 to start over */
};

static inline uint32_t backoff_ceiling_ms(const struct backoff *b)
{
	uint64_t ceiling_ms = b->failures < 32 ? (uint64_t)b->min_ms << b->failures : UINT64_MAX;

	return ceiling_ms < b->max_ms ? (uint32_t)ceiling_ms : b->max_ms;
}

/* Count one failure; ms to wait. @random: uniform over all of uint32_t. */
static inline uint32_t backoff_next_ms(struct backoff *b, uint32_t random)
{
	uint64_t span = (uint64_t)backoff_ceiling_ms(b) + 1;

	if (b->failures < UINT32_MAX)
		b->failures++;
	return (uint32_t)(span * random >> 32);
}
