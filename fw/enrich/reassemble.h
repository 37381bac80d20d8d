/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reassemble - the first bytes of one direction of a TCP connection, from segments in any order.
 *
 * Pure but for the pool, whose memory is taken once: what is not in it when a connection begins is not reassembled.
 * Segments may come late, twice, overlapping, with sequence numbers that wrap; of two copies of a byte the first one
 * holds. Knows no TLS: tls_records.h reads what is ready. Nothing is stored of a segment that would make more ranges
 * than REASSEMBLE_RANGES; a later copy of it may fit. No logging.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define REASSEMBLE_BYTES	16384	/* of a direction, from its first byte on: hellos have up to 2.6 kB, so far */
#define REASSEMBLE_RANGES	32	/* apart from what is ready; 4 bytes each. Chromium cuts and shuffles CRYPTO frames */

struct reassemble_pool;

struct reassemble_range {
	uint16_t from, to;	/* offsets from the first byte; @to is the first one behind */
};

struct reassemble {
	struct reassemble *next_free;
	uint32_t first_seq;
	uint8_t ranges;		/* in order, none touching another; the one from offset 0 on is what is ready */
	struct reassemble_range range[REASSEMBLE_RANGES + 1];
	uint8_t bytes[REASSEMBLE_BYTES];
};

enum reassemble_result {
	REASSEMBLE_STORED,
	REASSEMBLE_OLD,		/* nothing that was not there */
	REASSEMBLE_BEYOND,	/* ends behind REASSEMBLE_BYTES: what lies before is stored */
	REASSEMBLE_SCATTERED,	/* too many ranges: nothing stored */
};

/* As many connections as fit into @memory_bytes, 16.5 kB each; touched only when used. 0, -EINVAL: not one, -ENOMEM. */
int reassemble_pool_new(struct reassemble_pool **ret_pool, size_t memory_bytes);
struct reassemble_pool *reassemble_pool_free(struct reassemble_pool *pool);	/* takes NULL; returns NULL */
size_t reassemble_pool_used(const struct reassemble_pool *pool);

/* @first_seq: sequence number of the first byte of payload. NULL: all are in use. */
struct reassemble *reassemble_begin(struct reassemble_pool *pool, uint32_t first_seq);
struct reassemble *reassemble_end(struct reassemble_pool *pool, struct reassemble *r);	/* takes NULL; returns NULL */

/* @seq may be up to 2 GB before or behind the first byte. */
enum reassemble_result reassemble_add(struct reassemble *r, uint32_t seq, const uint8_t *bytes, size_t len);

/* Bytes without a gap from the first one on: r->bytes has them. */
static inline size_t reassemble_ready(const struct reassemble *r)
{
	return r->ranges && r->range[0].from == 0 ? r->range[0].to : 0;
}
