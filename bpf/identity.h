/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity - when a flow's payload is looked at, and what becomes of it: the TLS hello walk of hello.h, tied to a slot.
 *
 * Looks at the first payload of the initiator (of both ends, where the flow was not seen from its start) and, when it
 * is a TLS handshake record, walks the ClientHello over as many in-order segments as it takes. The walk lies in the pool
 * "hellos"; user space takes the names and frees it. Costs one flag test once FLOW_HELLO_DONE is set.
 */
#pragma once

#include "bpf/event.h"
#include "bpf/flowtab.h"

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

/* The same, and there is a walk whose result user space can take. */
static __always_inline void identity_walked(struct flow_ref *flow, enum name_status status)
{
	identity_end(flow, status);
	count_stat(STAT_HELLO_DONE);
	event_hello(flow->slot->key.port, flow->number, flow->slot->last_ns);
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

/* Feeds the packet's payload to the walk. Another CPU in the same walk: the segment is lost to it, and counted. */
static __always_inline void identity_feed(void *ctx, enum hook_kind kind, const struct packet *pkt, struct flow_ref *flow)
{
	__u32 at = flow->slot->hello - 1, from;
	struct hello_entry *entry = bpf_map_lookup_elem(&hellos, &at);
	struct scratch *tmp = scratch_find();
	struct hello *hello;

	if (!entry || !tmp || entry->owner != flow->number + 1)
		return;
	if (__sync_val_compare_and_swap(&entry->busy, 0, 1)) {
		count_stat(STAT_HELLO_BUSY);
		return;
	}
	hello = &entry->hello;
	from = hello_accept(hello, pkt->tcp_seq, pkt->payload_len);
	for (int i = 0; i < HELLO_CHUNKS && from < pkt->payload_len && hello->status == HELLO_MORE; i++) {
		__u32 len = pkt->payload_len - from;

		if (len > HELLO_CHUNK)
			len = HELLO_CHUNK;
		/* The verifier wants 1 <= len <= HELLO_CHUNK without a comparison that the compiler can see through. */
		len -= 1;
		asm volatile("" : "+r"(len));
		len &= HELLO_CHUNK - 1;
		len += 1;
		if (frame_load(ctx, kind, pkt->payload_off + from, tmp->buf.bytes, len))
			break;	/* snapped capture: the rest is not there */
		tmp->buf.len = len;
		hello_walk(hello, &tmp->buf);
		from += len;
	}

	switch (hello->status) {
	case HELLO_MORE:
		flow->slot->name_status = hello->flags & HELLO_GAP ? NAME_OUT_OF_ORDER : NAME_TRUNCATED;
		break;
	case HELLO_COMPLETE:
		identity_walked(flow, hello->flags & HELLO_SNI ? NAME_OK : NAME_NO_SNI);
		break;
	case HELLO_NOT_HELLO:
		identity_walked(flow, flow->slot->flags & FLOW_SYN_SEEN ? NAME_NOT_TLS : NAME_MIDSTREAM);
		break;
	case HELLO_BAD:
		identity_walked(flow, NAME_BAD_HELLO);
		break;
	default:
		identity_walked(flow, NAME_LIMIT);
		break;
	}
	__sync_lock_test_and_set(&entry->busy, 0);
}

static __always_inline void identity_start(void *ctx, enum hook_kind kind, const struct packet *pkt, __u32 from_b,
					   struct flow_ref *flow)
{
	long at = hello_claim(flow);
	__u32 index = (__u32)at;
	struct hello_entry *entry;

	if (at < 0) {
		count_stat(STAT_HELLO_POOL_FULL);
		identity_end(flow, NAME_TABLE_FULL);
		return;
	}
	entry = bpf_map_lookup_elem(&hellos, &index);
	if (!entry)
		return;
	/* A CPU may still be in a walk that was given up here: it ends in this packet's time, so busy is waited for by
	 * nobody, and the entry goes back. */
	if (__sync_val_compare_and_swap(&entry->busy, 0, 1)) {
		__sync_lock_test_and_set(&entry->owner, 0);
		count_stat(STAT_HELLO_BUSY);
		identity_end(flow, NAME_TABLE_FULL);
		return;
	}
	count_stat(STAT_HELLO_STARTED);
	hello_begin(&entry->hello, pkt->tcp_seq);
	__sync_lock_test_and_set(&entry->busy, 0);
	flow->slot->hello = index + 1;
	flow_flag(flow->slot, FLOW_HELLO_WALK | (from_b ? FLOW_HELLO_B : 0));
	identity_feed(ctx, kind, pkt, flow);
}

/* A TCP packet with payload, of a flow without FLOW_HELLO_DONE. */
static __always_inline void identity_step(void *ctx, enum hook_kind kind, const struct packet *pkt, __u32 from_b,
					  struct flow_ref *flow)
{
	struct flow_slot *slot = flow->slot;
	__u32 flags = slot->flags, side = from_b ? FLOW_PAYLOAD_B : FLOW_PAYLOAD_A;
	__u8 first = 0;

	if (flags & FLOW_HELLO_WALK) {
		if (!from_b == !(flags & FLOW_HELLO_B))
			identity_feed(ctx, kind, pkt, flow);
		return;
	}
	if (flags & side)
		return;
	if (flags & FLOW_SYN_SEEN && !from_b != !(flags & FLOW_INITIATOR_B)) {
		flow_flag(slot, side);	/* server speaks first (SMTP, SSH): the client's hello may still come */
		return;
	}
	if (flags & FLOW_CLIENT_SEQ && pkt->tcp_seq != slot->client_seq) {
		slot->name_status = NAME_OUT_OF_ORDER;	/* a later segment: the first one may still come */
		return;
	}
	if (frame_load(ctx, kind, pkt->payload_off, &first, 1))
		return;
	if (__sync_fetch_and_or(&slot->flags, side) & side)
		return;	/* another CPU has the same segment: one walk is enough */
	if (first == TLS_HANDSHAKE)
		identity_start(ctx, kind, pkt, from_b, flow);
	else if (flags & FLOW_SYN_SEEN)
		identity_end(flow, NAME_NOT_TLS);
	else if (flags & (FLOW_PAYLOAD_A | FLOW_PAYLOAD_B))
		identity_end(flow, NAME_MIDSTREAM);	/* neither end began with a hello */
	else
		slot->name_status = NAME_MIDSTREAM;
}
