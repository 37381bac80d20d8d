/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity - when a flow's payload is looked at, and what becomes of it: the TLS hello walk of hello.h, tied to a slot,
 * and the copies of copy.h.
 *
 * Looks at the first payload of the initiator (of both ends, where the flow was not seen from its start). User space reads it
 * from its copy. A TLS hello of more than one chunk, or whose copy found no place, is walked over as many in-order segments
 * as it takes: so server_name and ALPN are known also when the ring is full. The walk lies in the pool "hellos"; user space
 * takes the names and frees it. Costs one test of flags once nothing is of interest any more.
 */
#pragma once

#include "bpf/copy.h"

#define TLS_HANDSHAKE	0x16	/* ContentType, RFC 8446 5.1 */
#define HELLO_PROBES	8	/* places of the pool tried for a new walk */
#define HELLO_CHUNKS	8	/* of HELLO_CHUNK bytes: 16 kB of one packet are walked (GRO, jumbo) */

enum hook_kind { HOOK_XDP, HOOK_TC };

static __always_inline long frame_load(void *ctx, enum hook_kind kind, __u32 off, void *to, __u32 len)
{
	return kind == HOOK_XDP ? bpf_xdp_load_bytes(ctx, off, to, len) : bpf_skb_load_bytes(ctx, off, to, len);
}

/* No payload of this flow is looked at any more. */
static __always_inline void identity_end(struct flow_ref *flow, enum name_status status)
{
	flow->slot->name_status = status;
	flow_flag(flow->slot, FLOW_HELLO_DONE);
}

/* A free walk of the pool, now this flow's: its index, or -1. */
static __always_inline long hello_claim(const struct flow_ref *flow)
{
	for (__u32 i = 0; i < HELLO_PROBES; i++) {
		/* Spread by slot number; a multiplication so that the slots of one bucket do not fight. */
		__u32 at = ((flow->number * 0x9e3779b1u >> 8) + i) & cfg_hello_mask;
		struct hello_entry *entry = bpf_map_lookup_elem(&hellos, &at);

		if (entry && entry->owner == 0 && entry->busy == 0 && __sync_val_compare_and_swap(&entry->owner, 0, flow->number + 1) == 0)
			return at;
	}
	return -1;
}

/* The flow's walk, now this CPU's; NULL: none, or another CPU is in it (the segment is lost to it, and counted). */
static __always_inline struct hello_entry *identity_enter(const struct flow_ref *flow)
{
	__u32 at = flow->slot->hello - 1;
	struct hello_entry *entry = bpf_map_lookup_elem(&hellos, &at);

	if (!entry || entry->owner != flow->number + 1)
		return 0;
	if (__sync_val_compare_and_swap(&entry->busy, 0, 1)) {
		count_stat(STAT_HELLO_BUSY);
		return 0;
	}
	return entry;
}

/* A new walk that begins with this packet, now this CPU's: 1 + its index, or 0. */
static __always_inline __u32 identity_start(const struct packet *pkt, __u32 from_b, struct flow_ref *flow)
{
	long at = hello_claim(flow);
	__u32 index = (__u32)at;
	struct hello_entry *entry;

	if (at < 0) {
		count_stat(STAT_HELLO_POOL_FULL);
		identity_end(flow, NAME_TABLE_FULL);
		return 0;
	}
	entry = bpf_map_lookup_elem(&hellos, &index);
	if (!entry)
		return 0;
	/* A CPU may still be in a walk that was given up here: it ends in this packet's time, so busy is waited for by
	 * nobody, and the entry goes back. */
	if (__sync_val_compare_and_swap(&entry->busy, 0, 1)) {
		__sync_lock_test_and_set(&entry->owner, 0);
		count_stat(STAT_HELLO_BUSY);
		identity_end(flow, NAME_TABLE_FULL);
		return 0;
	}
	count_stat(STAT_HELLO_STARTED);
	hello_begin(&entry->hello, pkt->tcp_seq);
	flow->slot->hello = index + 1;
	flow_flag(flow->slot, FLOW_HELLO_WALK | (from_b ? FLOW_HELLO_B : 0));
	return index + 1;
}

/* May the hello begin with this packet? Else what is known of the name so far is noted. */
static __always_inline int identity_may_start(const struct packet *pkt, __u32 from_b, struct flow_slot *slot)
{
	__u32 flags = slot->flags, side = from_b ? FLOW_PAYLOAD_B : FLOW_PAYLOAD_A;

	if (flags & (side | FLOW_HELLO_DONE | FLOW_HELLO_WALK) || !(pkt->bits & PACKET_TCP))
		return 0;
	if (flags & FLOW_SYN_SEEN && !from_b != !(flags & FLOW_INITIATOR_B)) {
		flow_flag(slot, side);	/* server speaks first (SMTP, SSH): the client's hello may still come */
		return 0;
	}
	if (flags & FLOW_CLIENT_SEQ && pkt->tcp_seq != slot->client_seq) {
		slot->name_status = NAME_OUT_OF_ORDER;	/* a later segment: the first one may still come */
		return 0;
	}
	return 1;
}

/* The first payload of a side, whose first byte is @first. A walk where it looks like a TLS handshake, else 0. */
static __always_inline __u32 identity_first(const struct packet *pkt, __u32 from_b, struct flow_ref *flow, __u8 first)
{
	struct flow_slot *slot = flow->slot;
	__u32 flags = slot->flags, side = from_b ? FLOW_PAYLOAD_B : FLOW_PAYLOAD_A;

	if (__sync_fetch_and_or(&slot->flags, side) & side)
		return 0;	/* another CPU has the same segment: one walk is enough */
	if (first == TLS_HANDSHAKE)
		return identity_start(pkt, from_b, flow);
	if (flags & FLOW_SYN_SEEN)
		identity_end(flow, NAME_NOT_TLS);
	else if (flags & (FLOW_PAYLOAD_A | FLOW_PAYLOAD_B))
		identity_end(flow, NAME_MIDSTREAM);	/* neither end began with a hello */
	else
		slot->name_status = NAME_MIDSTREAM;
	return 0;
}

/* What a walk has come to. True: to its end; user space can take its result. */
static __always_inline int identity_result(const struct hello *hello, struct flow_ref *flow)
{
	enum name_status status = NAME_LIMIT;

	switch (hello->status) {
	case HELLO_MORE:
		flow->slot->name_status = hello->flags & HELLO_GAP ? NAME_OUT_OF_ORDER : NAME_TRUNCATED;
		return 0;
	case HELLO_COMPLETE:
		status = hello->flags & HELLO_SNI ? NAME_OK : NAME_NO_SNI;
		break;
	case HELLO_NOT_HELLO:
		status = flow->slot->flags & FLOW_SYN_SEEN ? NAME_NOT_TLS : NAME_MIDSTREAM;
		break;
	case HELLO_BAD:
		status = NAME_BAD_HELLO;
		break;
	}
	identity_end(flow, status);
	count_stat(STAT_HELLO_DONE);
	return 1;
}

static __always_inline struct hello_entry *look_walk(const struct look *look)
{
	__u32 at = look->walk - 1;

	return look->walk ? bpf_map_lookup_elem(&hellos, &at) : 0;
}

/*
 * One chunk of the packet that scratch.look is about: fed to the walk, if there is one, then copied. What goes on from
 * chunk to chunk is in map memory, and the callers are global functions: else the verifier multiplies the chunks by the
 * ways through one. 0: there is another chunk.
 */
static __always_inline int identity_chunk(void *ctx, enum hook_kind kind)
{
	struct scratch *tmp = scratch_find();
	struct hello_entry *walk;
	struct flow_ref flow;
	struct look *look;
	__u32 len, whole, copied = 0;

	if (!tmp)
		return 1;
	look = &tmp->look;
	flow.number = look->slot;
	flow.slot = slot_find(look->slot);
	if (!flow.slot || !(look->copy | look->start | look->walk) || look->at >= look->end)
		return 1;
	len = look->end - look->at;
	if (look->at < look->from && len > look->from - look->at)
		len = look->from - look->at;	/* sent before: the walk goes on behind it */
	if (len > HELLO_CHUNK)
		len = HELLO_CHUNK;
	/* The verifier wants 1 <= len <= HELLO_CHUNK without a comparison that the compiler can see through. */
	len -= 1;
	asm volatile("" : "+r"(len));
	len &= HELLO_CHUNK - 1;
	len += 1;
	if (frame_load(ctx, kind, tmp->pkt.payload_off + look->at, tmp->buf.bytes, len)) {	/* cannot be */
		count_stat(STAT_COPY_LOST);
		return 1;
	}
	tmp->buf.len = len;
	/* Of a TLS hello the time is precise where its round trip is measured: it is not worth a clock of its own. */
	if (tmp->precise_ns)
		tmp->copy.event.time_ns = tmp->precise_ns;
	else if (look->at == 0 && tmp->buf.bytes[0] != TLS_HANDSHAKE)
		tmp->copy.event.time_ns = clock_precise_ns();
	/* A copy is sent last: what user space makes of it must not be overwritten. */
	whole = look->copy && look->start && hello_is_whole(&tmp->buf);
	if (whole) {
		copied = copy_send(tmp, &tmp->pkt, look->at, tmp->buf.len);
		if (copied)
			flow_flag(flow.slot, FLOW_HELLO_DONE | (look->from_b ? FLOW_PAYLOAD_B : FLOW_PAYLOAD_A));
	}
	if (look->start && !copied)
		look->walk = identity_first(&tmp->pkt, look->from_b, &flow, tmp->buf.bytes[0]);
	look->start = 0;
	walk = look_walk(look);
	look->told = 1;	/* what has no walk has no result to take */
	if (walk && look->at >= look->from && walk->hello.status == HELLO_MORE) {
		hello_walk(&walk->hello, &tmp->buf);
		look->told = !identity_result(&walk->hello, &flow);
	}
	if (look->copy) {
		flow.slot->copies[look->from_b & 1]++;
		if (!whole)
			copied = copy_send(tmp, &tmp->pkt, look->at, tmp->buf.len);
		if (!copied && flow.slot->name_status == NAME_NONE_YET)
			flow.slot->name_status = NAME_LOST_SEGMENT;
	}
	if (!look->told && !copied)
		event_hello(flow.slot->key.port, flow.number, flow.slot->last_ns);
	look->at += tmp->buf.len;
	return 0;
}

/* A packet with payload, of a flow of interest. True: there is something to do with its chunks. */
static __always_inline int identity_begin(struct scratch *tmp, const struct packet *pkt, const struct frame *frame,
					  __u32 from_b, struct flow_ref *flow)
{
	struct flow_slot *slot = flow->slot;
	struct look *look = &tmp->look;

	look->slot = flow->number;
	look->from_b = from_b;
	look->at = look->from = look->walk = 0;
	look->end = frame->here > pkt->payload_off ? frame->here - pkt->payload_off : 0;
	if (look->end > pkt->payload_len)
		look->end = pkt->payload_len;
	look->copy = copy_wanted(slot, pkt, from_b);
	look->start = identity_may_start(pkt, from_b, slot);
	if ((slot->flags & (FLOW_HELLO_WALK | FLOW_HELLO_DONE)) == FLOW_HELLO_WALK &&
	    !from_b == !(slot->flags & FLOW_HELLO_B)) {
		struct hello_entry *walk = identity_enter(flow);

		if (walk) {
			look->walk = slot->hello;
			look->from = hello_accept(&walk->hello, pkt->tcp_seq, pkt->payload_len);
			identity_result(&walk->hello, flow);	/* a gap shows here */
		}
	}
	if (look->copy)
		copy_begin(tmp, pkt, frame, flow->number, from_b);
	return look->copy | look->start | look->walk;
}

static __always_inline void identity_end_look(struct scratch *tmp)
{
	struct hello_entry *walk = look_walk(&tmp->look);

	if (walk)
		__sync_lock_test_and_set(&walk->busy, 0);
}

/* ARP, which is no flow. */
static __always_inline void identity_arp(void *ctx, enum hook_kind kind, const struct frame *frame)
{
	struct scratch *tmp = scratch_find();

	if (!tmp)
		return;
	copy_begin(tmp, &tmp->pkt, frame, COPY_NO_SLOT, 0);
	if (!frame_load(ctx, kind, tmp->pkt.payload_off, tmp->buf.bytes, ARP_IPV4_BYTES))
		copy_send(tmp, &tmp->pkt, 0, ARP_IPV4_BYTES);
}
