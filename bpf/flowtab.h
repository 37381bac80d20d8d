/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowtab - flow key -> slot of the flow table: find, claim, count.
 *
 * A flow lies in one of two buckets of 8 slots. Its place in the first one starts at a "home" slot, so that an
 * established flow is found at the first look nearly always. A new flow goes into its first bucket, or, when that is
 * BUCKET_SPILL full, into the emptier of the two: at half load none of a million flows is refused. A summary of the
 * bucket in its first slot says which other slots can hold the flow, and whether flows of this bucket lie in their
 * second one: only then is that one searched.
 *
 * A claimed slot becomes visible by one exchange of its tag. Two CPUs that see a new flow at once may make two slots:
 * later packets always find the same one first, and user space merges the other. No slot is ever evicted.
 */
#pragma once

#include "bpf/count.h"
#include "bpf/key.h"

struct flow_ref {
	struct flow_slot *slot;
	__u32 number;		/* bucket * BUCKET_SLOTS + place */
};

struct flow_search {
	struct flow_key key;
	__u64 hash;
	__u32 tag;
	__u32 home;
	__u32 bucket;
};

static __always_inline void flow_search_begin(struct flow_search *search)
{
	search->hash = key_hash(&search->key, cfg_seed);
	search->tag = key_tag(search->hash);
	search->home = (__u32)search->hash & (BUCKET_SLOTS - 1);
	search->bucket = (__u32)search->hash >> 3 & cfg_bucket_mask;
}

static __always_inline struct flow_slot *slot_find(__u32 number)
{
	__u32 at = number / BUCKET_SLOTS;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &at);

	return bucket ? &bucket->slot[number & (BUCKET_SLOTS - 1)] : 0;
}

static __always_inline int slot_is(const struct flow_slot *slot, const struct flow_search *search)
{
	return slot->tag == search->tag && key_equal(&slot->key, &search->key);
}

static __always_inline __u32 bucket_summary(const struct flow_bucket *bucket)
{
	return *(const volatile __u32 *)&bucket->slot[0].summary;
}

/* Place of the flow in @bucket, BUCKET_SLOTS when it is not there; only slots whose print fits are looked at. */
static __always_inline __u32 bucket_find(const struct flow_bucket *bucket, __u32 summary,
					 const struct flow_search *search)
{
	__u32 print = SUMMARY_PRINT(search->tag);

	for (__u32 i = 0; i < BUCKET_SLOTS; i++) {
		__u32 at = (search->home + i) & (BUCKET_SLOTS - 1);

		if ((summary >> SUMMARY_SHIFT(at) & 7) == print && slot_is(&bucket->slot[at], search))
			return at;
	}
	return BUCKET_SLOTS;
}

/* How many slots are taken, without a branch: the verifier would walk all the ways through the sum. */
static __always_inline __u32 summary_used(__u32 summary)
{
	__u32 taken = (summary | summary >> 1 | summary >> 2) & 00011111111;

	taken += taken >> 12;	/* four groups of 3 bits, each up to 2 */
	taken += taken >> 6;	/* two, each up to 4 */
	return (taken & 7) + (taken >> 3 & 7);
}

/*
 * A free slot of @bucket, now ours: its bits in the summary are set, its tag is still TAG_FREE. BUCKET_SLOTS when there
 * is none. Twice around, so that a slot is not missed when another CPU changes the bucket meanwhile.
 */
static __always_inline __u32 bucket_claim(struct flow_bucket *bucket, __u32 summary, const struct flow_search *search)
{
	for (__u32 i = 0; i < 2 * BUCKET_SLOTS; i++) {
		__u32 at = (search->home + i) & (BUCKET_SLOTS - 1), seen;

		if (summary >> SUMMARY_SHIFT(at) & 7)
			continue;
		seen = __sync_val_compare_and_swap(&bucket->slot[0].summary, summary,
						   summary | SUMMARY_PRINT(search->tag) << SUMMARY_SHIFT(at));
		if (seen == summary)
			return at;
		count_stat(STAT_CLAIM_LOST);
		summary = seen;
	}
	return BUCKET_SLOTS;
}

/* Found in the second bucket: 1, and *@ret is it. Rare: not inlined, to keep the way of established flows short. */
static __noinline int flow_find_spilled(const struct flow_search *search, struct flow_ref *ret)
{
	__u32 at, number = search->bucket ^ key_bucket_delta(search->tag, cfg_bucket_mask);
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &number);

	if (!bucket)
		return 0;
	at = bucket_find(bucket, bucket_summary(bucket), search);
	if (at >= BUCKET_SLOTS)
		return 0;
	ret->slot = &bucket->slot[at];
	ret->number = number * BUCKET_SLOTS + at;
	return 1;
}

static __always_inline int is_syn(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* A connection has ended and its ports are used again: a new flow. */
static __always_inline int is_reused(const struct flow_slot *slot, const struct packet *pkt)
{
	__u32 ended = TCP_FIN | TCP_RST;

	return is_syn(pkt) && slot->flags & (ended | ended << 8);
}

/* The sender of the first packet is the initiator (RFC 5103), unless that packet answers a SYN. */
static __always_inline __u32 flow_first_flags(const struct packet *pkt, __u32 from_b, __u16 port_flags)
{
	__u32 initiator_b = from_b, flags = port_flags & PORT_MIRROR ? FLOW_MIRROR : 0;

	if (pkt->tcp_flags & TCP_SYN) {
		flags |= FLOW_SYN_SEEN | FLOW_CLIENT_SEQ;
		if (!is_syn(pkt))
			initiator_b = !from_b;
	}
	return flags | (initiator_b ? FLOW_INITIATOR_B : 0);
}

static __always_inline __u32 flow_bucket_used(const struct flow_search *search)
{
	const struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &search->bucket);

	return bucket ? summary_used(bucket_summary(bucket)) : 0;
}

/* What one packet adds to its flow. */
struct flow_add {
	__u32 from_b;
	__u32 flags;
	__u64 bytes;
	__u64 count;	/* as flow_slot.count */
	__u64 now_ns;
};

/*
 * Claims a slot for the flow that begins with @pkt, with that packet in it, and makes it visible: until then nobody
 * else writes there, so that it takes no atomics. 0 when both buckets are full.
 */
static __noinline int flow_claim(const struct flow_search *search, const struct packet *pkt,
				 const struct flow_add *add, struct flow_ref *ret)
{
	__u32 number = search->bucket, flags = add->flags, side = add->from_b & 1, summary, used, at;
	struct flow_bucket *first = bpf_map_lookup_elem(&flows, &number), *bucket = first;
	struct flow_slot *slot;

	if (!first)
		return 0;
	summary = bucket_summary(first);
	used = summary_used(summary);
	if (used >= BUCKET_SPILL && summary / SUMMARY_SPILL < SUMMARY_SPILL_MAX) {
		__u32 second = number ^ key_bucket_delta(search->tag, cfg_bucket_mask);
		struct flow_bucket *other = bpf_map_lookup_elem(&flows, &second);

		if (other && summary_used(bucket_summary(other)) < used) {
			bucket = other;
			number = second;
			summary = bucket_summary(other);
			flags |= FLOW_ALT;
		}
	}
	if (flags & FLOW_ALT)
		__sync_fetch_and_add(&first->slot[0].summary, SUMMARY_SPILL);	/* before the slot shows */
	at = bucket_claim(bucket, summary, search);
	if (at >= BUCKET_SLOTS) {
		if (flags & FLOW_ALT)
			__sync_fetch_and_add(&first->slot[0].summary, -SUMMARY_SPILL);
		return 0;
	}
	slot = &bucket->slot[at];
	slot->key = search->key;
	slot->first_ns = add->now_ns;
	slot->last_ns = add->now_ns;
	slot->bytes[side] = add->bytes;
	slot->count[side] = add->count;
	slot->client_seq = is_syn(pkt) ? pkt->tcp_seq : pkt->tcp_ack;
	slot->flags = flags | FLOW_FRESH;
	__sync_lock_test_and_set(&slot->tag, search->tag);
	ret->slot = slot;
	ret->number = number * BUCKET_SLOTS + at;
	return 1;
}

/* Only looks. 0: not in the table. */
static __always_inline int flow_find(const struct flow_search *search, struct flow_ref *ret)
{
	__u32 number = search->bucket, at = search->home, summary;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &number);

	if (!bucket)
		return 0;
	/* The counters lie in the slot's other cache line: asked for now, both come at once. */
	asm volatile("" : : "r"(bucket->slot[at].flags));
	if (!slot_is(&bucket->slot[at], search)) {
		summary = bucket_summary(bucket);
		at = bucket_find(bucket, summary, search);
		if (at >= BUCKET_SLOTS)
			return summary >= SUMMARY_SPILL ? flow_find_spilled(search, ret) : 0;
	}
	ret->slot = &bucket->slot[at];
	ret->number = number * BUCKET_SLOTS + at;
	return 1;
}

/* BOOK_FLOW, or BOOK_COUNTER_FULL when nobody has taken the counters for 2^27 frames. */
static __always_inline enum book_class flow_count(struct flow_slot *slot, const struct flow_add *add)
{
	__u32 side = add->from_b & 1;

	if (slot->count[side] & COUNT_FULL)
		return BOOK_COUNTER_FULL;
	__sync_fetch_and_add(&slot->bytes[side], add->bytes);
	__sync_fetch_and_add(&slot->count[side], add->count);
	slot->last_ns = add->now_ns;
	if ((slot->flags & add->flags) != add->flags)
		__sync_fetch_and_or(&slot->flags, add->flags);
	return BOOK_FLOW;
}

/* No packet matches it any more; user space takes what is in it. */
static __always_inline void flow_kill(struct flow_slot *slot, __u32 tag)
{
	__sync_val_compare_and_swap(&slot->tag, tag, (tag & TAG_HASH) | TAG_DEAD);
}

static __always_inline void flow_flag(struct flow_slot *slot, __u32 flags)
{
	if ((slot->flags & flags) != flags)
		__sync_fetch_and_or(&slot->flags, flags);
}
