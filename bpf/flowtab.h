/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowtab - flow key -> slot of the flow table: find, claim, count.
 *
 * A flow lies in one of two buckets of 8 slots. Its place in the first one starts at a "home" slot, so that an
 * established flow is found at the first look nearly always. A new flow goes into its first bucket, or, when that is
 * BUCKET_SPILL full, into the emptier of the two: at half load none of a million flows is refused. A bucket that sent
 * flows away says so in slot[0].spill; only then is the second one searched.
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

/* Place of the flow in @bucket, BUCKET_SLOTS when it is not there. */
static __always_inline __u32 bucket_find(const struct flow_bucket *bucket, const struct flow_search *search)
{
	for (__u32 i = 0; i < BUCKET_SLOTS; i++) {
		__u32 at = (search->home + i) & (BUCKET_SLOTS - 1);

		if (bucket->slot[at].tag == search->tag && key_equal(&bucket->slot[at].key, &search->key))
			return at;
	}
	return BUCKET_SLOTS;
}

static __always_inline __u32 bucket_used(const struct flow_bucket *bucket)
{
	__u32 used = 0;

	for (__u32 i = 0; i < BUCKET_SLOTS; i++) {
		__u32 tag = bucket->slot[i].tag, minus = -tag;

		/* tag != TAG_FREE, but not as a branch: the verifier would walk all the ways through the sum. */
		asm volatile("" : "+r"(minus));
		used += (tag | minus) >> 31;
	}
	return used;
}

/* A free slot of @bucket, now BUSY and ours; BUCKET_SLOTS when there is none. */
static __always_inline __u32 bucket_claim(struct flow_bucket *bucket, __u32 home)
{
	for (__u32 i = 0; i < BUCKET_SLOTS; i++) {
		__u32 at = (home + i) & (BUCKET_SLOTS - 1);

		if (bucket->slot[at].tag != TAG_FREE)
			continue;
		if (__sync_val_compare_and_swap(&bucket->slot[at].tag, TAG_FREE, TAG_BUSY) == TAG_FREE)
			return at;
		count_stat(STAT_CLAIM_LOST);
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
	at = bucket_find(bucket, search);
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

/* Claims a slot for the flow that begins with @pkt and makes it visible. 0 when both buckets are full. */
static __noinline int flow_claim(const struct flow_search *search, const struct packet *pkt, __u32 flags,
				 __u64 now_ns, struct flow_ref *ret)
{
	__u32 number = search->bucket, used, at;
	struct flow_bucket *first = bpf_map_lookup_elem(&flows, &number), *bucket = first;
	struct flow_slot *slot;

	if (!first)
		return 0;
	used = bucket_used(first);
	if (used >= BUCKET_SPILL) {
		__u32 second = number ^ key_bucket_delta(search->tag, cfg_bucket_mask);
		struct flow_bucket *other = bpf_map_lookup_elem(&flows, &second);

		if (other && bucket_used(other) < used) {
			bucket = other;
			number = second;
			flags |= FLOW_ALT;
		}
	}
	if (flags & FLOW_ALT)
		__sync_fetch_and_add(&first->slot[0].spill, 1);	/* before the slot shows: it must be found */
	at = bucket_claim(bucket, search->home);
	if (at >= BUCKET_SLOTS) {
		if (flags & FLOW_ALT)
			__sync_fetch_and_add(&first->slot[0].spill, -1);
		return 0;
	}
	slot = &bucket->slot[at];
	slot->key = search->key;
	slot->first_ns = now_ns;
	slot->last_ns = now_ns;
	slot->client_seq = is_syn(pkt) ? pkt->tcp_seq + 1 : pkt->tcp_ack;
	slot->flags = flags | FLOW_FRESH;
	__sync_lock_test_and_set(&slot->tag, search->tag);
	ret->slot = slot;
	ret->number = number * BUCKET_SLOTS + at;
	return 1;
}

/* Only looks. 0: not in the table. */
static __always_inline int flow_find(const struct flow_search *search, struct flow_ref *ret)
{
	__u32 number = search->bucket, at;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &number);

	if (!bucket)
		return 0;
	at = bucket_find(bucket, search);
	if (at < BUCKET_SLOTS) {
		ret->slot = &bucket->slot[at];
		ret->number = number * BUCKET_SLOTS + at;
		return 1;
	}
	return bucket->slot[0].spill ? flow_find_spilled(search, ret) : 0;
}

/* BOOK_FLOW, or BOOK_COUNTER_FULL when nobody has taken the counters for 2^27 frames. */
static __always_inline enum book_class flow_count(struct flow_slot *slot, __u32 from_b, __u32 frames, __u32 bytes,
						  __u32 overhead, __u64 now_ns)
{
	from_b &= 1;
	if (slot->count[from_b] & COUNT_FULL)
		return BOOK_COUNTER_FULL;
	__sync_fetch_and_add(&slot->bytes[from_b], (__u64)bytes);
	__sync_fetch_and_add(&slot->count[from_b], (__u64)frames | (__u64)overhead << COUNT_FRAMES_BITS);
	slot->last_ns = now_ns;
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
