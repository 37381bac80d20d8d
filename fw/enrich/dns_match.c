/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_match.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

#define WAITING_LIMIT	(1u << 20)
#define NONE		0	/* no query has this index */

struct query {
	struct dns_match_flow flow;
	uint64_t question;	/* hash */
	uint64_t first_ns, last_ns;
	uint32_t repeats;
	uint32_t bucket, in_bucket;	/* the next one there */
	uint32_t older, newer;		/* by first_ns, as it came; a free one: @newer is the next free */
};

struct dns_match {
	struct siphash_key seed;
	struct dns_match_counters counters;
	uint32_t oldest, newest, free, fresh;	/* @fresh: the first one never used */
	uint32_t max, used, mask;
	uint32_t *buckets;
	struct query queries[];
};

int dns_match_new(struct dns_match **ret_match, size_t waiting, struct siphash_key seed)
{
	struct dns_match *match;
	uint32_t buckets = 1;

	_Static_assert(sizeof(struct query) + 2 * sizeof(uint32_t) <= 112, "the header says so");
	if (!waiting || waiting > WAITING_LIMIT)
		return -EINVAL;
	while (buckets < waiting)
		buckets *= 2;
	match = malloc(sizeof(*match) + (waiting + 1) * sizeof(match->queries[0]));
	if (!match)
		return -ENOMEM;
	*match = (struct dns_match){ .seed = seed, .fresh = 1, .max = (uint32_t)waiting, .mask = buckets - 1 };
	match->buckets = calloc(buckets, sizeof(match->buckets[0]));
	if (!match->buckets) {
		dns_match_free(match);
		return -ENOMEM;
	}
	*ret_match = match;
	return 0;
}

struct dns_match *dns_match_free(struct dns_match *match)
{
	if (match)
		free(match->buckets);
	free(match);
	return NULL;
}

struct dns_match_counters dns_match_counters(const struct dns_match *match)
{
	return match->counters;
}

size_t dns_match_waiting(const struct dns_match *match)
{
	return match->used;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static bool is_late(const struct query *q, uint64_t now_ns)
{
	return since(q->first_ns, now_ns) >= DNS_MATCH_TIMEOUT_NS;
}

static uint64_t hash_question(const struct dns_match *match, const struct dns_message *m)
{
	struct dns_name name = m->qname;

	dns_name_fold(&name);
	return siphash(match->seed, name.bytes, name.len) ^ ((uint64_t)m->qtype << 16 | m->qclass);
}

static void unlink_query(struct dns_match *match, uint32_t index)
{
	struct query *q = &match->queries[index];
	uint32_t *link = &match->buckets[q->bucket];

	while (*link != index)
		link = &match->queries[*link].in_bucket;
	*link = q->in_bucket;
	*(q->older ? &match->queries[q->older].newer : &match->oldest) = q->newer;
	*(q->newer ? &match->queries[q->newer].older : &match->newest) = q->older;
	q->newer = match->free;
	match->free = index;
	match->used--;
}

static uint32_t take_free(struct dns_match *match)
{
	uint32_t index = match->free;

	if (index) {
		match->free = match->queries[index].newer;
		return index;
	}
	if (match->fresh <= match->max)
		return match->fresh++;
	match->counters.replaced++;
	unlink_query(match, match->oldest);
	return take_free(match);
}

static void put_query(struct dns_match *match, const struct query *query)
{
	uint32_t index = take_free(match);
	struct query *q = &match->queries[index];

	*q = *query;
	q->in_bucket = match->buckets[q->bucket];
	match->buckets[q->bucket] = index;
	q->older = match->newest;
	q->newer = NONE;
	*(q->older ? &match->queries[q->older].newer : &match->oldest) = index;
	match->newest = index;
	match->used++;
}

/* The newest in time: several of a kind wait when some are late, or when the answer has no question. */
static uint32_t find(const struct dns_match *match, const struct query *key, bool any_question, uint64_t now_ns)
{
	uint32_t index = match->buckets[key->bucket];

	for (; index; index = match->queries[index].in_bucket) {
		const struct query *q = &match->queries[index];

		if (!memcmp(&q->flow, &key->flow, sizeof(q->flow)) && (any_question || q->question == key->question) &&
		    !is_late(q, now_ns))
			break;
	}
	return index;
}

static struct dns_match_transaction transaction_of(const struct query *q)
{
	return (struct dns_match_transaction){ .flow = q->flow, .first_ns = q->first_ns, .last_ns = q->last_ns,
					       .repeats = q->repeats };
}

enum dns_match_result dns_match_add(struct dns_match *match, const struct dns_match_flow *flow, const struct dns_message *m,
				    uint64_t now_ns, struct dns_match_transaction *ret_transaction)
{
	struct query key = { .flow = *flow, .first_ns = now_ns, .last_ns = now_ns };
	uint32_t index;

	_Static_assert(sizeof(struct dns_match_flow) == 40, "no padding: it is compared and hashed as bytes");
	key.flow.id = m->id;
	key.question = hash_question(match, m);
	key.bucket = (uint32_t)siphash(match->seed, &key.flow, sizeof(key.flow)) & match->mask;
	index = find(match, &key, m->response && !dns_has_question(m), now_ns);
	if (!m->response && index) {
		match->queries[index].repeats++;
		match->queries[index].last_ns = now_ns;
		match->counters.repeats++;
		return DNS_MATCH_REPEATED;
	}
	if (!m->response) {
		put_query(match, &key);
		match->counters.queries++;
		return DNS_MATCH_QUERY;
	}
	if (!index) {
		match->counters.strays++;
		return DNS_MATCH_STRAY;
	}
	*ret_transaction = transaction_of(&match->queries[index]);
	ret_transaction->response_ns = since(ret_transaction->first_ns, now_ns);
	ret_transaction->rcode = m->rcode;
	ret_transaction->answered = true;
	match->counters.answered++;
	unlink_query(match, index);
	return DNS_MATCH_ANSWER;
}

bool dns_match_expired(struct dns_match *match, uint64_t now_ns, struct dns_match_transaction *ret_transaction)
{
	const struct query *q = &match->queries[match->oldest];

	if (!match->oldest || !is_late(q, now_ns))
		return false;
	*ret_transaction = transaction_of(q);
	match->counters.expired++;
	unlink_query(match, match->oldest);
	return true;
}
