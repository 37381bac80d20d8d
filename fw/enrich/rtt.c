/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/rtt.h"

uint32_t rtt_bucket_us(unsigned int grid)
{
	const uint64_t octave = 1ULL << (grid / 2 & 31);

	if (!octave || grid < 2)
		return grid;
	return (uint32_t)(octave * (grid & 1 ? 1732 : 1225) / 1000);	/* sqrt(1.5 * 2), sqrt(1 * 1.5) */
}

/* Time of the sample that @permille of all are not above: nearest rank. */
static uint32_t quantile(const uint8_t *counts, unsigned int base, uint32_t count, uint32_t permille)
{
	const uint32_t rank = (count * permille + 999) / 1000;
	uint32_t seen = 0;
	unsigned int at = 0;

	for (; at < TCP_RTT_BUCKETS - 1; at++) {
		seen += counts[at];
		if (seen >= rank)
			break;
	}
	return rtt_bucket_us(base + at);
}

struct rtt_summary rtt_summary(const uint8_t *counts, unsigned int base)
{
	struct rtt_summary s = { 0 };

	for (int i = 0; i < TCP_RTT_BUCKETS; i++)
		s.count += counts[i];
	if (!s.count)
		return s;
	s.p50_us = quantile(counts, base, s.count, 500);
	s.p95_us = quantile(counts, base, s.count, 950);
	s.p99_us = quantile(counts, base, s.count, 990);
	return s;
}
