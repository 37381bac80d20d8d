/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

#define BUCKETS_MIN 64u

/* In the dense array; the value lies behind it. */
struct entry {
	uint32_t number;
	uint32_t next;	/* of its chain: 1 + index; 0: the last one */
};

_Static_assert(sizeof(struct entry) + sizeof(uint32_t) == SPARSE_EACH_BYTES, "an entry's head, and a bucket");

/* Reserved addresses, used from the front. */
struct area {
	char *at;
	size_t reserved;
	size_t touched;	/* bytes from the front */
};

struct sparse {
	struct area entries, heads;
	size_t stride;
	uint32_t max, count;
	uint32_t buckets, half;	/* half: the power of two with half <= buckets < 2 * half */
	size_t page;
};

static int area_new(struct area *a, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	madvise(at, bytes, MADV_NOHUGEPAGE);	/* one value is not worth 2 MB; a kernel without huge pages refuses, and is right */
	*a = (struct area){ .at = at, .reserved = bytes };
	return 0;
}

/* The first @bytes are in use now: what lies far behind them goes back. */
static void area_use(struct area *a, size_t bytes, size_t page)
{
	const size_t keep = (bytes + SPARSE_SLACK_BYTES + page - 1) / page * page;

	if (bytes > a->touched) {
		a->touched = bytes;
	} else if (a->touched > keep + SPARSE_SLACK_BYTES && !madvise(a->at + keep, a->touched - keep, MADV_DONTNEED)) {
		a->touched = keep;
	}
}

static struct entry *entry_at(const struct sparse *s, uint32_t index)
{
	return (struct entry *)(s->entries.at + index * s->stride);
}

static uint32_t *head_at(const struct sparse *s, uint32_t bucket)
{
	return (uint32_t *)s->heads.at + bucket;
}

static uint32_t hash_of(uint32_t number)
{
	const uint32_t hash = number * 0x9e3779b1u;

	return hash ^ hash >> 15;
}

static uint32_t *chain_of(const struct sparse *s, uint32_t number)
{
	const uint32_t bucket = hash_of(number) & (2 * s->half - 1);

	return head_at(s, bucket < s->buckets ? bucket : bucket - s->half);
}

/* What leads to the entry of @number, or the end of its chain. */
static uint32_t *link_to(const struct sparse *s, uint32_t number)
{
	uint32_t *link = chain_of(s, number);

	while (*link && entry_at(s, *link - 1)->number != number)
		link = &entry_at(s, *link - 1)->next;
	return link;
}

/* One bucket more: it takes its part of the one that stood for both. */
static void split(struct sparse *s)
{
	uint32_t *from = head_at(s, s->buckets - s->half), *to = head_at(s, s->buckets), *link = from;

	area_use(&s->heads, (s->buckets + 1) * sizeof(*to), s->page);
	*to = 0;
	while (*link) {
		struct entry *e = entry_at(s, *link - 1);

		if (hash_of(e->number) & s->half) {
			const uint32_t index = *link;

			*link = e->next;
			e->next = *to;
			*to = index;
		} else {
			link = &e->next;
		}
	}
	if (++s->buckets == 2 * s->half)
		s->half *= 2;
}

/* One bucket less: its chain goes behind that of the one that stands for both. */
static void join(struct sparse *s)
{
	uint32_t *link;

	if (s->buckets == s->half)
		s->half /= 2;
	s->buckets--;
	link = head_at(s, s->buckets - s->half);
	while (*link)
		link = &entry_at(s, *link - 1)->next;
	*link = *head_at(s, s->buckets);
	area_use(&s->heads, s->buckets * sizeof(*link), s->page);
}

void *sparse_find(const struct sparse *s, uint32_t number)
{
	const uint32_t index = *link_to(s, number);

	return index ? entry_at(s, index - 1) + 1 : NULL;
}

void *sparse_add(struct sparse *s, uint32_t number)
{
	void *value = sparse_find(s, number);
	struct entry *e;
	uint32_t *chain;

	if (value)
		return value;
	if (s->count == s->max)
		return NULL;
	area_use(&s->entries, (s->count + 1) * s->stride, s->page);
	e = entry_at(s, s->count++);
	memset(e, 0, s->stride);
	chain = chain_of(s, number);
	e->number = number;
	e->next = *chain;
	*chain = s->count;
	if (s->count > s->buckets)
		split(s);
	return e + 1;
}

void sparse_remove(struct sparse *s, uint32_t number)
{
	uint32_t *link = link_to(s, number);
	const uint32_t index = *link, last = s->count;

	if (!index)
		return;
	*link = entry_at(s, index - 1)->next;
	if (index != last) {
		link = link_to(s, entry_at(s, last - 1)->number);
		memcpy(entry_at(s, index - 1), entry_at(s, last - 1), s->stride);
		*link = index;
	}
	s->count--;
	while (s->buckets > BUCKETS_MIN && s->count < s->buckets - s->buckets / 4)	/* twice at most */
		join(s);
	area_use(&s->entries, s->count * s->stride, s->page);
}

uint32_t sparse_count(const struct sparse *s)
{
	return s->count;
}

size_t sparse_bytes(const struct sparse *s)
{
	return s->entries.touched + s->heads.touched;
}

int sparse_new(struct sparse **ret_sparse, size_t size, uint32_t max)
{
	struct sparse *s;
	int err;

	if (!max || !size)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->stride = sizeof(struct entry) + (size + 3) / 4 * 4;
	s->max = max;
	s->buckets = s->half = BUCKETS_MIN;
	s->page = (size_t)sysconf(_SC_PAGESIZE);
	err = area_new(&s->entries, max * s->stride);
	if (!err)
		err = area_new(&s->heads, MAX(max, BUCKETS_MIN) * sizeof(uint32_t));
	if (err) {
		sparse_free(s);
		return err;
	}
	area_use(&s->heads, BUCKETS_MIN * sizeof(uint32_t), s->page);
	*ret_sparse = s;
	return 0;
}

struct sparse *sparse_free(struct sparse *s)
{
	if (!s)
		return NULL;
	if (s->entries.at)
		munmap(s->entries.at, s->entries.reserved);
	if (s->heads.at)
		munmap(s->heads.at, s->heads.reserved);
	free(s);
	return NULL;
}
