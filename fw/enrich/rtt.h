/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rtt - histograms of round-trip times by half octaves (bpf/abi_tcp.h): what a bucket stands for, and quantiles.
 *
 * Pure. Times are microseconds. All histograms have the same grid, so counts of one bucket can be added up anywhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Geometric middle of bucket @grid: at most 23 % from any time in it, 41 % where it is a whole octave's. */
uint32_t rtt_bucket_us(unsigned int grid);

#define RTT_BUCKETS (2 * TCP_RTT_BUCKETS)

struct rtt_summary {
	uint32_t count;		/* samples in the buckets; 0: all else is 0, too */
	uint32_t p50_us, p95_us, p99_us;
	uint8_t first_bucket;	/* of the grid */
	uint8_t buckets[RTT_BUCKETS];	/* of half octaves; samples of a whole one are spread over both halves */
};

/* @counts, @base: rtt and rtt_base of one side of struct tcp_health. */
struct rtt_summary rtt_summary(const uint8_t counts[TCP_RTT_BUCKETS], uint8_t base);
