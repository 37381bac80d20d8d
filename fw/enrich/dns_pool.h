/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_pool - names of many lengths in memory of one size: each name once, however many addresses have it.
 *
 * Counted references into slots; a slot's name lies in pieces of 28 bytes. Bounded; the memory is the caller's block.
 * Pure. Names are folded by the caller. Used by dns_names alone.
 */
#pragma once

#include "base/siphash.h"
#include "enrich/dns_name.h"

#define DNS_PIECE_BYTES	28	/* most names need one, the longest 10 */

struct dns_piece {
	uint32_t next;
	uint8_t bytes[DNS_PIECE_BYTES];
};

struct dns_slot {
	uint32_t in_bucket, refs, first, hash;	/* free: @in_bucket is the next free one */
	uint8_t len;
};

struct dns_pool {
	struct siphash_key seed;
	struct dns_slot *slots;		/* 0 is nobody's, here and of the pieces */
	struct dns_piece *pieces;
	uint32_t *buckets;
	uint32_t max_slots, max_pieces, mask;
	uint32_t fresh_slot, free_slot, fresh_piece, free_piece;
	uint32_t used_slots, used_pieces;
};

/* A reference to @name, which was there or is now; 0: no room. */
uint32_t dns_pool_take(struct dns_pool *pool, const struct dns_name *name);
void dns_pool_drop(struct dns_pool *pool, uint32_t slot);
void dns_pool_read(const struct dns_pool *pool, uint32_t slot, struct dns_name *ret_name);
