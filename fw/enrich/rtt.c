/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/rtt.h"

#include <stdbool.h>

#include "base/util.h"

uint32_t rtt_bucket_us(unsigned int grid)
{
	const uint64_t octave = 1ULL << (grid / 2 & 31);

	if (!octave || grid < 2)
		return grid;
	return (uint32_t)(octave * (grid & 1 ? 1732 : 1225) / 1000);	/* sqrt(1.5 * 2), sqrt(1 * 1.5) */
}

/* Geometric middle of [2^octave, 2^(octave + 1)). */
static uint32_t octave_us(unsigned int octave)
{
	return octave ? (uint32_t)MIN((1ULL << MIN(octave, 32)) * 1414 / 1000, UINT32_MAX) : 1;
}

/* Time of the sample that @permille of all are not above: nearest rank. */
static uint32_t quantile(const uint8_t *counts, uint32_t count, unsigned int first, bool wide, uint32_t permille)
{
	const uint32_t rank = (count * permille + 999) / 1000;
	uint32_t seen = 0;
	unsigned int at = 0;

	for (; at < TCP_RTT_BUCKETS - 1; at++) {
		seen += counts[at];
		if (seen >= rank)
			break;
	}
	return wide ? octave_us(first / 2 + at) : rtt_bucket_us(first + at);
}

struct rtt_summary rtt_summary(const uint8_t counts[TCP_RTT_BUCKETS], uint8_t base)
{
	const bool wide = base & TCP_RTT_WIDE;
	const unsigned int first = base ? (base & ~TCP_RTT_WIDE) - 1u : 0;
	struct rtt_summary s = { .first_bucket = (uint8_t)first };

	for (int i = 0; i < TCP_RTT_BUCKETS; i++) {
		s.count += counts[i];
		if (wide) {
			s.buckets[2 * i] = (uint8_t)(counts[i] - counts[i] / 2);
			s.buckets[2 * i + 1] = counts[i] / 2;
		} else {
			s.buckets[i] = counts[i];
		}
	}
	if (!s.count)
		return (struct rtt_summary){ 0 };
	s.p50_us = quantile(counts, s.count, first, wide, 500);
	s.p95_us = quantile(counts, s.count, first, wide, 950);
	s.p99_us = quantile(counts, s.count, first, wide, 990);
	return s;
}
