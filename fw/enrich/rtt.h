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

/* Geometric middle of bucket @grid: at most 23 % from any time in it. */
uint32_t rtt_bucket_us(unsigned int grid);

struct rtt_summary {
	uint32_t count;		/* samples; 0: all else is 0, too */
	uint32_t p50_us, p95_us, p99_us;
};

/* @counts: TCP_RTT_BUCKETS of them, the first of grid bucket @base. */
struct rtt_summary rtt_summary(const uint8_t *counts, unsigned int base);
