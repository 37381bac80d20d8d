/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_names.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "enrich/dns_pool.h"

#define MEMORY_LIMIT	(1u << 30)
#define ENTRIES_A_NAME	2	/* a client's and everybody's, at least */

struct pair {
	uint32_t client[4];	/* all 0: everybody */
	uint32_t server[4];
};

struct entry {
	struct pair pair;
	uint64_t expires_ns;
	uint32_t slot;			/* of its name */
	uint32_t bucket, in_bucket;	/* the next one there; a free one: the next free */
	uint32_t older, newer;		/* by use */
	bool shared;
};

struct dns_names {
	struct siphash_key seed;
	struct dns_names_counters counters;
	struct dns_pool pool;
	struct entry *entries;		/* 0 is nobody's */
	uint32_t *buckets;
	uint32_t oldest, newest, free, fresh;	/* @fresh: the first one never used */
	uint32_t max, used, mask;
};

/* What an entry costs with its share of all else. */
#define ENTRY_BYTES (sizeof(struct entry) + sizeof(uint32_t) + sizeof(struct dns_piece) + \
		     (sizeof(struct dns_slot) + sizeof(uint32_t)) / ENTRIES_A_NAME)

static uint32_t power_of_two_up_to(uint32_t n)
{
	uint32_t power = 1;

	while (power <= n / 2)
		power *= 2;
	return power;
}

int dns_names_new(struct dns_names **ret_names, size_t memory_bytes, struct siphash_key seed)
{
	struct dns_names *n;
	uint32_t max, slots;

	if (memory_bytes < DNS_NAMES_MEMORY_MIN || memory_bytes > MEMORY_LIMIT)
		return -EINVAL;
	n = malloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	max = (uint32_t)((memory_bytes - sizeof(*n)) / ENTRY_BYTES) - 2;	/* the nobodies */
	slots = max / ENTRIES_A_NAME;
	*n = (struct dns_names){ .seed = seed, .fresh = 1, .max = max, .mask = power_of_two_up_to(max) - 1 };
	n->pool = (struct dns_pool){ .seed = seed, .max_slots = slots, .max_pieces = max, .fresh_slot = 1, .fresh_piece = 1,
				     .mask = power_of_two_up_to(slots) - 1 };
	n->entries = malloc((max + 1) * sizeof(n->entries[0]));		/* pages not used cost nothing */
	n->buckets = calloc(n->mask + 1, sizeof(n->buckets[0]));
	n->pool.slots = malloc((slots + 1) * sizeof(n->pool.slots[0]));
	n->pool.pieces = malloc((max + 1) * sizeof(n->pool.pieces[0]));
	n->pool.buckets = calloc(n->pool.mask + 1, sizeof(n->pool.buckets[0]));
	if (!n->entries || !n->buckets || !n->pool.slots || !n->pool.pieces || !n->pool.buckets) {
		dns_names_free(n);
		return -ENOMEM;
	}
	*ret_names = n;
	return 0;
}

struct dns_names *dns_names_free(struct dns_names *names)
{
	if (!names)
		return NULL;
	free(names->pool.buckets);
	free(names->pool.pieces);
	free(names->pool.slots);
	free(names->buckets);
	free(names->entries);
	free(names);
	return NULL;
}

struct dns_names_counters dns_names_counters(const struct dns_names *names)
{
	return names->counters;
}

size_t dns_names_used(const struct dns_names *names)
{
	return names->used;
}

size_t dns_names_room(const struct dns_names *names)
{
	return names->max;
}

static void leave_order(struct dns_names *n, const struct entry *e)
{
	*(e->older ? &n->entries[e->older].newer : &n->oldest) = e->newer;
	*(e->newer ? &n->entries[e->newer].older : &n->newest) = e->older;
}

static void become_newest(struct dns_names *n, uint32_t index)
{
	struct entry *e = &n->entries[index];

	e->older = n->newest;
	e->newer = 0;
	*(e->older ? &n->entries[e->older].newer : &n->oldest) = index;
	n->newest = index;
}

static void use(struct dns_names *n, uint32_t index)
{
	leave_order(n, &n->entries[index]);
	become_newest(n, index);
}

static void drop(struct dns_names *n, uint32_t index)
{
	struct entry *e = &n->entries[index];
	uint32_t *link = &n->buckets[e->bucket];

	while (*link != index)
		link = &n->entries[*link].in_bucket;
	*link = e->in_bucket;
	leave_order(n, e);
	dns_pool_drop(&n->pool, e->slot);
	e->in_bucket = n->free;
	n->free = index;
	n->used--;
}

static bool evict(struct dns_names *n, unsigned int *left)
{
	if (!n->oldest || !*left)
		return false;
	(*left)--;
	n->counters.evicted++;
	drop(n, n->oldest);
	return true;
}

static struct pair pair_of(const uint32_t client[4], const uint32_t server[4])
{
	struct pair pair = { 0 };

	if (client)
		memcpy(pair.client, client, sizeof(pair.client));
	memcpy(pair.server, server, sizeof(pair.server));
	return pair;
}

static uint32_t bucket_of(const struct dns_names *n, const struct pair *pair)
{
	return (uint32_t)siphash(n->seed, pair, sizeof(*pair)) & n->mask;
}

static uint32_t find(const struct dns_names *n, const struct pair *pair, uint32_t bucket)
{
	uint32_t index = n->buckets[bucket];

	while (index && memcmp(&n->entries[index].pair, pair, sizeof(*pair)))
		index = n->entries[index].in_bucket;
	return index;
}

static uint32_t take_entry(struct dns_names *n)
{
	uint32_t index = n->free;

	if (index)
		n->free = n->entries[index].in_bucket;
	else
		index = n->fresh++;
	n->used++;
	return index;
}

/* A new name for a pair that has one: is it one of several? */
static void renew(struct dns_names *n, struct entry *e, uint32_t slot, uint64_t expires_ns, uint64_t now_ns)
{
	bool valid = now_ns < e->expires_ns;

	e->shared = valid && (e->shared || e->slot != slot);
	e->expires_ns = valid && e->slot == slot ? MAX(e->expires_ns, expires_ns) : expires_ns;
	dns_pool_drop(&n->pool, e->slot);
	e->slot = slot;
}

void dns_names_forget(struct dns_names *names, const uint32_t client[4], const uint32_t server[4])
{
	struct pair pair = pair_of(client, server);
	uint32_t index = find(names, &pair, bucket_of(names, &pair));

	if (index)
		drop(names, index);
}

bool dns_names_put(struct dns_names *names, const uint32_t client[4], const uint32_t server[4], const struct dns_name *name,
		   uint32_t ttl_s, uint64_t now_ns)
{
	struct pair pair = pair_of(client, server);
	uint64_t expires_ns = now_ns + MIN(MAX(ttl_s, DNS_NAMES_TTL_MIN_S), DNS_NAMES_TTL_MAX_S) * NS_PER_S;
	uint32_t bucket = bucket_of(names, &pair), index, slot;
	unsigned int left = DNS_NAMES_EVICT_MAX;

	do {
		slot = dns_pool_take(&names->pool, name);
	} while (!slot && evict(names, &left));
	if (!slot) {
		names->counters.refused++;
		dns_names_forget(names, client, server);	/* what it was called before is wrong now */
		return false;
	}
	names->counters.learnt++;
	index = find(names, &pair, bucket);
	if (index) {
		renew(names, &names->entries[index], slot, expires_ns, now_ns);
		use(names, index);
		return true;
	}
	left = 1;
	if (names->used == names->max)
		evict(names, &left);
	index = take_entry(names);
	names->entries[index] = (struct entry){ .pair = pair, .expires_ns = expires_ns, .slot = slot, .bucket = bucket,
						.in_bucket = names->buckets[bucket] };
	names->buckets[bucket] = index;
	become_newest(names, index);
	return true;
}

/* 0: not there, or dead; 1: valid; 2: expired. */
static unsigned int look(struct dns_names *n, const struct pair *pair, uint64_t now_ns, struct dns_names_found *ret_found)
{
	uint32_t index = find(n, pair, bucket_of(n, pair));
	const struct entry *e = &n->entries[index];

	if (!index)
		return 0;
	if (now_ns >= e->expires_ns + DNS_NAMES_GRACE_S * NS_PER_S) {
		n->counters.expired++;
		drop(n, index);
		return 0;
	}
	dns_pool_read(&n->pool, e->slot, &ret_found->name);
	ret_found->shared = e->shared;
	use(n, index);
	return now_ns < e->expires_ns ? 1 : 2;
}

/*
 * Somebody knows the server by another name, too: a host with IPv4 and IPv6 is two clients here, and asks as either one.
 * Only looks: that is no use of everybody's entry.
 */
static bool has_other_name(const struct dns_names *n, const struct pair *own, const struct pair *everybody, uint64_t now_ns)
{
	const struct entry *mine = &n->entries[find(n, own, bucket_of(n, own))];
	const uint32_t index = find(n, everybody, bucket_of(n, everybody));
	const struct entry *theirs = &n->entries[index];

	return index && now_ns < theirs->expires_ns + DNS_NAMES_GRACE_S * NS_PER_S && (theirs->shared || theirs->slot != mine->slot);
}

enum dns_names_source dns_names_lookup(struct dns_names *names, const uint32_t client[4], const uint32_t server[4],
				       uint64_t now_ns, struct dns_names_found *ret_found)
{
	struct pair own = pair_of(client, server), other = pair_of(NULL, server);
	unsigned int there = look(names, &own, now_ns, ret_found);

	if (there) {
		ret_found->shared |= has_other_name(names, &own, &other, now_ns);
		return there == 1 ? DNS_NAMES_OWN : DNS_NAMES_OWN_EXPIRED;
	}
	there = look(names, &other, now_ns, ret_found);
	if (there)
		return there == 1 ? DNS_NAMES_OTHER : DNS_NAMES_OTHER_EXPIRED;
	return DNS_NAMES_NONE;
}
