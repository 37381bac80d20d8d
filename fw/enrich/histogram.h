/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * histogram - round-trip times of many connections on the whole grid of half octaves of microseconds (bpf/abi_tcp.h).
 *
 * All histograms have the same grid: adding two up bucket by bucket is the histogram of both, here and at a centre that
 * knows many gateways. Pure. A quantile is the middle of the bucket that it lies in, at most 23 % off.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BUCKETS 64	/* up to 71 minutes, and all beyond */

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
};

/*
 * @counts: @n of them, the first of grid bucket @base; a connection may have halved them all. They count as @samples
 * samples in their proportions, so that no connection weighs less because it was measured more often.
 */
void histogram_add(struct histogram *h, const uint8_t *counts, unsigned int n, unsigned int base, uint64_t samples);
void histogram_add_us(struct histogram *h, uint32_t us);	/* one sample */
void histogram_merge(struct histogram *to, const struct histogram *from);

uint64_t histogram_samples(const struct histogram *h);
/* Time in microseconds that @permille of all samples are not above: nearest rank. 0: no sample. */
uint32_t histogram_quantile(const struct histogram *h, unsigned int permille);
