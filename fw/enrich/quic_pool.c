/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/quic_pool.h"

#include <errno.h>
#include <stdlib.h>

int quic_pool_new(struct quic_pool **ret_pool, const struct quic_limits *limits)
{
	struct quic_pool *pool;
	int r;

	if (!limits->connections || limits->connections > SIZE_MAX / 2 / sizeof(struct quic_connection))
		return -EINVAL;
	pool = malloc(sizeof(*pool) + limits->connections * sizeof(struct quic_connection));
	if (!pool)
		return -ENOMEM;
	*pool = (struct quic_pool){ .size = limits->connections };
	r = quic_crypto_new(&pool->crypto);
	if (!r)
		r = ja4_new(&pool->ja4);
	if (!r)
		r = reassemble_pool_new(&pool->buffers, limits->crypto_bytes);
	if (r) {
		quic_pool_free(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}

struct quic_pool *quic_pool_free(struct quic_pool *pool)
{
	if (!pool)
		return NULL;
	quic_crypto_free(pool->crypto);
	ja4_free(pool->ja4);
	reassemble_pool_free(pool->buffers);
	free(pool);
	return NULL;
}

size_t quic_pool_used(const struct quic_pool *pool)
{
	return pool->used;
}

const uint64_t *quic_pool_counts(const struct quic_pool *pool)
{
	return pool->counts;
}

static void half_clear(struct quic_pool *pool, struct quic_half *h)
{
	reassemble_end(pool->buffers, h->crypto);
	*h = (struct quic_half){ 0 };
}

void quic_pool_drop(struct quic_pool *pool, struct quic *q, struct quic_connection *c)
{
	struct quic_connection **at = &q->newest;

	while (*at != c)
		at = &(*at)->older;
	*at = c->older;
	half_clear(pool, &c->half[QUIC_CLIENT]);
	half_clear(pool, &c->half[QUIC_SERVER]);
	c->older = pool->free;
	pool->free = c;
	pool->used--;
}

void quic_end(struct quic_pool *pool, struct quic *q)
{
	while (q->newest)
		quic_pool_drop(pool, q, q->newest);
	*q = (struct quic){ 0 };
}

struct quic_connection *quic_pool_begin(struct quic_pool *pool, struct quic *q)
{
	struct quic_connection *c = q->newest;
	int n = c != NULL;

	while (c && c->older) {
		c = c->older;
		n++;
	}
	if (n >= QUIC_CONNECTIONS_MAX)
		quic_pool_drop(pool, q, c);
	c = pool->free;
	if (c)
		pool->free = c->older;
	else if (pool->fresh < pool->size)
		c = &pool->all[pool->fresh++];
	else
		return NULL;
	pool->used++;
	q->connections += q->connections < UINT16_MAX;
	*c = (struct quic_connection){ .older = q->newest, .number = q->connections };
	q->newest = c;
	return c;
}

void quic_pool_take_back(struct quic_pool *pool)
{
	while (pool->lent_count)
		reassemble_end(pool->buffers, pool->lent[--pool->lent_count]);
}
