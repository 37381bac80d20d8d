/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/reassemble.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

_Static_assert(REASSEMBLE_BYTES <= UINT16_MAX, "offsets are 16 bits");

struct reassemble_pool {
	struct reassemble *free;	/* given back */
	size_t count, fresh, used;	/* @fresh: the first one never used */
	struct reassemble all[];
};

int reassemble_pool_new(struct reassemble_pool **ret_pool, size_t memory_bytes)
{
	size_t count = memory_bytes / sizeof(struct reassemble);
	struct reassemble_pool *pool;

	if (!count)
		return -EINVAL;
	pool = malloc(sizeof(*pool) + count * sizeof(struct reassemble));	/* pages not used cost nothing */
	if (!pool)
		return -ENOMEM;
	*pool = (struct reassemble_pool){ .count = count };
	*ret_pool = pool;
	return 0;
}

struct reassemble_pool *reassemble_pool_free(struct reassemble_pool *pool)
{
	free(pool);
	return NULL;
}

size_t reassemble_pool_used(const struct reassemble_pool *pool)
{
	return pool->used;
}

struct reassemble *reassemble_begin(struct reassemble_pool *pool, uint32_t first_seq)
{
	struct reassemble *r = pool->free;

	if (r)
		pool->free = r->next_free;
	else if (pool->fresh < pool->count)
		r = &pool->all[pool->fresh++];
	else
		return NULL;
	pool->used++;
	r->next_free = NULL;
	r->first_seq = first_seq;
	r->ranges = 0;
	return r;
}

struct reassemble *reassemble_end(struct reassemble_pool *pool, struct reassemble *r)
{
	if (!r)
		return NULL;
	r->next_free = pool->free;
	pool->free = r;
	pool->used--;
	return NULL;
}

/* Into the gaps only: the first copy of a byte holds. @bytes begins at @from. */
static size_t fill_gaps(struct reassemble *r, size_t from, size_t to, const uint8_t *bytes)
{
	size_t at = from, filled = 0;

	for (size_t i = 0; i <= r->ranges && at < to; i++) {
		size_t gap_end = i < r->ranges ? MIN(r->range[i].from, to) : to;

		if (gap_end > at) {
			memcpy(r->bytes + at, bytes + (at - from), gap_end - at);
			filled += gap_end - at;
		}
		if (i < r->ranges)
			at = MAX(at, r->range[i].to);
	}
	return filled;
}

/* Ranges of @r with @from..@to joined to those that it touches; how many. @ret_ranges has room for one too many. */
static size_t join_ranges(const struct reassemble *r, size_t from, size_t to, struct reassemble_range *ret_ranges)
{
	size_t n = 0, i = 0;

	for (; i < r->ranges && r->range[i].to < from; i++)
		ret_ranges[n++] = r->range[i];
	for (; i < r->ranges && r->range[i].from <= to; i++) {
		from = MIN(from, r->range[i].from);
		to = MAX(to, r->range[i].to);
	}
	ret_ranges[n++] = (struct reassemble_range){ (uint16_t)from, (uint16_t)to };
	for (; i < r->ranges; i++)
		ret_ranges[n++] = r->range[i];
	return n;
}

enum reassemble_result reassemble_add(struct reassemble *r, uint32_t seq, const uint8_t *bytes, size_t len)
{
	struct reassemble_range joined[REASSEMBLE_RANGES + 2];
	int64_t from = (int32_t)(seq - r->first_seq);
	int64_t to = from + (int64_t)len;
	bool beyond = to > REASSEMBLE_BYTES;
	size_t n, filled;

	if (from < 0) {		/* a keep-alive's byte, or a copy that reaches back */
		bytes += MIN((size_t)-from, len);
		from = 0;
	}
	to = MIN(to, REASSEMBLE_BYTES);
	if (from >= to)
		return beyond && len ? REASSEMBLE_BEYOND : REASSEMBLE_OLD;
	n = join_ranges(r, (size_t)from, (size_t)to, joined);
	if (n > REASSEMBLE_RANGES + (joined[0].from == 0))
		return REASSEMBLE_SCATTERED;
	filled = fill_gaps(r, (size_t)from, (size_t)to, bytes);
	memcpy(r->range, joined, n * sizeof(joined[0]));
	r->ranges = (uint8_t)n;
	if (beyond)
		return REASSEMBLE_BEYOND;
	return filled ? REASSEMBLE_STORED : REASSEMBLE_OLD;
}
