/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_pool.h"

#include "base/util.h"

void dns_pool_read(const struct dns_pool *pool, uint32_t slot, struct dns_name *ret_name)
{
	const struct dns_slot *s = &pool->slots[slot];
	uint32_t piece = s->first;

	ret_name->len = s->len;
	for (size_t at = 0; at < s->len; at += DNS_PIECE_BYTES) {
		memcpy(ret_name->bytes + at, pool->pieces[piece].bytes, MIN(s->len - at, DNS_PIECE_BYTES));
		piece = pool->pieces[piece].next;
	}
}

static bool has_name(const struct dns_pool *pool, const struct dns_slot *s, const struct dns_name *name)
{
	uint32_t piece = s->first;

	if (s->len != name->len)
		return false;
	for (size_t at = 0; at < name->len; at += DNS_PIECE_BYTES) {
		if (memcmp(name->bytes + at, pool->pieces[piece].bytes, MIN(name->len - at, DNS_PIECE_BYTES)))
			return false;
		piece = pool->pieces[piece].next;
	}
	return true;
}

static uint32_t take_piece(struct dns_pool *pool)
{
	uint32_t piece = pool->free_piece;

	if (piece)
		pool->free_piece = pool->pieces[piece].next;
	else
		piece = pool->fresh_piece++;
	pool->used_pieces++;
	return piece;
}

static uint32_t take_slot(struct dns_pool *pool)
{
	uint32_t slot = pool->free_slot;

	if (slot)
		pool->free_slot = pool->slots[slot].in_bucket;
	else
		slot = pool->fresh_slot++;
	pool->used_slots++;
	return slot;
}

uint32_t dns_pool_take(struct dns_pool *pool, const struct dns_name *name)
{
	uint32_t hash = (uint32_t)siphash(pool->seed, name->bytes, name->len), *bucket = &pool->buckets[hash & pool->mask];
	size_t pieces = (name->len + DNS_PIECE_BYTES - 1) / DNS_PIECE_BYTES;
	uint32_t slot, *link;

	for (slot = *bucket; slot; slot = pool->slots[slot].in_bucket)
		if (pool->slots[slot].hash == hash && has_name(pool, &pool->slots[slot], name)) {
			pool->slots[slot].refs++;
			return slot;
		}
	if (pool->used_slots == pool->max_slots || pool->max_pieces - pool->used_pieces < pieces)
		return 0;
	slot = take_slot(pool);
	pool->slots[slot] = (struct dns_slot){ .in_bucket = *bucket, .refs = 1, .hash = hash, .len = name->len };
	*bucket = slot;
	link = &pool->slots[slot].first;
	for (size_t at = 0; at < name->len; at += DNS_PIECE_BYTES) {
		*link = take_piece(pool);
		memcpy(pool->pieces[*link].bytes, name->bytes + at, MIN(name->len - at, DNS_PIECE_BYTES));
		link = &pool->pieces[*link].next;
	}
	*link = 0;
	return slot;
}

void dns_pool_drop(struct dns_pool *pool, uint32_t slot)
{
	struct dns_slot *s = &pool->slots[slot];
	uint32_t *link = &pool->buckets[s->hash & pool->mask];

	if (--s->refs)
		return;
	while (*link != slot)
		link = &pool->slots[*link].in_bucket;
	*link = s->in_bucket;
	for (uint32_t piece = s->first, next; piece; piece = next) {
		next = pool->pieces[piece].next;
		pool->pieces[piece].next = pool->free_piece;
		pool->free_piece = piece;
		pool->used_pieces--;
	}
	s->in_bucket = pool->free_slot;
	pool->free_slot = slot;
	pool->used_slots--;
}
