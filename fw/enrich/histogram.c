/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/histogram.h"

#include "base/util.h"
#include "enrich/rtt.h"

void histogram_add(struct histogram *h, const uint8_t *counts, unsigned int n, unsigned int base, uint64_t samples)
{
	uint64_t all = 0, seen = 0, given = 0;

	for (unsigned int i = 0; i < n; i++)
		all += counts[i];
	for (unsigned int i = 0; all && i < n; i++) {	/* what is rounded down in one is made up for in the next */
		seen += counts[i];
		h->count[MIN(base + i, HISTOGRAM_BUCKETS - 1u)] += seen * samples / all - given;
		given = seen * samples / all;
	}
}

void histogram_add_us(struct histogram *h, uint32_t us)
{
	const unsigned int octave = us ? 31 - (unsigned int)__builtin_clz(us) : 0;

	h->count[octave ? 2 * octave + (us >> (octave - 1) & 1) : 0]++;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->count[i] += from->count[i];
}

uint64_t histogram_samples(const struct histogram *h)
{
	uint64_t all = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		all += h->count[i];
	return all;
}

uint32_t histogram_quantile(const struct histogram *h, unsigned int permille)
{
	const uint64_t all = histogram_samples(h);
	/* not all * permille: that overflows */
	const uint64_t rank = MAX(all / 1000 * permille + (all % 1000 * permille + 999) / 1000, 1u);
	uint64_t seen = 0;
	unsigned int at = 0;

	if (!all)
		return 0;
	for (; at < HISTOGRAM_BUCKETS - 1; at++) {
		seen += h->count[at];
		if (seen >= rank)
			break;
	}
	return rtt_bucket_us(at);
}
